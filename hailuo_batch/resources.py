"""The JSON Schemas that ship with the program.

A wheel has them in `hailuo_batch/_schemas`, a checkout in its folder `schemas`.
"""

from pathlib import Path

_PACKAGED = Path(__file__).parent / "_schemas"
_CHECKOUT = Path(__file__).parent.parent / "schemas"


def load_schema_text(name: str) -> str:
    """The text of a shipped schema, such as `manifest` or `models/hailuo-pro`."""
    root = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    return (root / f"{name}.schema.json").read_text(encoding="utf-8")

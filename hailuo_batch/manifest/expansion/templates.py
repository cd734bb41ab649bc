"""The texts of a written shot, split at their variables and checked for names that do not exist: once for each shot.

Knows which names there are from whoever asks, and nothing of where their values come from.
"""

from collections.abc import Collection
from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import Report
from hailuo_batch.manifest.document import WrittenShot
from hailuo_batch.manifest.expansion.substitution import Pattern, parse_pattern
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.validation.schema_errors import suggestion
from hailuo_batch.manifest.yaml.nodes import Scalar


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the manifest, split at its variables."""

    node: Scalar
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one written shot. None stands for one that is absent or was reported."""

    id: Text | None
    prompt: Text | None
    image_urls: tuple[Text | None, ...]
    tags: tuple[Text | None, ...]


def split_texts(written: WrittenShot, names: Collection[str] | None, report: Report) -> Texts:
    """The shot's texts. Reports what cannot be put in; `names` is None where it cannot be told what can."""

    def split(node: Scalar | None) -> Text | None:
        return None if node is None else _split(node, names, report)

    return Texts(
        id=split(written.id),
        prompt=split(written.prompt),
        image_urls=tuple(map(split, written.image_urls)),
        tags=tuple(map(split, written.tags)),
    )


def _split(node: Scalar, names: Collection[str] | None, report: Report) -> Text | None:
    pattern = parse_pattern(node.text)
    for offset in pattern.lone:
        _tell_lone(node, offset, names or (), report)
    # rule unknown_name
    unknown = [] if names is None else [name for name in pattern.names if name.name not in names]
    for name in unknown:
        hint = suggestion(name.name, list(names or ())) or "add it to `vars`, or write `$$` for a dollar sign"
        # rule unknown_name_place
        report.error(node.spot(name.offset), f"unknown variable {quoted(name.name)}", hint)
    return None if unknown or pattern.lone else Text(node, pattern)


def _tell_lone(node: Scalar, offset: int, names: Collection[str], report: Report) -> None:
    meant = node.text[offset + 2 : offset + 1000].partition("}")[0]
    if node.text.startswith("${", offset) and meant in names:
        message = f"the column {quoted(meant)} cannot be put in: a name has only letters, digits and `_`"
        report.error(node.spot(offset), message, "rename it in the header of the table")
    else:
        # rule two_dollars
        report.error(node.spot(offset), "a lone `$` begins no variable", "write `$$` for a dollar sign")

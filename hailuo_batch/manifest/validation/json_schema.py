"""The library that explains why a value is not what its schema says, with `pattern` as ECMA-262 defines it.

Imported only once something is wrong: its import takes longer than a small manifest's whole check.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from hailuo_batch.manifest.validation.fast_check import compile_pattern

Validator = Any  # jsonschema makes its validator classes at run time, and types them as little as their errors


def _match_pattern(validator: Validator, pattern: str, instance: object, _schema: object) -> Iterator[ValidationError]:
    """The keyword `pattern`, with `$` as ECMA-262 defines it."""
    if validator.is_type(instance, "string") and not compile_pattern(pattern).search(str(instance)):
        yield ValidationError(f"it does not match {pattern}")


_extend: Callable[..., Validator] = jsonschema.validators.extend
create_validator: Callable[[dict[str, Any]], Validator] = _extend(
    jsonschema.Draft202012Validator, {"pattern": _match_pattern}
)
"""The validator of a schema."""

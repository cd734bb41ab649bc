"""The texts of a written shot, split at their variables and checked for names that do not exist: once for each shot.

Knows which names there are from whoever asks, and nothing of where their values come from.
"""

from collections.abc import Collection
from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.document import RawShot
from hailuo_batch.manifest.expansion.substitution import ParsedTemplate, parse_template
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.validation.schema_errors import suggest
from hailuo_batch.manifest.yaml.nodes import ScalarNode


@dataclass(frozen=True, slots=True)
class Template:
    """A text of the manifest, split at its variables."""

    node: ScalarNode
    parsed: ParsedTemplate


@dataclass(frozen=True, slots=True)
class Templates:
    """The texts of one written shot. None stands for one that is absent or was reported."""

    id: Template | None
    prompt: Template | None
    image_urls: tuple[Template | None, ...]
    tags: tuple[Template | None, ...]


def parse_templates(raw: RawShot, names: Collection[str] | None, diagnostics: Diagnostics) -> Templates:
    """The shot's texts. Reports what cannot be put in; `names` is None where it cannot be told what can."""

    def parse(node: ScalarNode | None) -> Template | None:
        return None if node is None else _parse(node, names, diagnostics)

    return Templates(
        id=parse(raw.id),
        prompt=parse(raw.prompt),
        image_urls=tuple(map(parse, raw.image_urls)),
        tags=tuple(map(parse, raw.tags)),
    )


def _parse(node: ScalarNode, names: Collection[str] | None, diagnostics: Diagnostics) -> Template | None:
    pattern = parse_template(node.text)
    for offset in pattern.lone_dollars:
        _report_lone_dollar(node, offset, names or (), diagnostics)
    # rule unknown_name
    unknown = [] if names is None else [name for name in pattern.variables if name.name not in names]
    for name in unknown:
        hint = suggest(name.name, list(names or ())) or "add it to `vars`, or write `$$` for a dollar sign"
        # rule unknown_name_place
        diagnostics.error(node.position(name.offset), f"unknown variable {quoted(name.name)}", hint)
    return None if unknown or pattern.lone_dollars else Template(node, pattern)


def _report_lone_dollar(node: ScalarNode, offset: int, names: Collection[str], diagnostics: Diagnostics) -> None:
    meant = node.text[offset + 2 : offset + 1000].partition("}")[0]
    if node.text.startswith("${", offset) and meant in names:
        message = f"the column {quoted(meant)} cannot be put in: a name has only letters, digits and `_`"
        diagnostics.error(node.position(offset), message, "rename it in the header of the table")
    else:
        # rule two_dollars
        diagnostics.error(node.position(offset), "a lone `$` begins no variable", "write `$$` for a dollar sign")

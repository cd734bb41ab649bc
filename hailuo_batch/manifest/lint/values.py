"""Odd values and texts of one shot: what a variable was to be, what a machine left, what is empty.

Looks only at what is sent, and at the ID. Columns are looked at as a whole first, so that a hundred thousand good rows
cost little.
"""

from collections.abc import Collection, Mapping

from hailuo_batch.manifest.diagnostics import Diagnostics, Positioned
from hailuo_batch.manifest.document import RawShot
from hailuo_batch.manifest.expansion.extra_input import scalars_below
from hailuo_batch.manifest.expansion.templates import Template, lone_variable
from hailuo_batch.manifest.expansion.variables import Expansion
from hailuo_batch.manifest.lint import notation
from hailuo_batch.manifest.lint.sources import Source, find_source
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.dropped_text import DroppedTexts
from hailuo_batch.manifest.yaml.nodes import Node, ScalarNode
from hailuo_batch.warning_codes import WarningCode

VarNodes = Mapping[str, tuple[ScalarNode, Node]]


def check_texts(raw: RawShot, expansion: Expansion, diagnostics: Diagnostics) -> None:
    """Warn of other programs' notation around a known name in the texts that are written in the manifest."""
    written = [each.node for each in (raw.prompt, *raw.image_urls) if each is not None]
    written += [] if raw.input is None else scalars_below(raw.input)
    for node in written:
        if notation.may_have_other(node.text.replace("${", "")):
            for shown, offset, name in notation.other_variables(node.text, expansion.known):
                _warn_of_other(diagnostics, node.position(offset), shown, f"did you mean `${{{name}}}`?", "")


def check_values(
    raw: RawShot,
    expansion: Expansion,
    input_names: Collection[str],
    manifest_vars: VarNodes,
    dropped: DroppedTexts,
    diagnostics: Diagnostics,
) -> None:
    """Warn of odd values of the variables that the shot uses."""
    if not raw.names and not input_names:
        return
    in_prompt, in_id = _names(raw.prompt), _names(raw.id)
    sent = {*in_prompt, *input_names, *(name for image in raw.image_urls for name in _names(image))}
    in_parts = {name for image in raw.image_urls if image and not lone_variable(image) for name in image.names}
    is_blank_reported = raw.prompt is not None and not any(isinstance(part, str) for part in raw.prompt.parts)
    for name in dict.fromkeys((*raw.names, *input_names)):
        source = find_source(name, raw, expansion, manifest_vars, diagnostics.path)
        if source is None:
            continue
        # a prompt that is nothing but variables is an error where they are all empty
        # rule empty_where_used
        if (name in in_prompt and not (is_blank_reported and len(in_prompt) == 1)) or name in {*in_id, *in_parts}:
            _check_empty(source, dropped, diagnostics)
        if source.is_table:
            _check_machine_values(source, diagnostics)
        else:
            _check_nulls(source, diagnostics)
        # rule sent_values
        if name in sent:
            _check_notation(source, expansion, diagnostics)


def _names(template: Template | None) -> tuple[str, ...]:
    return () if template is None else template.names


def _check_empty(source: Source, dropped: DroppedTexts, diagnostics: Diagnostics) -> None:
    empty = [index for index, value in enumerate(source.values) if not value or value.isspace()]
    place = source.locate(empty[0]) if empty else None
    is_known = isinstance(place, ScalarNode) and dropped.find(place) is not None
    # rule empty_value
    if empty and not is_known:
        _warn(diagnostics, source, empty, WarningCode.EMPTY_VALUE, f"{quoted(source.name)} is empty", "fill it in")


def _check_nulls(source: Source, diagnostics: Diagnostics) -> None:
    """Warn of `~` and `null`, which YAML means as nothing, and which are sent as they are written."""
    places = [source.locate(index) for index in range(len(source.values))]
    # rule written_null
    nulls = [at for at, each in enumerate(places) if isinstance(each, ScalarNode) and each.text and each.type == "null"]
    if nulls:
        message = f"{quoted(source.name)} is {quoted(source.values[nulls[0]])}, which is sent as a text"
        _warn(diagnostics, source, nulls, WarningCode.MACHINE_VALUE, message, "write the text itself")


def _check_machine_values(source: Source, diagnostics: Diagnostics) -> None:
    if not notation.may_have_machine_values("\n".join(source.values)):
        return
    # rule machine_value
    odd = [index for index, value in enumerate(source.values) if notation.is_machine_value(value)]
    if odd:
        message = f"{quoted(source.name)} is {quoted(source.values[odd[0]])}, which a program left there"
        _warn(diagnostics, source, odd, WarningCode.MACHINE_VALUE, message, "write the text itself into the cell")


def _check_notation(source: Source, expansion: Expansion, diagnostics: Diagnostics) -> None:
    if notation.may_have_own("\n".join(source.written)):
        for index, text in enumerate(source.written):
            for shown, _ in notation.own_variables(text, expansion.known):
                message = f"{quoted(shown)} is sent as it stands: values are not filled in again"
                hint = _unfilled_hint(source, shown[2:-1], expansion)
                # rule unfilled_variable
                _warn(diagnostics, source, [index], WarningCode.UNFILLED_VARIABLE, message, hint)
            for shown, name in notation.near_variables(text, expansion.known):
                message = f"{quoted(shown)} is sent as it stands: there is no such variable"
                hint = _meant_hint(source, name)
                # rule misspelled_variable
                _warn(diagnostics, source, [index], WarningCode.UNFILLED_VARIABLE, message, hint)
    if notation.may_have_other("\n".join(source.values)):
        for index, value in enumerate(source.values):
            for shown, _, name in notation.other_variables(value, expansion.known):
                _warn_of_other(diagnostics, source.locate(index), shown, _meant_hint(source, name), source.path)


def _unfilled_hint(source: Source, name: str, expansion: Expansion) -> str:
    """How a known variable in a value can be filled in: a value of `vars` may use those above it."""
    are_vars = {name, source.name} <= expansion.manifest_vars.keys() and not source.is_table and name != source.name
    if are_vars and name not in expansion.columns:
        return f"in `vars`, put {quoted(source.name)} below {quoted(name)}"
    return "write the text itself, or use the variable in the prompt"


def _meant_hint(source: Source, name: str) -> str:
    """What to write in a value instead: a variable only where one would be filled in."""
    if name in source.fillable:
        return f"did you mean `${{{name}}}`?"
    return f"write the text itself, or `${{{name}}}` in the prompt: values are not filled in again"


def _warn_of_other(diagnostics: Diagnostics, place: Positioned, shown: str, hint: str, path: str) -> None:
    message = f"{quoted(shown)} is sent as it stands"
    # rule other_notation
    diagnostics.warn(place, WarningCode.OTHER_NOTATION, message, hint, path=path)


def _warn(
    diagnostics: Diagnostics, source: Source, indices: list[int], code: WarningCode, message: str, hint: str
) -> None:
    """One warning for many values of one name, at the first of them."""
    place, more = source.locate(indices[0]), len(indices) - 1
    diagnostics.warn(place, code, message, hint, path=source.path, cause=f"{code} {source.name}", more=more)

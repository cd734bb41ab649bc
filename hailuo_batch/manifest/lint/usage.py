"""What a whole campaign shows: names that nothing uses, and shots that ask for the same video."""

from collections.abc import Collection, Iterable, Mapping

from hailuo_batch.manifest.diagnostics import Diagnostics, Position, Positioned
from hailuo_batch.manifest.document import RawShot
from hailuo_batch.manifest.expansion.expand import BuiltGroup
from hailuo_batch.manifest.expansion.templates import braced_names
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.dropped_text import DroppedTexts
from hailuo_batch.manifest.yaml.nodes import Node, ScalarNode
from hailuo_batch.warning_codes import WarningCode

_USE_TAKES = "if you want several videos of it, use `takes`; if not, put into the prompt what differs"


def check_vars(
    used: Collection[str],
    manifest_vars: Mapping[str, tuple[ScalarNode, Node]],
    dropped: DroppedTexts,
    diagnostics: Diagnostics,
) -> None:
    """Warn of each name of `vars` that no shot uses, not even through another one, and of each that is empty there."""
    needed = set(used)
    for name, (_, value) in reversed(list(manifest_vars.items())):
        if name in needed and isinstance(value, ScalarNode):
            # rule used_through
            needed |= braced_names(value.text)
    for name, (key, value) in manifest_vars.items():
        is_blank = isinstance(value, ScalarNode) and not value.text.strip() and dropped.find(value) is None
        # rule empty_in_var
        if name in needed and name not in used and is_blank:
            message = f"{quoted(name)} is empty"
            diagnostics.warn(value, WarningCode.EMPTY_VALUE, message, "fill it in", cause=f"empty {name}")
        # rule unused_var
        if name not in needed:
            message = f"nothing uses the variable {quoted(name)}"
            hint = f"write `${{{name}}}` where it belongs, or remove it"
            diagnostics.warn(key, WarningCode.UNUSED_NAME, message, hint)


def check_matrix(raw: RawShot, input_names: Iterable[str], diagnostics: Diagnostics) -> bool:
    """Warn of each name of the matrix that is used in no more than the ID. Returns whether there is one."""
    if raw.matrix is None:
        return False
    others = {*input_names, *(name for text in raw.templates() if text is not raw.id for name in text.names)}
    idle = [name for name in raw.matrix.entries if name not in {"exclude", "include"} and name not in others]
    for name in idle:
        message = f"{quoted(name)} is used in no more than the ID, so that its values make no difference"
        hint = f"write `${{{name}}}` in the prompt, or remove it"
        # rule idle_matrix_name
        diagnostics.warn(raw.matrix.entries[name][0], WarningCode.UNUSED_NAME, message, hint)
    return bool(idle)


class EqualInputs:
    """Finds shots that ask for the same video; takes of one shot are meant to be equal."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._first: dict[str, BuiltGroup] = {}

    def check(self, built: BuiltGroup, *, explained: bool) -> None:
        """Compare the shots of a raw shot with each other and with those before it.

        `explained`: a name of the matrix that makes no difference was reported already.
        """
        # rule equal_takes
        fingerprints = [shot.takes[0].fingerprint for shot in built.shots]
        distinct = dict.fromkeys(fingerprints)
        if len(distinct) < len(fingerprints) and not explained:
            self._report_equal_shots(built, fingerprints)
        before = next((self._first[each] for each in distinct if each in self._first), None)
        if before is not None:
            line = before.group.raw.node
            message = f"the same input as the shot at {self._diagnostics.path}:{line.line}:{line.column}"
            # rule equal_shots
            self._diagnostics.warn(built.group.raw.node, WarningCode.EQUAL_INPUT, message, _USE_TAKES)
        for each in distinct:
            self._first.setdefault(each, built)

    def _report_equal_shots(self, built: BuiltGroup, fingerprints: list[str]) -> None:
        """Report the first two, with the number of all that another one equals."""
        expansion = built.group.expansion
        assert expansion is not None
        seen: dict[str, int] = {}
        pair: tuple[int, int] | None = None
        equal: set[int] = set()
        for index, each in enumerate(fingerprints):
            first = seen.setdefault(each, index)
            if first != index:
                pair = pair or (first, index)
                equal |= {first, index}
        assert pair is not None
        names = [] if built.group.raw.prompt is None else built.group.raw.prompt.names
        origin = expansion.describe_origin(pair[0], names)
        message = f"{len(equal):,} {expansion.noun} have the same input, first {origin}"
        place: Positioned = built.group.raw.node
        path = ""
        if expansion.table is not None:
            position = expansion.row_place(pair[1], names)
            place, path = Position(position.line, position.column), expansion.table.path
        # rule equal_rows
        self._diagnostics.warn(place, WarningCode.EQUAL_INPUT, message, _USE_TAKES, path=path)

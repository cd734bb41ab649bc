"""The IDs of the shots: made of what is written and what is put in, well spelled, and each given once.

Owns which IDs are taken, by which shot. Knows nothing of prompts or images.
"""

from bisect import bisect_right
from functools import cached_property

from hailuo_batch.manifest import slugs
from hailuo_batch.manifest.diagnostics import Report
from hailuo_batch.manifest.expansion.row_faults import Faults
from hailuo_batch.manifest.expansion.size_limits import Part
from hailuo_batch.manifest.expansion.templates import Text
from hailuo_batch.manifest.expansion.variables import Expansion, Scope
from hailuo_batch.manifest.quoting import listed, quoted

_LONGEST_ID = 10_000


class Naming:
    """Gives IDs to the shots of a campaign, one written shot after another."""

    def __init__(self, report: Report) -> None:
        self.taken: dict[str, int] = {}
        self._namers: list[Namer] = []
        self._starts: list[int] = []
        self._total = 0
        self._report = report

    def namer(self, part: Part, text: Text | None) -> "Namer | None":
        """Gives the shots of a part their IDs; None where its ID is absent or wrong as it is written."""
        if text is None or not self._is_spelled(text) or part.expansion is None:
            return None
        namer = Namer(self, part, text, part.expansion, self._total)
        self._namers.append(namer)
        self._starts.append(self._total)
        self._total += part.size
        return namer

    def owner(self, number: int) -> "Namer":
        """Who gave the ID with this number."""
        return self._namers[bisect_right(self._starts, number) - 1]

    def tell(self, text: Text, message: str, hint: str) -> None:
        """Reports what is wrong with an ID whatever is put in."""
        # rule id_hint
        self._report.error(text.node, message, hint)

    def path(self) -> str:
        """The manifest's path, as it is shown."""
        return self._report.path

    def _is_spelled(self, text: Text) -> bool:
        # rule id_letters
        if slugs.is_written_well(text.pattern):
            return True
        better = slugs.respelled(text.pattern)
        # rule id_respelled
        hint = "" if better is None else f"write {quoted(better)}"
        self.tell(text, f"the ID {quoted(text.node.text)} may hold only {slugs.SPELLING}, and `${{name}}`", hint)
        return False


class Namer:
    """Gives the shots of one written shot their IDs."""

    def __init__(self, naming: Naming, part: Part, text: Text, expansion: Expansion, start: int) -> None:
        self._naming = naming
        self._part = part
        self.text = text
        self._expansion = expansion
        self._start = start

    def name(self, scope: Scope, index: int, faults: Faults) -> str | None:
        """The ID in this scope; None where it is wrong or taken."""
        text = self.text
        if text.pattern.size(scope) > _LONGEST_ID:
            faults.add(text, "long", f"the ID {quoted(text.node.text)} becomes far too long", "", index)
            return None
        # rule id_slug
        shot_id = text.pattern.filled(scope, slugs.slug)
        problem = slugs.problem_with(shot_id)
        if problem is not None:
            self._tell_wrong(shot_id, problem, index, faults)
            return None
        number = self._naming.taken.setdefault(shot_id, self._start + index)
        # rule unique_id
        if number != self._start + index:
            self._tell_taken(shot_id, number, index, faults)
            return None
        return shot_id

    def place_of(self, number: int) -> str:
        """Where the shot with this number is, in words."""
        node = self.text.node
        where = f"the shot at {self._naming.path()}:{node.line}:{node.column}"
        if self._expansion.is_one:
            return where
        return f"{where}, for {self._origin(number)}"

    def _origin(self, number: int) -> str:
        return self._expansion.origin(number - self._start, [name.name for name in self.text.pattern.names])

    def _tell_wrong(self, shot_id: str, problem: str, index: int, faults: Faults) -> None:
        text = self.text
        better = slugs.respelled(text.pattern)
        hint = "choose another" if text.pattern.names or better is None else f"write {quoted(better)}"
        becomes = ""
        if text.pattern.names:
            becomes = f" becomes {quoted(shot_id)}, which" if shot_id else " with its values put in"
        faults.add(text, problem, f"the ID {quoted(text.node.text)}{becomes} {problem}", hint, index)

    def _tell_taken(self, shot_id: str, number: int, index: int, faults: Faults) -> None:
        first = self._naming.owner(number)
        if first is not self:
            self._tell_taken_elsewhere(shot_id, first, number, index, faults)
        elif self._missing:
            message = f"the ID {quoted(self.text.node.text)} is the same for several {self._expansion.noun}"
            self._naming.tell(self.text, message, f"put {listed([f'${{{name}}}' for name in self._missing])} into it")
        else:
            enough = faults.has_enough(self.text, "repeated")
            message = "" if enough else f"the ID {quoted(shot_id)}, made for {self._origin(number)}, is made again"
            faults.add(self.text, "repeated", message, "each needs an ID of its own", index)

    def _tell_taken_elsewhere(self, shot_id: str, first: "Namer", number: int, index: int, faults: Faults) -> None:
        text = self.text
        # a shot that is repeated through an alias or a merge key has no ID of its own to point at
        # rule second_place
        place = self._part.written.node if first.text.node is text.node else text.node
        enough = faults.has_enough(text, "taken")
        # rule both_places
        message = "" if enough else f"the ID {quoted(shot_id)} is already that of {first.place_of(number)}"
        faults.add(text, "taken", message, "rename one", index, place)

    @cached_property
    def _missing(self) -> list[str]:
        """What the ID must name to be another one for each shot."""
        return self._expansion.missing_in([name.name for name in self.text.pattern.names])

"""From written shots to takes: substitution, IDs, images, inputs, and every rule that no schema can say.

Each written shot is split into patterns and checked for its names once, then filled for each of its scopes. Takes
and text are counted before any is built. Nothing here knows how YAML is written or read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hailuo_batch.manifest import ids, images, nodes
from hailuo_batch.manifest.diagnostics import Refused, Report
from hailuo_batch.manifest.document import Document, WrittenShot
from hailuo_batch.manifest.nodes import Scalar
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.schema import judge, model_validator, suggestion
from hailuo_batch.manifest.substitution import Pattern, parse_pattern
from hailuo_batch.values import DEFAULT_MODEL, Shot, Take, canonical_json, fingerprint

MAX_TAKES = 100_000
MAX_CHARACTERS = 256 * 1024 * 1024
_LONGEST_ID = 10_000

Scope = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of the manifest, split at its variables."""

    node: Scalar
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of one written shot. None, or one less than were written, where one was reported."""

    id: _Text | None
    prompt: _Text | None
    image_urls: tuple[_Text | None, ...]
    tags: tuple[_Text | None, ...]


def expand(document: Document, report: Report) -> tuple[Shot, ...]:
    """Every shot with its takes, in the manifest's order; those with a finding are left out.

    Raises Refused where there would be too many takes, or too much text with the variables put in.
    """
    variables = document.variables
    if variables is None:  # every name would be unknown, and said to be
        return ()
    shots = document.read_shots()
    _count_takes(document, shots)
    _count_characters(shots, variables)
    expander = _Expander(variables, report)
    expanded = (expander.shot(written) for written in shots)
    return tuple(shot for shot in expanded if shot is not None)


def _count_takes(document: Document, shots: list[WrittenShot]) -> None:
    counts = [written.takes for written in shots]
    total = sum(counts)
    if total > MAX_TAKES:
        place = document.node.entries["shots"][0]
        product = f"{len(counts):,} shots x {counts[0]} takes" if len(set(counts)) == 1 else f"{len(counts):,} shots"
        raise Refused(
            place, f"{product} make {total:,} takes; a campaign has at most {MAX_TAKES:,}", "split the campaign"
        )


def _count_characters(shots: list[WrittenShot], scope: Scope) -> None:
    total = 0
    for written in shots:
        for node in (written.id, written.prompt, *written.image_urls, *written.tags):
            total += 0 if node is None else parse_pattern(node.text).size(scope)
        if total > MAX_CHARACTERS:
            message = f"with its variables put in, the manifest has more than {MAX_CHARACTERS:,} characters of text"
            raise Refused(written.node, message, "split the campaign")


class _Expander:
    def __init__(self, variables: Scope, report: Report) -> None:
        self._variables = variables
        self._report = report
        self._ids: dict[str, Scalar] = {}

    def shot(self, written: WrittenShot) -> Shot | None:
        """The written shot, expanded; None where anything of it was reported."""
        texts = self._split(written)
        shot_id = self._id(written, texts.id, self._variables)
        made = self._input(texts, self._variables)
        tags = [self._tag(text, self._variables) for text in texts.tags]
        if made is not None:
            self._check_input(written, made)
        if shot_id is None or made is None or None in tags:
            return None
        model = DEFAULT_MODEL if written.model is None else written.model.text
        input_json = canonical_json(made)
        made_of = fingerprint(model, input_json)
        kept = tuple(dict.fromkeys(tag for tag in tags if tag is not None))
        return Shot(
            shot_id,
            tuple(
                Take(_take_id(shot_id, number), shot_id, number, model, input_json, made_of, kept)
                for number in range(1, written.takes + 1)
            ),
        )

    def _split(self, written: WrittenShot) -> _Texts:
        return _Texts(
            id=self._text(written.id),
            prompt=self._text(written.prompt),
            image_urls=tuple(map(self._text, written.image_urls)),
            tags=tuple(map(self._text, written.tags)),
        )

    def _text(self, node: Scalar | None) -> _Text | None:
        """The text split at its variables; None where it is absent, or names what there is not."""
        if node is None:
            return None
        pattern = parse_pattern(node.text)
        unknown = [name for name in pattern.names if name.name not in self._variables]
        for offset in pattern.lone:
            self._report.error(node.spot(offset), "a lone `$` begins no variable", "write `$$` for a dollar sign")
        for name in unknown:
            known = list(self._variables)
            hint = suggestion(name.name, known) or "add it to `vars`, or write `$$` for a dollar sign"
            self._report.error(node.spot(name.offset), f"unknown variable {quoted(name.name)}", hint)
        return None if unknown or pattern.lone else _Text(node, pattern)

    def _id(self, written: WrittenShot, text: _Text | None, scope: Scope) -> str | None:
        if text is None or not self._is_spelled(text):
            return None
        if text.pattern.size(scope) > _LONGEST_ID:
            self._report.error(text.node, f"the ID {quoted(text.node.text)} becomes far too long")
            return None
        shot_id = text.pattern.filled(scope, ids.slug)
        problem = ids.problem_with(shot_id)
        if problem is not None:
            self._tell_wrong_id(text, shot_id, problem)
            return None
        if shot_id in self._ids:
            first = self._ids[shot_id]
            where = f"{self._report.path}:{first.line}:{first.column}"
            # a shot that is repeated through an alias or a merge key has no ID of its own to point at
            place = written.node if first is text.node else text.node
            self._report.error(place, f"the ID `{shot_id}` is already that of the shot at {where}", "rename one")
            return None
        self._ids[shot_id] = text.node
        return shot_id

    def _tell_wrong_id(self, text: _Text, shot_id: str, problem: str) -> None:
        better = ids.respelled(text.pattern)
        hint = "choose another" if text.pattern.names or better is None else f"write {quoted(better)}"
        becomes = ""
        if text.pattern.names:
            becomes = f" becomes {quoted(shot_id)}, which" if shot_id else " with its values put in"
        self._report.error(text.node, f"the ID {quoted(text.node.text)}{becomes} {problem}", hint)

    def _is_spelled(self, text: _Text) -> bool:
        if ids.is_written_well(text.pattern):
            return True
        better = ids.respelled(text.pattern)
        hint = "" if better is None else f"write {quoted(better)}"
        self._report.error(
            text.node, f"the ID {quoted(text.node.text)} may hold only {ids.SPELLING}, and `${{name}}`", hint
        )
        return False

    def _input(self, texts: _Texts, scope: Scope) -> dict[str, Any] | None:
        """The input as it will be sent."""
        prompt = self._prompt(texts.prompt, scope)
        urls = [self._image_url(text, scope) for text in texts.image_urls]
        if prompt is None or None in urls:
            return None
        return {"prompt": prompt, "image_urls": urls} if urls else {"prompt": prompt}

    def _prompt(self, text: _Text | None, scope: Scope) -> str | None:
        prompt = None if text is None else text.pattern.filled(scope).strip()
        if text is not None and not prompt:
            self._report.error(text.node, "`prompt` is blank", "say what the video shows")
        return prompt or None

    def _tag(self, text: _Text | None, scope: Scope) -> str | None:
        tag = None if text is None else text.pattern.filled(scope).strip()
        if text is not None and not tag:
            self._report.error(text.node, "a tag is blank", "remove it")
        return tag or None

    def _image_url(self, text: _Text | None, scope: Scope) -> str | None:
        if text is None:
            return None
        url = text.pattern.filled(scope)
        problem = images.problem_with(url)
        if problem is None:
            return url
        what, hint = problem
        self._report.error(text.node, f"the image URL {quoted(images.without_password(url))} {what}", hint)
        return None

    def _check_input(self, written: WrittenShot, made: dict[str, Any]) -> None:
        """The model's own schema, shown one input of each written shot: all of them have the same form."""
        model = DEFAULT_MODEL if written.model is None else written.model.text
        validator = model_validator(model)
        if validator is None:
            place = written.model or written.node
            self._report.warn(place, f"no schema ships for the model {quoted(model)}: its input is sent unchecked")
        elif not validator.is_valid(made):
            judge(validator, made, _input_node(written), f"the input of `{model}`", self._report)


def _input_node(written: WrittenShot) -> nodes.Mapping:
    """Where the parts of a shot's input are written."""
    line, column = written.node.line, written.node.column
    prompt = written.prompt or Scalar("", line, column)
    first = written.image_urls[0] if written.image_urls else prompt
    listed = nodes.Sequence(first.line, first.column, list(written.image_urls))
    return nodes.Mapping(line, column, {"prompt": (prompt, prompt), "image_urls": (first, listed)})


def _take_id(shot_id: str, number: int) -> str:
    return shot_id if number == 1 else f"{shot_id}.take{number}"

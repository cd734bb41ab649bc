"""From written shots to takes: every shot of every row and combination, with its ID, its input and its tags.

Each written shot is split into patterns and checked for its names once, then filled for each of its scopes. Takes
and text are counted before any is built. Nothing here knows how YAML or CSV is written or read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hailuo_batch.manifest.diagnostics import Report
from hailuo_batch.manifest.document import Document, WrittenShot
from hailuo_batch.manifest.expansion.extra_input import ExtraInputs
from hailuo_batch.manifest.expansion.row_faults import Faults
from hailuo_batch.manifest.expansion.shot_ids import Naming
from hailuo_batch.manifest.expansion.size_limits import Part, count_characters, count_dollars, count_takes
from hailuo_batch.manifest.expansion.substitution import parse_pattern
from hailuo_batch.manifest.expansion.templates import Text, Texts, split_texts
from hailuo_batch.manifest.expansion.variables import Scope, ScopeReader
from hailuo_batch.manifest.files.file_cache import Library
from hailuo_batch.manifest.images.local_copies import digest_of
from hailuo_batch.manifest.images.references import Picture, PictureFault, Pictures
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.validation.schema_errors import model_judge, tell_faults
from hailuo_batch.manifest.yaml import nodes
from hailuo_batch.manifest.yaml.nodes import Scalar
from hailuo_batch.values import Shot, Take, canonical_json, fingerprint, take_id


def expand(document: Document, library: Library, report: Report) -> tuple[tuple[Shot, ...], Mapping[str, Picture]]:
    """Every shot with its takes, in the manifest's order, and the images that have a local copy, by their URLs.

    Shots with a finding are left out.

    Raises Refused where there would be too many takes, or too much text with the variables put in.
    """
    pictures = Pictures(document, library.folder, report)
    variables = document.variables
    if variables is None:  # every name would be unknown, and said to be
        return (), {}
    # rule vars_known
    reader = ScopeReader(variables, library, report)
    shots = document.read_shots()
    count_dollars(shots)
    library.keep(_names_used(shots))
    parts = [Part(written, reader.read(written)) for written in shots]
    inputs = ExtraInputs(report)
    # rule counted_first
    count_takes(document, parts)
    count_characters(parts, inputs)
    expander = _Expander(inputs, pictures, report)
    expanded = tuple(shot for part in parts for shot in expander.shots(part))
    # rule no_base_url
    pictures.tell_homeless()
    return expanded, pictures.files()


def _names_used(shots: list[WrittenShot]) -> set[str]:
    """The names that are asked for by shots with a table."""
    texts = (text for each in shots if each.rows for text in each.texts())
    return {name.name for text in texts for name in parse_pattern(text.text).names}


class _Expander:
    def __init__(self, inputs: ExtraInputs, pictures: Pictures, report: Report) -> None:
        self._inputs = inputs
        self._pictures = pictures
        self._report = report
        self._naming = Naming(report)

    def shots(self, part: Part) -> list[Shot]:
        """The shots of one written shot; none where anything of it was reported."""
        expansion = part.expansion
        texts = split_texts(part.written, None if expansion is None else expansion.names, self._report)
        extra = {} if part.written.input is None else self._inputs.read(part.written.input)
        namer = self._naming.namer(part, texts.id)
        if expansion is None:
            return []
        faults = Faults(expansion, self._report)
        maker = _Maker(part, texts, self._pictures, faults)
        shots: list[Shot] = []
        for index, scope in enumerate(expansion.scopes()):
            shot_id = None if namer is None else namer.name(scope, index, faults)
            made = maker.input(scope, index)
            tags = maker.tags(scope, index)
            if index == 0 and made is not None and extra is not None:
                self._check_input(part, extra | made.input)
            if shot_id is not None and made is not None and extra is not None and tags is not None:
                shots.append(maker.shot(shot_id, made, extra, tags))
        faults.tell()
        return shots if len(shots) == expansion.size else []

    def _check_input(self, part: Part, made: dict[str, Any]) -> None:
        """The model's own schema, shown one input of each written shot: all of them have the same form."""
        judge = model_judge(part.model)
        if judge is None:
            place = part.written.model or part.written.node
            # rule unchecked_input
            self._report.warn(place, f"no schema ships for the model {quoted(part.model)}: its input is sent unchecked")
        # rule model_checked
        elif not judge.accepts(made):
            tell_faults(judge.validator, made, _input_node(part), f"the input of `{part.model}`", self._report)


@dataclass(frozen=True, slots=True)
class _Made:
    """What is put together for one shot: the input, as far as texts make it, and the digest of its local images."""

    input: dict[str, Any]
    images_sha256: str | None


class _Maker:
    """Fills the texts of one written shot, scope by scope; None where something is wrong, which goes to the faults."""

    def __init__(self, part: Part, texts: Texts, pictures: Pictures, faults: Faults) -> None:
        self._part = part
        self._texts = texts
        self._pictures = pictures
        self._faults = faults
        self._last_tags: tuple[str, ...] = ()

    def input(self, scope: Scope, index: int) -> _Made | None:
        """The input, but for what the shot adds as it stands."""
        prompt = self._filled(self._texts.prompt, "`prompt` is blank", "say what the video shows", scope, index)
        seen = [self._picture(text, scope, index) for text in self._texts.image_urls]
        pictures = [picture for picture in seen if picture is not None]
        if prompt is None or len(pictures) < len(seen):
            return None
        if not pictures:
            return _Made({"prompt": prompt}, None)
        copies = [picture.sha256 for picture in pictures if picture.sha256 is not None]
        input_ = {"prompt": prompt, "image_urls": [picture.url for picture in pictures]}
        # rule local_hash
        return _Made(input_, digest_of(copies) if copies else None)

    def tags(self, scope: Scope, index: int) -> tuple[str, ...] | None:
        """The tags, each once."""
        # rule filled_tags
        tags = [self._filled(text, "a tag is blank", "remove it", scope, index) for text in self._texts.tags]
        kept = tuple(dict.fromkeys(tag for tag in tags if tag is not None))
        if None in tags:
            return None
        if kept != self._last_tags:
            self._last_tags = kept
        return self._last_tags

    def shot(self, shot_id: str, made: _Made, extra: dict[str, Any], tags: tuple[str, ...]) -> Shot:
        """The shot with its takes."""
        model = self._part.model
        # rule input_sent
        input_json = canonical_json(extra | made.input)
        # rule what_counts
        made_of = fingerprint(model, input_json)
        return Shot(
            shot_id,
            # rule take_numbers
            tuple(
                Take(take_id(shot_id, number), shot_id, number, model, input_json, made_of, tags, made.images_sha256)
                for number in range(1, self._part.written.takes + 1)
            ),
        )

    def _filled(self, text: Text | None, blank: str, hint: str, scope: Scope, index: int) -> str | None:
        if text is None:
            return None
        # rule filled_text
        filled = text.pattern.filled(scope).strip()
        # rule blank_text
        if not filled:
            self._faults.add(text, blank, blank, hint, index)
        return filled or None

    def _picture(self, text: Text | None, scope: Scope, index: int) -> Picture | None:
        if text is None:
            return None
        # rule filled_image
        picture = self._pictures.find(text.pattern.filled(scope), text.node)
        if isinstance(picture, PictureFault):
            self._faults.add(text, picture.what, picture.message, picture.hint, index)
            return None
        return picture


def _input_node(part: Part) -> nodes.Mapping:
    """Where the parts of a shot's input are written."""
    written = part.written
    # name input_place
    line, column = written.node.line, written.node.column
    prompt = written.prompt or Scalar("", line, column)
    entries = {**({} if written.input is None else written.input.entries), "prompt": (prompt, prompt)}
    if written.image_urls:
        first = written.image_urls[0]
        listed = nodes.Sequence(first.line, first.column, list(written.image_urls))
        entries["image_urls"] = (first, listed)
    return nodes.Mapping(line, column, entries)

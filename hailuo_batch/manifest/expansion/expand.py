"""From written shots to takes: every shot of every row and combination, with its ID, its input and its tags.

Each written shot is split into patterns and checked for its names once, then filled for each of its scopes. Takes
and text are counted before any is built. Nothing here knows how YAML or CSV is written or read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.document import Document, RawShot
from hailuo_batch.manifest.expansion.extra_input import ExtraInputs
from hailuo_batch.manifest.expansion.row_faults import RowFaults
from hailuo_batch.manifest.expansion.shot_ids import IdRegistry
from hailuo_batch.manifest.expansion.size_limits import ShotGroup, check_dollar_count, check_take_count, check_text_size
from hailuo_batch.manifest.expansion.substitution import parse_template
from hailuo_batch.manifest.expansion.templates import Template, Templates, parse_templates
from hailuo_batch.manifest.expansion.variables import ExpansionReader, Variables
from hailuo_batch.manifest.files.file_cache import FileCache
from hailuo_batch.manifest.images.local_copies import combine_digests
from hailuo_batch.manifest.images.references import ImageProblem, ImageReferences, ResolvedImage
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.validation.schema_errors import model_checker, report_schema_errors
from hailuo_batch.manifest.yaml import nodes
from hailuo_batch.manifest.yaml.nodes import ScalarNode
from hailuo_batch.values import Shot, Take, canonical_json, compute_fingerprint, take_id


def expand_shots(
    document: Document, file_cache: FileCache, diagnostics: Diagnostics
) -> tuple[tuple[Shot, ...], Mapping[str, ResolvedImage]]:
    """Every shot with its takes, in the manifest's order, and the images that have a local copy, by their URLs.

    Shots with a finding are left out.

    Raises Refused where there would be too many takes, or too much text with the variables put in.
    """
    images = ImageReferences(document, file_cache.folder, diagnostics)
    variables = document.variables
    if variables is None:  # every name would be unknown, and said to be
        return (), {}
    # rule vars_known
    expansion_reader = ExpansionReader(variables, file_cache, diagnostics)
    shots = document.read_shots()
    check_dollar_count(shots)
    file_cache.keep_columns(_names_used_with_tables(shots))
    groups = [ShotGroup(raw, expansion_reader.read(raw)) for raw in shots]
    inputs = ExtraInputs(diagnostics)
    # rule counted_first
    check_take_count(document, groups)
    check_text_size(groups, inputs)
    expander = _Expander(inputs, images, diagnostics)
    expanded = tuple(shot for group in groups for shot in expander.build_shots(group))
    # rule no_base_url
    images.report_missing_base_url()
    return expanded, images.local_images()


def _names_used_with_tables(shots: list[RawShot]) -> set[str]:
    """The names that are asked for by shots with a table."""
    texts = (text for each in shots if each.rows for text in each.template_nodes())
    return {name.name for text in texts for name in parse_template(text.text).variables}


class _Expander:
    def __init__(self, inputs: ExtraInputs, images: ImageReferences, diagnostics: Diagnostics) -> None:
        self._inputs = inputs
        self._images = images
        self._diagnostics = diagnostics
        self._ids = IdRegistry(diagnostics)

    def build_shots(self, group: ShotGroup) -> list[Shot]:
        """The shots of one written shot; none where anything of it was reported."""
        expansion = group.expansion
        texts = parse_templates(group.raw, None if expansion is None else expansion.names, self._diagnostics)
        extra = {} if group.raw.input is None else self._inputs.read(group.raw.input)
        namer = self._ids.create_namer(group, texts.id)
        if expansion is None:
            return []
        row_faults = RowFaults(expansion, self._diagnostics)
        builder = _ShotBuilder(group, texts, self._images, row_faults)
        shots: list[Shot] = []
        for index, variables in enumerate(expansion.variable_sets()):
            shot_id = None if namer is None else namer.name_shot(variables, index, row_faults)
            built = builder.build_input(variables, index)
            tags = builder.build_tags(variables, index)
            if index == 0 and built is not None and extra is not None:
                self._check_input(group, extra | built.fields)
            if shot_id is not None and built is not None and extra is not None and tags is not None:
                shots.append(builder.build_shot(shot_id, built, extra, tags))
        row_faults.report()
        return shots if len(shots) == expansion.size else []

    def _check_input(self, group: ShotGroup, fields: dict[str, Any]) -> None:
        """The model's own schema, shown one input of each written shot: all of them have the same form."""
        checker = model_checker(group.model)
        if checker is None:
            place = group.raw.model or group.raw.node
            # rule unchecked_input
            self._diagnostics.warn(
                place, f"no schema ships for the model {quoted(group.model)}: its input is sent unchecked"
            )
        # rule model_checked
        elif not checker.accepts(fields):
            report_schema_errors(
                checker.validator, fields, _input_node(group), f"the input of `{group.model}`", self._diagnostics
            )


@dataclass(frozen=True, slots=True)
class _BuiltInput:
    """What is put together for one shot: the input, as far as texts make it, and the digest of its local images."""

    fields: dict[str, Any]
    images_sha256: str | None


class _ShotBuilder:
    """Fills the texts of one written shot, scope by scope; None where something is wrong, which goes to the faults."""

    def __init__(self, group: ShotGroup, texts: Templates, images: ImageReferences, row_faults: RowFaults) -> None:
        self._group = group
        self._templates = texts
        self._images = images
        self._row_faults = row_faults
        self._last_tags: tuple[str, ...] = ()

    def build_input(self, variables: Variables, index: int) -> _BuiltInput | None:
        """The input, but for what the shot adds as it stands."""
        prompt = self._fill(self._templates.prompt, "`prompt` is blank", "say what the video shows", variables, index)
        resolved = [self._resolve_image(text, variables, index) for text in self._templates.image_urls]
        images = [picture for picture in resolved if picture is not None]
        if prompt is None or len(images) < len(resolved):
            return None
        if not images:
            return _BuiltInput({"prompt": prompt}, None)
        copies = [picture.sha256 for picture in images if picture.sha256 is not None]
        input_ = {"prompt": prompt, "image_urls": [picture.url for picture in images]}
        # rule local_hash
        return _BuiltInput(input_, combine_digests(copies) if copies else None)

    def build_tags(self, variables: Variables, index: int) -> tuple[str, ...] | None:
        """The tags, each once."""
        # rule filled_tags
        tags = [self._fill(text, "a tag is blank", "remove it", variables, index) for text in self._templates.tags]
        kept = tuple(dict.fromkeys(tag for tag in tags if tag is not None))
        if None in tags:
            return None
        if kept != self._last_tags:
            self._last_tags = kept
        return self._last_tags

    def build_shot(self, shot_id: str, built: _BuiltInput, extra: dict[str, Any], tags: tuple[str, ...]) -> Shot:
        """The shot with its takes."""
        model = self._group.model
        # rule input_sent
        input_json = canonical_json(extra | built.fields)
        # rule what_counts
        digest = compute_fingerprint(model, input_json)
        return Shot(
            shot_id,
            # rule take_numbers
            tuple(
                Take(take_id(shot_id, number), shot_id, number, model, input_json, digest, tags, built.images_sha256)
                for number in range(1, self._group.raw.takes + 1)
            ),
        )

    def _fill(self, text: Template | None, blank: str, hint: str, variables: Variables, index: int) -> str | None:
        if text is None:
            return None
        # rule filled_text
        filled = text.parsed.substitute(variables).strip()
        # rule blank_text
        if not filled:
            self._row_faults.add(text, blank, blank, hint, index)
        return filled or None

    def _resolve_image(self, text: Template | None, variables: Variables, index: int) -> ResolvedImage | None:
        if text is None:
            return None
        # rule filled_image
        image = self._images.resolve(text.parsed.substitute(variables), text.node)
        if isinstance(image, ImageProblem):
            self._row_faults.add(text, image.problem, image.message, image.hint, index)
            return None
        return image


def _input_node(group: ShotGroup) -> nodes.MappingNode:
    """Where the parts of a shot's input are written."""
    raw = group.raw
    # name input_place
    line, column = raw.node.line, raw.node.column
    prompt = raw.prompt or ScalarNode("", line, column)
    entries = {**({} if raw.input is None else raw.input.entries), "prompt": (prompt, prompt)}
    if raw.image_urls:
        first = raw.image_urls[0]
        listed = nodes.SequenceNode(first.line, first.column, list(raw.image_urls))
        entries["image_urls"] = (first, listed)
    return nodes.MappingNode(line, column, entries)

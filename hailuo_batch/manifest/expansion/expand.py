"""From the manifest's raw shots to takes: every shot of every row and combination, with its ID, input and tags.

Each raw shot is split into templates and checked for unknown names once, then filled in for each set of its
variables. Takes and text are counted before any is built. Nothing here knows how YAML or CSV is written or read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.document import Document, RawShot
from hailuo_batch.manifest.expansion.extra_input import ExtraInputs
from hailuo_batch.manifest.expansion.row_faults import RowFaults
from hailuo_batch.manifest.expansion.shot_ids import TakenIds, create_namer
from hailuo_batch.manifest.expansion.size_limits import ShotGroup, check_take_count, check_text_size
from hailuo_batch.manifest.expansion.templates import Template
from hailuo_batch.manifest.expansion.variables import Expansion, ExpansionReader, Variables
from hailuo_batch.manifest.files.file_cache import FileCache
from hailuo_batch.manifest.images.local_copies import combine_digests
from hailuo_batch.manifest.images.references import ImageProblem, ImageReferences, ResolvedImage
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.validation.schema_errors import model_checker, report_schema_errors
from hailuo_batch.manifest.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from hailuo_batch.values import Shot, Take, canonical_json, compute_fingerprint, take_id
from hailuo_batch.warning_codes import WarningCode


@dataclass(frozen=True, slots=True)
class Expanded:
    """What the raw shots became: the shots with their takes, in the manifest's order.

    `local_images` are the images that have a local copy, by their URLs; `accepted` the warnings that a shot accepts, by
    its ID.
    """

    shots: tuple[Shot, ...] = ()
    local_images: Mapping[str, ResolvedImage] = field(default_factory=dict)
    accepted: Mapping[str, frozenset[WarningCode]] = field(default_factory=dict)


def expand_shots(document: Document, file_cache: FileCache, diagnostics: Diagnostics) -> Expanded:
    """Every shot of the manifest.

    Raw shots with an error make no shots. Raises FatalDiagnostic for too many takes, or too much text once the
    variables are filled in.
    """
    images = ImageReferences(document, file_cache.folder, diagnostics)
    manifest_vars = document.variables
    if manifest_vars is None:  # every name would be reported as unknown
        return Expanded()
    raw_shots = document.read_shots()
    file_cache.keep_columns({name for raw in raw_shots if raw.rows for each in raw.templates() for name in each.names})
    # rule vars_known
    reader = ExpansionReader(manifest_vars, file_cache, diagnostics)
    groups = []
    for raw in raw_shots:
        with diagnostics.accepting(raw.accepted):
            groups.append(ShotGroup(raw, reader.read(raw)))
    inputs = ExtraInputs(diagnostics)
    # rule counted_first
    check_take_count(document, groups)
    check_text_size(groups, inputs)
    taken: TakenIds = {}
    shots: list[Shot] = []
    accepted: dict[str, frozenset[WarningCode]] = {}
    for group in groups:
        with diagnostics.accepting(group.raw.accepted):
            built = _build_shots(group, inputs, images, taken, diagnostics)
        shots += built
        if group.raw.accepted:
            accepted |= {shot.id: group.raw.accepted for shot in built}
    # rule no_base_url
    images.report_missing_base_url()
    return Expanded(tuple(shots), images.local_images(), accepted)


def _build_shots(
    group: ShotGroup, inputs: ExtraInputs, images: ImageReferences, taken: TakenIds, diagnostics: Diagnostics
) -> list[Shot]:
    """The shots of one raw shot; none if anything of it was reported."""
    expansion = group.expansion
    raw = group.raw.checked(None if expansion is None else expansion.names, diagnostics)
    extra = {} if raw.input is None else inputs.read(raw.input)
    namer = create_namer(group, raw.id, taken, diagnostics)
    if expansion is None:
        return []
    row_faults = RowFaults(expansion, diagnostics)
    builder = _ShotBuilder(raw, extra, expansion, images, row_faults)
    shots: list[Shot] = []
    for index, variables in enumerate(expansion.variable_sets()):
        shot_id = None if namer is None else namer.name_shot(variables, index, row_faults)
        built = builder.build_input(variables, index)
        tags = builder.build_tags(variables, index)
        if index == 0 and built is not None:  # all inputs of a raw shot have the same form
            _check_input(group.raw, built[0], diagnostics)
        if shot_id is not None and built is not None and tags is not None:
            shots.append(_make_shot(raw, shot_id, *built, tags, builder.own_variables(variables)))
    row_faults.report()
    return shots if len(shots) == expansion.size else []


class _ShotBuilder:
    """Fills in the templates of one raw shot. Gives None for what is wrong, and adds that to the row faults."""

    def __init__(
        self,
        raw: RawShot,
        extra: dict[str, Any] | None,
        expansion: Expansion,
        images: ImageReferences,
        row_faults: RowFaults,
    ) -> None:
        self._raw = raw
        self._extra = extra
        self._images = images
        self._row_faults = row_faults
        self._last_tags: tuple[str, ...] = ()
        self._own_names = expansion.own_names({name for template in raw.templates() for name in template.names})

    def own_variables(self, variables: Variables) -> str:
        """What the shot uses of its row and of its matrix, as canonical JSON."""
        return canonical_json({name: variables[name] for name in self._own_names}) if self._own_names else "{}"

    def build_input(self, variables: Variables, index: int) -> tuple[dict[str, Any], str | None] | None:
        """The input as it will be sent, and one digest of the images that have a local copy."""
        prompt = self._fill(self._raw.prompt, "`prompt` is blank", "say what the video shows", variables, index)
        resolved = [self._resolve_image(template, variables, index) for template in self._raw.image_urls]
        images = [image for image in resolved if image is not None]
        if prompt is None or len(images) < len(resolved) or self._extra is None:
            return None
        # rule input_sent
        input_ = self._extra | {"prompt": prompt}
        if images:
            input_["image_urls"] = [image.url for image in images]
        digests = [image.sha256 for image in images if image.sha256 is not None]
        # rule local_hash
        return input_, combine_digests(digests) if digests else None

    def build_tags(self, variables: Variables, index: int) -> tuple[str, ...] | None:
        """The tags, each once. Equal tags of neighbouring shots are one object, to save memory."""
        # rule filled_tags
        tags = [self._fill(template, "a tag is blank", "remove it", variables, index) for template in self._raw.tags]
        unique = tuple(dict.fromkeys(tag for tag in tags if tag is not None))
        if None in tags:
            return None
        if unique != self._last_tags:
            self._last_tags = unique
        return self._last_tags

    def _fill(self, template: Template | None, blank: str, hint: str, variables: Variables, index: int) -> str | None:
        if template is None:
            return None
        # rule filled_text
        filled = template.substitute(variables).strip()
        # rule blank_text
        if not filled:
            self._row_faults.add(template, blank, blank, hint, index)
        return filled or None

    def _resolve_image(self, template: Template | None, variables: Variables, index: int) -> ResolvedImage | None:
        if template is None:
            return None
        # rule filled_image
        image = self._images.resolve(template.substitute(variables), template.node)
        if isinstance(image, ImageProblem):
            self._row_faults.add(template, image.problem, image.message, image.hint, index)
            return None
        return image


def _make_shot(
    raw: RawShot,
    shot_id: str,
    input_: dict[str, Any],
    images_sha256: str | None,
    tags: tuple[str, ...],
    variables_json: str,
) -> Shot:
    # The fingerprint covers the exact text that is sent, and nothing else: no edit of a comment or a tag, and no local
    # copy that is added to a finished campaign, makes anybody pay again.
    model = raw.model_name
    # rule input_text
    input_json = canonical_json(input_)
    # rule what_counts
    fingerprint = compute_fingerprint(model, input_json)
    # rule take_numbers
    takes = (
        Take(
            take_id(shot_id, number),
            shot_id,
            number,
            model,
            input_json,
            fingerprint,
            tags,
            images_sha256,
            variables_json,
        )
        for number in range(1, raw.takes + 1)
    )
    return Shot(shot_id, tuple(takes), "" if raw.id is None else raw.id.node.text)


def _check_input(raw: RawShot, input_: dict[str, Any], diagnostics: Diagnostics) -> None:
    """Check an input against the schema of its model, if there is one."""
    model, checker = raw.model_name, model_checker(raw.model_name)
    if checker is None:
        message = f"hailuo-batch has no schema for the model {quoted(model)}: its input is not checked"
        # rule unchecked_input
        diagnostics.warn(raw.model or raw.node, WarningCode.UNCHECKED_INPUT, message, cause=f"model {model}")
    # rule model_checked
    elif not checker.accepts(input_):
        node = _input_node(raw)
        report_schema_errors(checker.validator, input_, node, f"the input of `{model}`", diagnostics)


def _input_node(raw: RawShot) -> MappingNode:
    """Where the parts of a shot's input are written, as one mapping."""
    # name input_place
    line, column = raw.node.line, raw.node.column
    prompt = ScalarNode("", line, column) if raw.prompt is None else raw.prompt.node
    entries = {**({} if raw.input is None else raw.input.entries), "prompt": (prompt, prompt)}
    urls = [template.node for template in raw.image_urls if template is not None]
    if urls:
        entries["image_urls"] = (urls[0], SequenceNode(urls[0].line, urls[0].column, [*urls]))
    return MappingNode(line, column, entries)

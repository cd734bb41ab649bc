"""From the manifest's raw shots to takes: every shot of every row and combination, with its ID, input and tags.

Each raw shot is split into templates and checked for unknown names once, then filled in for each set of its
variables. Takes and text are counted before any is built. Nothing here knows how YAML or CSV is written or read.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.document import Document, RawShot
from hailuo_batch.manifest.expansion.extra_input import ExtraInputs, fill_texts
from hailuo_batch.manifest.expansion.row_faults import RowFaults
from hailuo_batch.manifest.expansion.shot_ids import TakenIds, create_namer
from hailuo_batch.manifest.expansion.size_limits import (
    ShotGroup,
    check_take_count,
    check_text_size,
    count_group,
    parse_takes,
)
from hailuo_batch.manifest.expansion.sources import ExpansionReader
from hailuo_batch.manifest.expansion.templates import Template, lone_variable
from hailuo_batch.manifest.expansion.variables import Expansion, Variables
from hailuo_batch.manifest.files.file_cache import FileCache
from hailuo_batch.manifest.images.local_copies import combine_digests
from hailuo_batch.manifest.images.references import ImageProblem, ImageReferences, ResolvedImage
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.validation.schema_errors import model_checker, report_schema_errors
from hailuo_batch.manifest.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from hailuo_batch.values import Shot, Take, canonical_json, compute_fingerprint, take_id
from hailuo_batch.warning_codes import WarningCode


@dataclass(frozen=True, slots=True)
class BuiltGroup:
    """A raw shot and the shots that it makes; none if anything of it is wrong."""

    group: ShotGroup
    shots: tuple[Shot, ...]


@dataclass(frozen=True, slots=True)
class Expanded:
    """What the raw shots became, in the manifest's order.

    `local_images` are the images whose content is known without a network, by their URLs.
    """

    groups: tuple[BuiltGroup, ...] = ()
    local_images: Mapping[str, ResolvedImage] = field(default_factory=dict)

    @property
    def shots(self) -> tuple[Shot, ...]:
        """All shots."""
        return tuple(shot for built in self.groups for shot in built.shots)

    @property
    def accepted(self) -> Mapping[str, frozenset[WarningCode]]:
        """The warnings that a shot accepts, by its ID, of each that accepts any."""
        accepting = [built for built in self.groups if built.group.raw.accepted]
        return {shot.id: built.group.raw.accepted for built in accepting for shot in built.shots}


def expand_shots(document: Document, file_cache: FileCache, diagnostics: Diagnostics) -> Expanded:
    """Every shot of the manifest.

    Raw shots with an error make no shots. Raises FatalDiagnostic for too many takes, or too much text once the
    variables are filled in.
    """
    images = ImageReferences(document, file_cache.folder, diagnostics)
    manifest_vars = document.read_variables()
    if manifest_vars is None:  # every name would be reported as unknown
        return Expanded()
    raw_shots = document.read_shots()
    inputs = ExtraInputs(diagnostics)
    # rule vars_known
    reader = ExpansionReader(manifest_vars, file_cache, inputs, diagnostics)
    file_cache.keep_columns({name for raw in raw_shots if raw.rows for name in reader.used_names(raw)})
    groups = []
    for raw in raw_shots:
        with diagnostics.accepting(raw.accepted):
            groups.append(count_group(raw, reader.read(raw)))
    # rule counted_first
    check_take_count(document, groups)
    check_text_size(groups, inputs)
    taken: TakenIds = {}
    built = []
    for group in groups:
        with diagnostics.accepting(group.raw.accepted):
            built.append(BuiltGroup(group, tuple(_build_shots(group, inputs, images, taken, diagnostics))))
    # rule no_base_url
    images.report_missing_base_url()
    return Expanded(tuple(built), images.local_images())


def _build_shots(
    group: ShotGroup, inputs: ExtraInputs, images: ImageReferences, taken: TakenIds, diagnostics: Diagnostics
) -> list[Shot]:
    """The shots of one raw shot; none if anything of it was reported."""
    expansion = group.expansion
    raw = group.raw.checked(None if expansion is None else expansion.known, diagnostics)
    extra = {} if raw.input is None else inputs.read(raw.input)
    namer = create_namer(group, raw.id, taken, diagnostics)
    if expansion is None:
        return []
    row_faults = RowFaults(expansion, diagnostics)
    input_names = () if raw.input is None else inputs.names(raw.input)
    builder = _ShotBuilder(raw, extra, expansion, input_names, images, row_faults)
    shots: list[Shot] = []
    checked: set[int] = set()
    for index, variables in enumerate(expansion.variable_sets()):
        shot_id = None if namer is None else namer.name_shot(variables, index, row_faults)
        built = builder.build_input(variables, index)
        tags = builder.build_tags(variables, index)
        takes = builder.count_takes(variables, index)
        if built is not None and (builder.fills_input or len(built[0]) not in checked):
            checked.add(len(built[0]))  # inputs differ in form only by having images, unless variables are filled in
            _check_input(group.raw, built[0], diagnostics)
        if shot_id is not None and built is not None and tags is not None and takes is not None:
            numbers = range(1, takes + 1)
            shots.append(_make_shot(raw, shot_id, numbers, *built, tags, builder.own_variables(variables)))
    row_faults.report()
    return shots if len(shots) == expansion.size else []


class _ShotBuilder:
    """Fills in the templates of one raw shot. Gives None for what is wrong, and adds that to the row faults."""

    def __init__(
        self,
        raw: RawShot,
        extra: dict[str, Any] | None,
        expansion: Expansion,
        input_names: Collection[str],
        images: ImageReferences,
        row_faults: RowFaults,
    ) -> None:
        self._raw = raw
        self._extra = extra
        self._images = images
        self._row_faults = row_faults
        self._last_tags: tuple[str, ...] = ()
        own_names = [] if expansion.is_single else expansion.own_names({*raw.names, *input_names})
        self._own_keys = [(name, f"{encode_basestring(name)}:") for name in own_names]
        self.fills_input = any(name in expansion.known.names for name in input_names)
        self._lone_images = {id(each) for each in raw.image_urls if each is not None and lone_variable(each)}

    def own_variables(self, variables: Variables) -> str:
        """What the shot uses of its row and of its matrix, as canonical JSON."""
        # as `canonical_json` writes it, in a fraction of the time: the names are those of all rows, and in order
        return "{" + ",".join([key + encode_basestring(variables[name]) for name, key in self._own_keys]) + "}"

    def build_input(self, variables: Variables, index: int) -> tuple[dict[str, Any], str | None] | None:
        """The input as it will be sent, and one digest of the images that have a local copy."""
        prompt = self._fill(self._raw.prompt, "`prompt` is blank", "say what the video shows", variables, index)
        filled = [(template, self._fill_image(template, variables)) for template in self._raw.image_urls]
        # rule no_image_here
        resolved = [self._resolve_image(template, text, index) for template, text in filled if text != ""]
        images = [image for image in resolved if image is not None]
        if prompt is None or len(images) < len(resolved) or self._extra is None:
            return None
        extra = fill_texts(self._extra, variables) if self.fills_input else self._extra
        # rule input_sent
        input_ = extra | {"prompt": prompt}
        # rule no_images_left
        if images:
            input_["image_urls"] = [image.url for image in images]
        digests = [image.sha256 for image in images if image.sha256 is not None]
        # rule local_hash
        return input_, combine_digests(digests) if digests else None

    def build_tags(self, variables: Variables, index: int) -> tuple[str, ...] | None:
        """The tags, each once. Equal tags of neighbouring shots are one object, to save memory."""
        if not self._raw.tags and self._raw.tags_text is None:
            return ()
        listed = [self._fill_tag(template, variables, index) for template in self._raw.tags]
        joined = "" if self._raw.tags_text is None else self._raw.tags_text.substitute(variables)
        # rule split_tags
        split = [tag.strip() for tag in joined.split(",")]
        unique = tuple(dict.fromkeys(tag for tag in (*listed, *split) if tag))
        if None in listed:
            return None
        if unique != self._last_tags:
            self._last_tags = unique
        return self._last_tags

    def count_takes(self, variables: Variables, index: int) -> int | None:
        """How many takes the shot has."""
        template = self._raw.takes_text
        if template is None:
            return self._raw.takes
        text = template.substitute(variables)
        # rule takes_of_row
        takes = parse_takes(text, self._raw.takes)
        if takes is None:
            message = f"`takes` must be a whole number from 1 to 100, not {quoted(text)}"
            self._row_faults.add(template, "takes", message, "write it in plain digits, such as 3", index)
        return takes

    def _fill_tag(self, template: Template | None, variables: Variables, index: int) -> str | None:
        """A tag; empty if it is one variable without a value, which stands for no tag."""
        # rule empty_tag
        if template is not None and lone_variable(template) and not template.substitute(variables).strip():
            return ""
        # rule filled_tags
        return self._fill(template, "a tag is blank", "remove it", variables, index)

    def _fill(self, template: Template | None, blank: str, hint: str, variables: Variables, index: int) -> str | None:
        if template is None:
            return None
        # rule filled_text
        filled = template.substitute(variables).strip()
        # rule blank_text
        if not filled:
            self._row_faults.add(template, blank, blank, hint, index)
        return filled or None

    def _fill_image(self, template: Template | None, variables: Variables) -> str | None:
        """An image reference without the blanks around it; empty if it is one variable without a value."""
        if template is None:
            return None
        # rule filled_image
        text = template.substitute(variables).strip()
        # rule whole_item
        return text if text or id(template) in self._lone_images else None

    def _resolve_image(self, template: Template | None, text: str | None, index: int) -> ResolvedImage | None:
        if template is None:
            return None
        image = self._images.resolve(text or "", template.node)
        if isinstance(image, ImageProblem):
            self._row_faults.add(template, image.problem, image.message, image.hint, index, value=image.file)
            return None
        return image


def _make_shot(
    raw: RawShot,
    shot_id: str,
    numbers: range,
    input_: dict[str, Any],
    images_sha256: str | None,
    tags: tuple[str, ...],
    variables_json: str,
) -> Shot:
    # The fingerprint covers the exact text that is sent, and nothing else: no edit of a comment or a tag, and no local
    # copy that is added to a finished campaign, makes anybody pay again.
    # name model_of_shot
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
        for number in numbers
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

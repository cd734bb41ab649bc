"""Looks over a campaign that is right, and warns of what its author cannot have meant.

Owns what is looked at, and when: a raw shot with an error has no shots, and is not looked at.
"""

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.document import Document, RawShot
from hailuo_batch.manifest.expansion.expand import BuiltGroup, Expanded
from hailuo_batch.manifest.expansion.extra_input import scalars_below
from hailuo_batch.manifest.expansion.templates import braced_names
from hailuo_batch.manifest.lint.hailuo import check_hailuo
from hailuo_batch.manifest.lint.usage import EqualInputs, check_matrix, check_vars
from hailuo_batch.manifest.lint.values import VarNodes, check_texts, check_values
from hailuo_batch.manifest.yaml.dropped_text import DroppedTexts


def check_campaign(document: Document, expanded: Expanded, dropped: DroppedTexts, diagnostics: Diagnostics) -> None:
    """Warn of all that is odd, except of texts that are empty because YAML dropped them: those are known."""
    manifest_vars = document.variable_nodes or {}
    has_mistakes = diagnostics.has_mistakes
    equal_inputs = EqualInputs(diagnostics)
    used: set[str] = set()
    for built in expanded.groups:
        input_names = _input_names(built.group.raw)
        used |= {*built.group.raw.names, *input_names}
        if built.shots:
            # rule accepted_by_shot
            with diagnostics.accepting(built.group.raw.accepted):
                _check_group(built, input_names, manifest_vars, dropped, equal_inputs, diagnostics)
    used |= {name for text in dropped.texts() for name in braced_names(text)}
    if not has_mistakes:  # a shot that could not be read uses names, too
        check_vars(used, manifest_vars, dropped, diagnostics)


def _check_group(
    built: BuiltGroup,
    input_names: frozenset[str],
    manifest_vars: VarNodes,
    dropped: DroppedTexts,
    equal_inputs: EqualInputs,
    diagnostics: Diagnostics,
) -> None:
    raw, expansion = built.group.raw, built.group.expansion
    assert expansion is not None
    check_texts(raw, expansion, diagnostics)
    check_values(raw, expansion, input_names, manifest_vars, dropped, diagnostics)
    # where YAML dropped a part of the prompt, that is why its variables make no difference
    is_cut = raw.prompt is not None and dropped.find(raw.prompt.node) is not None
    is_explained = is_cut or check_matrix(raw, input_names, diagnostics)
    equal_inputs.check(built, explained=is_explained)
    check_hailuo(built, diagnostics)


def _input_names(raw: RawShot) -> frozenset[str]:
    if raw.input is None:
        return frozenset()
    return frozenset(name for scalar in scalars_below(raw.input) for name in braced_names(scalar.text))

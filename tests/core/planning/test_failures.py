"""Which failures are tried again: all but those that say that the input is sensitive."""

from dataclasses import replace

import pytest

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.failures import attempts_left, count_failures, is_refused_content
from tests.helpers.snapshots import run


def failed(reason: str | None) -> Run:
    return replace(run(RunState.FAILED), reason=reason)


@pytest.mark.parametrize(
    "reason",
    [
        "1026",
        "the input is sensitive (1026)",
        "1026: input new_sensitive",
        "1026 - input is sensitive",
        "[1026] try again",
        "error 1026",
        "error code: 1026",
        "failed with code=1026, see the log",
        '{"status_code": 1026, "status_msg": "refused"}',
        "ERROR_1026",
        "input new_sensitive",
        "Input is sensitive",
        "the prompt was considered sensitive",
        "the output contains sensitive content",
        "stopped by the content policy",
        "this violates our usage policies",
        "flagged by content moderation",
        "sensitive_content",
        "refused (sensitive_content)",
        "refused (input_sensitive)",
        "refused (content_policy)",
        "refused (content_policy_violation)",
        "refused (contentFilter)",
        "refused (moderation)",
        "refused (safety_filter)",
        "refused (nsfw)",
    ],
)
def test_what_says_that_the_input_is_sensitive(reason: str) -> None:
    assert is_refused_content(failed(reason))


@pytest.mark.parametrize(
    "reason",
    [
        None,
        "",
        "the model could not finish this generation",
        "the run took 1026 s",
        "no worker after 1026 tries (timeout)",
        "run 910264 failed",
        "run_a1026 failed",
        "error 10261",
        "error 1026.5",
        "code 1026,500",
        "(1026 ms)",
        "1026 frames are missing",
        "at 10:26 (1027)",
        "field names are case-sensitive",
        "the prompt is case sensitive",
        "refused (case_sensitive_field)",
        "refused (insensitive)",
        "later (moderation_unavailable)",
        "later (content_filter_timed_out)",
        "the content could not be read (generation_failed)",
        "the safety of this host is unknown",
        "rate limit policy (limit)",
    ],
)
def test_what_merely_looks_like_it_is_tried_again(reason: str | None) -> None:
    assert not is_refused_content(failed(reason))


def test_only_a_failed_run_can_have_been_refused() -> None:
    assert not is_refused_content(replace(run(RunState.IN_DOUBT), reason="1026"))


def test_a_sensitive_input_leaves_no_attempt_and_another_input_does() -> None:
    plain, sensitive = failed("it broke"), failed("the input is sensitive (1026)")
    other = replace(sensitive, fingerprint="f" * 64)
    assert count_failures([plain, plain, other], plain.fingerprint) == 2
    assert attempts_left([plain, other], plain.fingerprint, 3) == 2
    assert attempts_left([plain, plain, plain, plain], plain.fingerprint, 3) == 0
    assert attempts_left([sensitive], sensitive.fingerprint, 3) == 0
    assert attempts_left([sensitive, plain], sensitive.fingerprint, 3) == 0

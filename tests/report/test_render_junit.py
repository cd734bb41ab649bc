import dataclasses
import xml.etree.ElementTree as ET

import pytest

from hailuo_batch.core.model.states import RunState
from hailuo_batch.report.render_junit import render_junit
from tests.helpers.snapshots import STARTED_AT, output, record, run, take
from tests.report.builders import HOSTILE, every_state, report_of


def suite_of(text: str) -> ET.Element:
    [suite] = ET.fromstring(text.encode())
    return suite


def test_the_suite_is_the_campaign_and_each_shot_a_class() -> None:
    text = render_junit(report_of(record(take("hero", 2))))
    root = ET.fromstring(text.encode())
    [suite] = root
    [case] = suite
    assert (root.tag, suite.tag, case.tag) == ("testsuites", "testsuite", "testcase")
    assert (suite.get("name"), suite.get("timestamp")) == ("spring-lamps", "2025-10-09T08:53:20.250Z")
    assert (case.get("classname"), case.get("name")) == ("hero", "hero.take2")


def test_every_take_is_a_case_in_the_reports_order() -> None:
    report = report_of(*every_state())
    cases = suite_of(render_junit(report)).findall("testcase")
    assert [case.get("name") for case in cases] == [listed.id for listed in report.takes]


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (RunState.SUCCEEDED, None),
        (RunState.FAILED, "failure"),
        (RunState.REJECTED, "failure"),
        (RunState.LOST, "failure"),
        (RunState.IN_DOUBT, "error"),
        (RunState.PENDING, "skipped"),
        (RunState.UNSENT, "skipped"),
        (RunState.ABANDONED, "skipped"),
    ],
)
def test_a_state_is_a_verdict(state: RunState, verdict: str | None) -> None:
    [case] = suite_of(render_junit(report_of(record(take(), run(state, reason="why")))))
    assert [child.tag for child in case if child.tag != "system-out"] == ([verdict] if verdict else [])


def test_a_video_that_is_still_to_come_is_skipped() -> None:
    [case] = suite_of(render_junit(report_of(record(take(), run(outputs=(output(None),))))))
    assert [child.tag for child in case] == ["skipped", "system-out"]


def test_clocks_that_disagree_give_no_negative_time() -> None:
    made = dataclasses.replace(run(), completed_at=STARTED_AT - 5.0)
    [case] = suite_of(render_junit(report_of(record(take(), made))))
    assert case.get("time") == "0.000"


def test_the_counts_are_those_of_the_cases() -> None:
    suite = suite_of(render_junit(report_of(*every_state())))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert suite.get(name) == str(len(suite.findall(f"testcase/{tag}")))
        assert suite.get(name) != "0"
    assert suite.get("tests") == str(len(every_state()))


def test_a_failure_states_why_and_what_to_do() -> None:
    [case] = suite_of(render_junit(report_of(record(take(), run(RunState.FAILED, reason="the filter")))))
    failure = case.find("failure")
    assert failure is not None
    assert (failure.get("message"), failure.get("type")) == ("failed: the filter", "failed")
    assert "hailuo-batch retry manifests/spring.yaml hero" in (failure.text or "")


def test_a_finished_take_names_its_run_and_file_and_how_long_it_took() -> None:
    suite = suite_of(render_junit(report_of(record(take(), run(run_id="run_1")))))
    [case] = suite
    assert case.get("time") == suite.get("time") == "130.000"
    assert case.findtext("system-out") == "run run_1\nhero.mp4"


def test_what_the_manifest_no_longer_asks_for_fails_nothing() -> None:
    [case] = suite_of(render_junit(report_of(record(take(), run(RunState.FAILED), in_manifest=False))))
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "failed; no longer in the manifest"


def test_text_that_xml_cannot_hold_does_not_break_it() -> None:
    reason = HOSTILE + "\x1b[31m \ud83d \ufffe \U0001f4a1"
    [case] = suite_of(render_junit(report_of(record(take(), run(RunState.FAILED, reason=reason)))))
    failure = case.find("failure")
    assert failure is not None
    message = failure.get("message") or ""
    assert "</script>" in message
    assert message.endswith("\ufffd[31m \ufffd \ufffd \U0001f4a1")

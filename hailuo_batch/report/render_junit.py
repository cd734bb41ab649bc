"""report.junit.xml: the campaign as a test report, one case for each take, for programs that show test results.

Takes that failed or have a damaged video are failures, takes in doubt are errors, unfinished or unwanted ones are
skipped. The format has no standard; only elements that every reader knows are used.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.report.fields import format_time
from hailuo_batch.report.model import Report, ReportTake, state_text

_VERDICTS: Mapping[TakeState, str] = {
    TakeState.WAITING: "skipped",
    TakeState.IN_DOUBT: "error",
    TakeState.RUNNING: "skipped",
    TakeState.DOWNLOADING: "skipped",
    TakeState.FAILED: "failure",
    TakeState.REJECTED: "failure",
    TakeState.LOST: "failure",
    TakeState.ABANDONED: "skipped",
}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(report: Report) -> str:
    """The text of report.junit.xml."""
    suite = ET.Element("testsuite", name=_text(report.campaign), timestamp=format_time(report.generated_at) or "")
    cases = [_case(take) for take in report.takes]
    suite.extend(cases)
    verdicts = [verdict.tag for case in cases for verdict in case if verdict.tag in _VERDICTS.values()]
    suite.set("tests", str(len(cases)))
    for name, verdict in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(verdicts.count(verdict)))
    suite.set("time", f"{sum(map(_took_s, report.takes)):.3f}")
    root = ET.Element("testsuites", name="hailuo-batch")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _runs(take: ReportTake) -> list[Run]:
    return [attempt.run for attempt in take.attempts]


def _case(take: ReportTake) -> ET.Element:
    case = ET.Element("testcase", classname=_text(take.take.shot), name=_text(take.id), time=f"{_took_s(take):.3f}")
    if take.state is not TakeState.DONE or take.damaged:
        case.append(_verdict(take))
    facts = [*(f"run {run.run_id}" for run in _runs(take) if run.run_id), *(o.path for o in take.outputs if o.path)]
    if facts:
        ET.SubElement(case, "system-out").text = _text("\n".join(facts))
    return case


def _verdict(take: ReportTake) -> ET.Element:
    state = "damaged" if take.damaged else state_text(take.state)
    if not take.in_manifest:
        return ET.Element("skipped", message=f"{state}; no longer in the manifest")
    attempt = take.live
    reason = attempt.problem if attempt else ""
    verdict = ET.Element(
        "failure" if take.damaged else _VERDICTS[take.state], message=_text(f"{state}: {reason}" if reason else state)
    )
    if verdict.tag != "skipped":
        verdict.set("type", "damaged" if take.damaged else str(take.state))
        advice = attempt.advice if attempt else None
        verdict.text = "" if advice is None else _text("\n".join((advice.text, *advice.commands)))
    return verdict


def _took_s(take: ReportTake) -> float:
    run = take.live.run if take.live else None
    if run is None or run.submitted_at is None or run.completed_at is None:
        return 0.0
    return max(0.0, run.completed_at - run.submitted_at)


def _text(text: str) -> str:
    """Text that XML 1.0 can hold."""
    return _NOT_XML.sub("\ufffd", text)

import hashlib
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.report.render_json import render_json
from hailuo_batch.resources import load_schema_text
from tests.helpers.snapshots import STARTED_AT, output, record, run, take
from tests.report.builders import HOSTILE, every_state, report_of

SCHEMA = json.loads(load_schema_text("report"))


def parsed(text: str) -> Any:
    return json.loads(text)


def test_the_schema_is_itself_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("submitting_means", [TakeState.IN_DOUBT, TakeState.WAITING])
def test_every_state_fits_the_schema(submitting_means: TakeState) -> None:
    written = parsed(render_json(report_of(*every_state(), submitting_means=submitting_means)))
    Draft202012Validator(SCHEMA).validate(written)
    seen = {attempt["state"] for listed in written["takes"] for attempt in listed["runs"]}
    assert seen == set(RunState) - {RunState.UNSENT, RunState.SUBMITTING}
    assert {listed["state"] for listed in written["takes"]} == set(TakeState)


def test_an_empty_campaign_fits_the_schema() -> None:
    Draft202012Validator(SCHEMA).validate(parsed(render_json(report_of())))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: report["takes"][0].update(state="unsent"),
        lambda report: report["totals"].pop("lost"),
        lambda report: report["spend"].update(charged_micro_usd=0.28),
        lambda report: report.update(generated_at="2025-10-09 08:53"),
        lambda report: report["takes"][0]["runs"][0].update(state="submitting"),
        lambda report: report["takes"][0]["outputs"][0].pop("sha256"),
    ],
)
def test_the_schema_refuses_what_the_contract_does_not_state(spoil: Any) -> None:
    written = parsed(render_json(report_of(record(take(), run()))))
    assert Draft202012Validator(SCHEMA).is_valid(written)
    spoil(written)
    assert not Draft202012Validator(SCHEMA).is_valid(written)


def test_the_contracts_fields_are_all_there() -> None:
    written = parsed(render_json(report_of(record(take(), run(run_id="run_1")))))
    assert written["version"] == 1
    assert written["generated_at"] == "2025-10-09T08:53:20.250Z"
    [listed] = written["takes"]
    assert listed["input"] == {"prompt": "a lamp on a table"}
    [attempt] = listed["runs"]
    assert {"run_id": "run_1", "attempt": 1, "state": "succeeded", "superseded": False}.items() <= attempt.items()
    assert {"cost_micro_usd": 280_000, "submitted_at": "2025-10-09T08:53:20.000Z"}.items() <= attempt.items()
    assert {"completed_at": "2025-10-09T08:55:30.000Z", "error": None}.items() <= attempt.items()
    [file] = listed["outputs"]
    assert list(file) == ["path", "url", "bytes", "sha256", "flaw"]
    assert file["path"] == "hero.mp4"


def test_every_field_states_what_the_ledger_has() -> None:
    lamp = take(
        *("lamp", 2),
        image_urls=["https://cdn.test/a.png"],
        tags=("spring", "teal"),
        model="hailuo/other",
        variables={"colour": "teal", "price": "=1+1"},
    )
    old = run(of=lamp, run_id="run_1", cost=250_000, superseded_by=Supersession.EDIT)
    new = run(RunState.FAILED, lamp, attempt=2, run_id="run_2", cost=None, reason="the filter", at=STARTED_AT + 60)
    unsure = run(RunState.IN_DOUBT, take(model="hailuo/other"), reason="cut off")
    report = report_of(record(lamp, old, new, in_manifest=False), record(take(model="hailuo/other"), unsure))
    written = parsed(render_json(report))
    left, held = written.pop("takes")
    totals = written.pop("totals")
    assert {state: count for state, count in totals.items() if count} == {"takes": 2, "failed": 1, "in_doubt": 1}
    assert written == {
        "version": 1,
        "campaign": "spring-lamps",
        "description": "Spring catalogue",
        "endpoint": "https://runbase.net/api/v1",
        "manifest_sha256": hashlib.sha256(b"manifest").hexdigest(),
        "generated_at": "2025-10-09T08:53:20.250Z",
        "applying": False,
        "damaged_takes": 0,
        "spend": {
            "charged_micro_usd": 500_000,
            "refunded_micro_usd": 250_000,
            "net_micro_usd": 250_000,
            "in_doubt_takes": 1,
            "in_doubt_micro_usd": 250_000,
        },
        "resume_command": "hailuo-batch apply manifests/spring.yaml",
        "apply_command": "hailuo-batch apply manifests/spring.yaml",
        "collect_command": "hailuo-batch collect manifests/spring.yaml",
    }
    first, second = left.pop("runs")
    assert left == {
        "id": "lamp.take2",
        "shot": "lamp",
        "number": 2,
        "tags": ["spring", "teal"],
        "fingerprint": lamp.fingerprint,
        "state": "failed",
        "in_manifest": False,
        "model": "hailuo/other",
        "input": {"prompt": "a lamp on a table", "image_urls": ["https://cdn.test/a.png"]},
        "variables": {"colour": "teal", "price": "=1+1"},
        "outputs": [],
    }
    assert first == {
        "run_id": "run_1",
        "attempt": 1,
        "state": "succeeded",
        "superseded": True,
        "fingerprint": lamp.fingerprint,
        "create_id": old.create_id,
        "cost_micro_usd": 250_000,
        "submitted_at": "2025-10-09T08:53:20.000Z",
        "completed_at": "2025-10-09T08:55:30.000Z",
        "error": None,
        "outputs": [
            {
                "path": "lamp.take2.mp4",
                "url": "https://runbase.net/files/generated/0.mp4",
                "bytes": 1000,
                "sha256": hashlib.sha256(b"lamp.take2.mp4").hexdigest(),
                "flaw": None,
            }
        ],
        "advice": None,
    }
    assert (second["cost_micro_usd"], second["error"], second["outputs"]) == (None, "the filter", [])
    [doubt] = held["runs"]
    assert "Check your Runbase account" in doubt["advice"]["text"]
    assert doubt["advice"]["commands"][1] == "hailuo-batch resolve manifests/spring.yaml hero --resubmit"


def test_it_states_that_an_apply_is_at_work() -> None:
    assert parsed(render_json(report_of(submitting_means=TakeState.WAITING)))["applying"] is True


CONTRACT = {
    "": "version campaign endpoint manifest_sha256 generated_at totals spend takes",
    "totals": "takes waiting in_doubt running downloading done failed rejected lost abandoned",
    "spend": "charged_micro_usd refunded_micro_usd net_micro_usd in_doubt_takes in_doubt_micro_usd",
    "take": "id shot fingerprint state in_manifest model input runs outputs",
    "run": "run_id attempt state superseded cost_micro_usd submitted_at completed_at error",
    "output": "path url bytes sha256",
}
"""Every field that is promised to whoever reads report.json; none may ever go."""


def test_no_field_that_is_promised_is_missing_and_the_schema_asks_for_each() -> None:
    written = parsed(render_json(report_of(*every_state())))
    listed = written["takes"]
    runs = [attempt for each in listed for attempt in each["runs"]]
    outputs = [output for each in listed for output in each["outputs"]]
    found = {"": [written], "totals": [written["totals"]], "spend": [written["spend"]]}
    found |= {"take": listed, "run": runs, "output": outputs}
    for part, fields in CONTRACT.items():
        wanted = set(fields.split())
        assert found[part]
        assert all(wanted <= set(each) for each in found[part]), part
        where = SCHEMA if not part else SCHEMA["properties"].get(part) or SCHEMA["$defs"][part]
        assert wanted == set(where["required"]), part


def test_money_at_risk_is_null_while_no_cost_is_known() -> None:
    spend = parsed(render_json(report_of(record(take(), run(RunState.IN_DOUBT)))))["spend"]
    assert (spend["in_doubt_takes"], spend["in_doubt_micro_usd"]) == (1, None)


def test_takes_and_runs_keep_the_order_of_the_manifest_and_of_their_making() -> None:
    shots = [take(name) for name in ("zebra", "apple", "mango")]
    attempts = [run(RunState.FAILED, shots[1], run_id="run_z"), run(of=shots[1], attempt=2, run_id="run_a")]
    written = parsed(render_json(report_of(record(shots[0]), record(shots[1], *attempts), record(shots[2]))))
    assert [listed["id"] for listed in written["takes"]] == ["zebra", "apple", "mango"]
    assert [attempt["run_id"] for attempt in written["takes"][1]["runs"]] == ["run_z", "run_a"]


def test_a_file_that_is_still_to_come_has_a_link_and_no_path() -> None:
    [listed] = parsed(render_json(report_of(record(take(), run(outputs=(output(None),))))))["takes"]
    assert listed["outputs"] == [
        {"path": None, "url": "https://runbase.net/files/generated/0.mp4", "bytes": None, "sha256": None, "flaw": None}
    ]


def test_one_report_always_gives_the_same_text() -> None:
    report = report_of(*every_state())
    assert render_json(report) == render_json(report)


def test_text_from_outside_comes_back_as_it_was() -> None:
    odd = run(RunState.FAILED, reason="half a pair: \ud83d, a whole one: \U0001f4a1")
    text = render_json(report_of(record(take(prompt=HOSTILE), odd)))
    [listed] = parsed(text.encode("utf-8").decode("utf-8"))["takes"]
    assert listed["input"]["prompt"] == HOSTILE
    assert listed["runs"][0]["error"] == odd.reason

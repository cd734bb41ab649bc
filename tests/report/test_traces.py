"""What a sidecar and a report tell of runs, also where somebody has made them up."""

import dataclasses
import json
import os
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.traces import KnownIds, Trace, UnreadableTrace
from hailuo_batch.report.folder_scan import read_object
from hailuo_batch.report.model import build_report
from hailuo_batch.report.read_back import read_traces
from hailuo_batch.report.render_json import render_json
from hailuo_batch.report.sidecars import update_sidecars
from hailuo_batch.report.traces import parse_report, parse_sidecar
from hailuo_batch.values import Take, canonical_json, compute_fingerprint
from tests.helpers.snapshots import STARTED_AT, record, run, snapshot, take

CAMPAIGN, ENDPOINT = "spring-lamps", "https://runbase.net/api/v1"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def nobody(run_id: str) -> bool:
    """Who knows no run."""
    return False


def made_of(data: dict[str, Any]) -> Take:
    text = canonical_json(data)
    return dataclasses.replace(take(), input_json=text, fingerprint=compute_fingerprint("hailuo/pro", text))


def sidecar(folder: Path, of: Take | None = None) -> dict[str, Any]:
    """The sidecar of a run, as the program writes it."""
    (folder / "hero.mp4").write_bytes(b"video")
    update_sidecars(snapshot(record(take(), run(of=of, run_id="run_1"))), folder)
    data: dict[str, Any] = json.loads((folder / "hero.mp4.json").read_text("utf-8"))
    return data


def parsed(data: dict[str, Any], video: str = "hero.mp4") -> Trace | UnreadableTrace | None:
    return parse_sidecar(data, CAMPAIGN, ENDPOINT, video, "hero.mp4.json")


@pytest.mark.parametrize(
    "data",
    [
        {"prompt": "a lamp"},
        {"prompt": "a lamp", "image_urls": ["https://cdn.test/a.png"]},
        {"prompt": "a lamp", "image_urls": []},
        {"prompt": "a lamp", "image_urls": None},
        {"prompt": None},
        {"image_urls": ["https://cdn.test/a.png"]},
        {"prompt": "a lamp", "duration": 6, "seed": {"a": [1, "é"]}},
        {},
    ],
)
def test_the_input_is_put_together_again(tmp_path: Path, data: dict[str, Any]) -> None:
    wanted = made_of(data)
    trace = parsed(sidecar(tmp_path, wanted))
    assert isinstance(trace, Trace)
    if data.get("image_urls", []) is not None:  # null is told of as an empty list
        assert (trace.is_whole, trace.input_json) == (True, wanted.input_json)
    assert trace.fingerprint == wanted.fingerprint


def test_an_image_that_is_named_by_its_hash_leaves_the_fingerprint(tmp_path: Path) -> None:
    wanted = made_of({"prompt": "a lamp", "image_urls": ["data:image/png;base64," + "A" * 10_000]})
    trace = parsed(sidecar(tmp_path, wanted))
    assert isinstance(trace, Trace)
    assert (trace.is_whole, trace.fingerprint) == (False, wanted.fingerprint)
    assert "a lamp" in trace.input_json


def test_a_sidecar_has_all_that_the_ledger_needs(tmp_path: Path) -> None:
    trace = parsed(sidecar(tmp_path))
    made = run(run_id="run_1")
    assert isinstance(trace, Trace)
    assert (trace.run_id, trace.take_id, trace.attempt, trace.state) == ("run_1", "hero", 1, RunState.SUCCEEDED)
    assert (trace.cost_micro_usd, trace.submitted_at, trace.completed_at) == (280_000, STARTED_AT, STARTED_AT + 130)
    assert [(file.path, file.bytes, file.sha256) for file in trace.outputs] == [
        ("hero.mp4", 1000, made.outputs[0].sha256)
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *product(("run_id", "take", "fingerprint"), (None, 1, "", "../x", [])),
        *product(("model",), (None, 1, "", [])),
        *product(("attempt", "bytes", "output"), (None, -1, 10**30, 1.5, True, "1")),
        ("sha256", "ab"),
        ("run_id", "run_1\x1b[2J"),
        ("run_id", "\ud800"),
        ("take", "hero\n"),
        ("take", "superseded/hero"),
        ("prompt", "\ud800"),
        ("input", [1]),
    ],
)
def test_what_lacks_what_a_run_needs_is_unreadable(tmp_path: Path, field: str, value: object) -> None:
    run_id = None if field == "run_id" else "run_1"
    assert parsed(sidecar(tmp_path) | {field: value}) == UnreadableTrace("hero.mp4.json", "hero.mp4", run_id)


@pytest.mark.parametrize(("field", "value"), [("campaign", "other"), ("endpoint", "sandbox")])
def test_a_sidecar_of_another_campaign_names_no_run(tmp_path: Path, field: str, value: str) -> None:
    assert parsed(sidecar(tmp_path) | {field: value}) is None


@pytest.mark.parametrize("value", [None, -1, 10**30, "1", True, 10_000_000_001])
def test_a_cost_out_of_bounds_is_unknown(tmp_path: Path, value: object) -> None:
    trace = parsed(sidecar(tmp_path) | {"cost_micro_usd": value})
    assert isinstance(trace, Trace)
    assert trace.cost_micro_usd is None


@pytest.mark.parametrize("value", [None, 1, "soon", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1969-01-01"])
def test_a_time_out_of_bounds_is_unknown(tmp_path: Path, value: object) -> None:
    trace = parsed(sidecar(tmp_path) | {"submitted_at": value})
    assert isinstance(trace, Trace)
    assert trace.submitted_at is None


@given(st.dictionaries(st.sampled_from(sorted(Trace.__dataclass_fields__)) | st.text(), JSON), JSON)
def test_no_made_up_file_is_a_fault(data: dict[str, Any], runs: Any) -> None:
    parsed({"campaign": CAMPAIGN, "endpoint": ENDPOINT} | data)
    report = {"campaign": CAMPAIGN, "endpoint": ENDPOINT, "takes": [{"runs": runs} | data, {"runs": [data]}, runs]}
    list(parse_report(report, CAMPAIGN, ENDPOINT, "report.json", nobody))


def test_a_report_lists_every_run_and_of_creates_in_doubt() -> None:
    lamp, desk = take("lamp"), take("desk", prompt="a desk")
    older = take("desk", prompt="an older desk")
    ledger = snapshot(
        record(lamp, run(RunState.IN_DOUBT, lamp)),
        record(
            desk,
            run(of=older, run_id="run_1", superseded_by=Supersession.EDIT),
            run(RunState.PENDING, desk, attempt=2, run_id="run_2"),
        ),
    )
    data = json.loads(render_json(build_report(ledger, generated_at=STARTED_AT)))
    found = traces_in(data)
    doubt, old, new = (trace for trace in found if isinstance(trace, Trace))
    assert len(found) == 3
    assert (doubt.run_id, doubt.may_be_paid, doubt.state) == (None, True, RunState.IN_DOUBT)
    assert (old.run_id, old.is_superseded, old.fingerprint, old.is_whole) == ("run_1", True, older.fingerprint, False)
    assert (new.run_id, new.state, new.input_json, new.is_whole) == ("run_2", RunState.PENDING, desk.input_json, True)
    assert old.outputs[0].path == "desk.mp4"


def test_a_report_of_the_first_version_shows_what_its_live_runs_were_made_of() -> None:
    lamp = take("lamp")
    ledger = snapshot(
        record(
            lamp,
            run(RunState.FAILED, lamp, run_id="run_1", superseded_by=Supersession.RETRY),
            run(of=lamp, attempt=2, run_id="run_2"),
        )
    )
    data = json.loads(render_json(build_report(ledger, generated_at=STARTED_AT)))
    for found in data["takes"][0]["runs"]:
        del found["fingerprint"], found["create_id"]
    before, live = traces_in(data)
    assert before == UnreadableTrace("report.json", run_id="run_1")
    assert isinstance(live, Trace)
    assert (live.run_id, live.fingerprint) == ("run_2", lamp.fingerprint)


@pytest.mark.parametrize("state", [RunState.REJECTED, RunState.IN_DOUBT])
def test_a_report_of_the_first_version_names_no_creates(state: RunState) -> None:
    data = json.loads(render_json(build_report(snapshot(record(take(), run(state))), generated_at=STARTED_AT)))
    del data["takes"][0]["runs"][0]["create_id"], data["takes"][0]["fingerprint"]
    data["takes"][0]["runs"][0].pop("fingerprint", None)
    assert traces_in(data) == []


@pytest.mark.parametrize(
    "damage",
    [
        {"takes": None},
        {"takes": [None]},
        {"takes": [{"runs": None}]},
        {"takes": [{"runs": ["run_1"]}]},
        {"takes": [{"runs": [{"run_id": 7, "state": "pending"}]}]},
        {"takes": [{"runs": [{"state": "pe\x00ding"}]}]},
        {"takes": {}},
        {"takes": [{"runs": [{"run": "run_1", "state": "succeeded"}]}]},
    ],
)
def test_a_damaged_report_is_no_report_that_states_nothing(damage: dict[str, Any]) -> None:
    data = {"campaign": CAMPAIGN, "endpoint": ENDPOINT}
    assert traces_in(data | damage) == [UnreadableTrace("report.json")]
    assert traces_in([data]) == [UnreadableTrace("report.json")]


def test_a_create_that_cannot_be_read_is_known_by_its_id() -> None:
    found = {"run_id": None, "create_id": "create-1", "state": "in_doubt"}
    data = {"campaign": CAMPAIGN, "endpoint": ENDPOINT, "takes": [{"runs": [found]}]}
    [unreadable] = traces_in(data)
    assert isinstance(unreadable, UnreadableTrace)
    assert KnownIds(create_ids=frozenset({"create-1"})).contains(unreadable)
    assert not KnownIds(create_ids=frozenset({"create-2"})).contains(unreadable)


@pytest.mark.parametrize("content", [b"", b"\0" * 50, b'{"kind": "hailuo-', b"\xff\xfe"])
def test_files_that_are_torn_are_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "hero.mp4").write_bytes(b"video")
    for name in ("hero.mp4.json", "notes.json", "report.json"):
        (tmp_path / name).write_bytes(content)
    found = list(read_traces(tmp_path, CAMPAIGN, ENDPOINT, {}, nobody))
    assert found == [UnreadableTrace("hero.mp4.json", "hero.mp4"), UnreadableTrace("report.json")]


def traces_in(data: Any) -> list[Trace | UnreadableTrace]:
    return list(parse_report(data, CAMPAIGN, ENDPOINT, "report.json", nobody))


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../x", "superseded/../../x", "a/b/c", "", "./x", 5])
def test_a_report_names_no_file_beyond_the_folder(path: object) -> None:
    data = json.loads(render_json(build_report(snapshot(record(take(), run())), generated_at=STARTED_AT)))
    data["takes"][0]["runs"][0]["outputs"][0]["path"] = path
    [trace] = traces_in(data)
    assert isinstance(trace, Trace)
    assert trace.outputs[0].path is None


def test_only_regular_files_are_looked_into(tmp_path: Path) -> None:
    found = sidecar(tmp_path)
    for name in ("report.json", "hero.mp4.json"):
        (tmp_path / name).unlink(missing_ok=True)
    assert list(read_traces(tmp_path, CAMPAIGN, ENDPOINT, {}, nobody)) == []
    os.mkfifo(tmp_path / "report.json")
    os.mkfifo(tmp_path / "hero.mp4.json")
    elsewhere = tmp_path.with_name("elsewhere.json")
    elsewhere.write_text(json.dumps(found))
    (tmp_path / "desk.mp4.json").symlink_to(elsewhere)
    (tmp_path / "folder.mp4.json").mkdir()
    (tmp_path / "superseded").write_text("no folder")
    reported = list(read_traces(tmp_path, CAMPAIGN, ENDPOINT, {}, nobody))
    assert reported == [UnreadableTrace("desk.mp4.json", "desk.mp4"), UnreadableTrace("report.json")]
    assert read_object(tmp_path / "desk.mp4.json", 1_000_000) is None


def test_a_file_with_a_name_that_no_ledger_could_hold_names_its_run_all_the_same(tmp_path: Path) -> None:
    found = sidecar(tmp_path)
    (tmp_path / "hero.mp4.json").unlink()
    (Path(os.fsdecode(bytes(tmp_path) + b"/\xff.mp4.json"))).write_text(json.dumps(found))
    [named] = read_traces(tmp_path, CAMPAIGN, ENDPOINT, {}, nobody)
    assert isinstance(named, UnreadableTrace)
    assert named.run_id == "run_1"

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.core.model.runs import Run, Snapshot, Supersession
from hailuo_batch.errors import OutputError
from hailuo_batch.report.sidecars import update_sidecars
from tests.helpers.full_disk import full_disk
from tests.helpers.snapshots import output, record, run, snapshot, take

TOO_LARGE = b'{"kind": "hailuo-batch sidecar"}' + b" " * 1_000_000
MANIFEST = hashlib.sha256(b"manifest").hexdigest()


def ledger_of(*runs: Run, manifest_sha256: str = MANIFEST) -> Snapshot:
    return dataclasses.replace(snapshot(record(take(tags=("spring",)), *runs)), manifest_sha256=manifest_sha256)


def video(folder: Path, path: str = "hero.mp4") -> Path:
    file = folder / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"video")
    return file


def sidecar(folder: Path, path: str = "hero.mp4") -> Any:
    return json.loads((folder / f"{path}.json").read_text("utf-8"))


def test_a_sidecar_states_all_that_traces_a_video(tmp_path: Path) -> None:
    video(tmp_path)
    wanted = take(prompt="a lamp", image_urls=["https://cdn.test/a.png"], tags=("spring",))
    made = run(of=wanted, run_id="run_1", cost=280_000)
    update_sidecars(snapshot(record(wanted, made)), tmp_path)
    assert sidecar(tmp_path) == {
        "kind": "hailuo-batch sidecar",
        "version": 1,
        "file": "hero.mp4",
        "bytes": 1000,
        "sha256": made.outputs[0].sha256,
        "campaign": "spring-lamps",
        "endpoint": "https://runbase.net/api/v1",
        "take": "hero",
        "tags": ["spring"],
        "prompt": "a lamp",
        "image_urls": ["https://cdn.test/a.png"],
        "model": "hailuo/pro",
        "run_id": "run_1",
        "attempt": 1,
        "output": 1,
        "superseded": False,
        "cost_micro_usd": 280_000,
        "submitted_at": "2025-10-09T08:53:20.000Z",
        "completed_at": "2025-10-09T08:55:30.000Z",
        "fingerprint": wanted.fingerprint,
        "manifest_sha256": MANIFEST,
    }


def test_it_shows_which_attempt_it_was_and_all_the_input_of_another_model(tmp_path: Path) -> None:
    video(tmp_path)
    made = dataclasses.replace(run(attempt=3), input_json='{"duration":6,"prompt":"a lamp","seed":{"a":[1]}}')
    update_sidecars(ledger_of(made), tmp_path)
    found = sidecar(tmp_path)
    assert (found["attempt"], found["prompt"], found["input"]) == (3, "a lamp", {"duration": 6, "seed": {"a": [1]}})


def test_each_output_of_a_run_has_its_own(tmp_path: Path) -> None:
    names = ("hero.mp4", "hero.out2.mp4")
    for name in names:
        video(tmp_path, name)
    update_sidecars(ledger_of(run(outputs=tuple(output(name, n) for n, name in enumerate(names)))), tmp_path)
    assert [sidecar(tmp_path, name)["output"] for name in names] == [1, 2]


def test_a_video_that_is_not_there_gets_none(tmp_path: Path) -> None:
    update_sidecars(ledger_of(run()), tmp_path)
    update_sidecars(ledger_of(run()), tmp_path / "never-made")
    assert list(tmp_path.iterdir()) == []


def test_what_is_right_is_not_written_again(tmp_path: Path) -> None:
    video(tmp_path)
    ledger = ledger_of(run())
    update_sidecars(ledger, tmp_path)
    os.utime(tmp_path / "hero.mp4.json", (1, 1))
    update_sidecars(ledger, tmp_path)
    assert (tmp_path / "hero.mp4.json").stat().st_mtime == 1


@pytest.mark.parametrize("damage", ["", '{"kind": "hailuo-batch sidecar", "take": "other", "run_id": [1]}'])
def test_what_is_wrong_is_written_again(tmp_path: Path, damage: str) -> None:
    video(tmp_path)
    (tmp_path / "hero.mp4.json").write_text(damage)
    update_sidecars(ledger_of(run()), tmp_path)
    assert sidecar(tmp_path)["take"] == "hero"


@pytest.mark.parametrize("content", [b'{"mine": 1}', b"not JSON", b"[" * 100_000, b"\xff", b"[]", TOO_LARGE])
def test_a_file_that_is_not_ours_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    video(tmp_path)
    (tmp_path / "hero.mp4.json").write_bytes(content)
    (tmp_path / "gone.mp4.json").write_bytes(content)
    update_sidecars(ledger_of(run()), tmp_path)
    assert (tmp_path / "hero.mp4.json").read_bytes() == content
    assert (tmp_path / "gone.mp4.json").read_bytes() == content


def test_a_sidecar_follows_its_video_and_keeps_the_manifest_it_was_made_under(tmp_path: Path) -> None:
    video(tmp_path)
    first = run(run_id="run_1")
    update_sidecars(ledger_of(first), tmp_path)
    video(tmp_path, "superseded/hero.run_1.mp4")
    digest = first.outputs[0].sha256
    moved = dataclasses.replace(
        first,
        superseded_by=Supersession.EDIT,
        outputs=(dataclasses.replace(first.outputs[0], path="superseded/hero.run_1.mp4"),),
    )
    second = run(run_id="run_2", attempt=2, outputs=(dataclasses.replace(output(), sha256="e" * 64),))
    update_sidecars(ledger_of(moved, second, manifest_sha256="f" * 64), tmp_path)
    old, new = sidecar(tmp_path, "superseded/hero.run_1.mp4"), sidecar(tmp_path)
    assert (old["run_id"], old["sha256"], old["superseded"]) == ("run_1", digest, True)
    assert (old["manifest_sha256"], new["manifest_sha256"]) == (MANIFEST, "f" * 64)
    assert (new["run_id"], new["superseded"]) == ("run_2", False)


def test_a_sidecar_whose_video_has_gone_is_removed(tmp_path: Path) -> None:
    file = video(tmp_path)
    update_sidecars(ledger_of(run()), tmp_path)
    file.unlink()
    update_sidecars(ledger_of(run()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_the_ledger_forgot_can_still_be_traced(tmp_path: Path) -> None:
    video(tmp_path)
    update_sidecars(ledger_of(run(run_id="run_1")), tmp_path)
    update_sidecars(snapshot(), tmp_path)
    assert sidecar(tmp_path)["run_id"] == "run_1"


def test_it_shows_what_the_run_was_made_of_and_not_what_the_take_asks_now(tmp_path: Path) -> None:
    video(tmp_path)
    update_sidecars(snapshot(record(take(prompt="new words"), run(of=take(prompt="old words")))), tmp_path)
    assert sidecar(tmp_path)["prompt"] == "old words"


TEAL = take(prompt="a teal lamp", variables={"colour": "teal"})
RED = take(prompt="a red lamp", variables={"colour": "red"})


def test_it_names_what_its_video_was_made_from_of_row_and_matrix(tmp_path: Path) -> None:
    video(tmp_path)
    long = take(variables={"colour": "teal", "image": "data:image/png;base64," + "A" * 10_000})
    update_sidecars(snapshot(record(long, run(of=long))), tmp_path)
    found = sidecar(tmp_path)["variables"]
    assert found["colour"] == "teal"
    assert "SHA-256" in found["image"]
    assert len(found["image"]) < 200


def test_one_from_before_there_were_variables_is_right_where_there_are_none(tmp_path: Path) -> None:
    video(tmp_path)
    update_sidecars(ledger_of(run()), tmp_path)
    assert "variables" not in sidecar(tmp_path)


@pytest.mark.parametrize(
    "kept", [{"colour": "teal"}, None, 7, {"colour": 7}], ids=["some", "none", "a number", "numbers"]
)
def test_what_the_ledger_does_not_know_of_a_video_stays_as_it_was(tmp_path: Path, kept: Any) -> None:
    video(tmp_path)
    first = run(of=TEAL, run_id="run_1")
    update_sidecars(snapshot(record(TEAL, first)), tmp_path)
    name = tmp_path / "hero.mp4.json"
    name.write_text(json.dumps({**sidecar(tmp_path), "variables": kept}))
    expected = {"colour": "teal"} if kept == {"colour": "teal"} else None
    edited = dataclasses.replace(first, superseded_by=Supersession.EDIT)
    unknown = dataclasses.replace(record(dataclasses.replace(TEAL, variables_json="{}"), first), knows_variables=False)
    for known in (unknown, record(RED, edited)):
        update_sidecars(snapshot(known), tmp_path)
        assert sidecar(tmp_path).get("variables") == expected


def test_an_image_that_is_written_out_is_named_by_its_hash(tmp_path: Path) -> None:
    video(tmp_path)
    data = "data:image/png;base64," + "A" * 10_000
    update_sidecars(snapshot(record(take(), run(of=take(image_urls=[data])))), tmp_path)
    [named] = sidecar(tmp_path)["image_urls"]
    assert hashlib.sha256(data.encode()).hexdigest() in named
    assert len(named) < 200


def test_a_full_disk_leaves_the_old_sidecar_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    video(tmp_path)
    update_sidecars(ledger_of(run(run_id="run_1")), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with full_disk(), pytest.raises(OutputError, match="sidecars"):
        update_sidecars(ledger_of(run(run_id="run_2")), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_a_killed_write_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    kept = video(tmp_path, "superseded/hero.run_1.mp4")
    left = [tmp_path / ".hero.mp4.json.1.tmp", kept.with_name(".hero.run_1.mp4.json.2.tmp")]
    for path in left:
        path.write_text("half")
        os.utime(path, (1, 1))
    update_sidecars(snapshot(), tmp_path)
    assert not any(path.exists() for path in left)
    assert kept.exists()


def test_a_folder_that_cannot_be_written_is_reported_without_a_traceback(tmp_path: Path) -> None:
    video(tmp_path)
    (tmp_path / f".hero.mp4.json.{os.getpid()}.tmp").mkdir()
    with pytest.raises(OutputError, match=r"sidecars.*ledger and the videos are intact"):
        update_sidecars(ledger_of(run()), tmp_path)

"""`collect`: the chosen videos in a folder of their own, under names of their own, each as it is on record."""

import csv
import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.adapters.local import collecting
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import UNCAPPED, CommandResult, Shell
from tests.helpers.picks import live_runs, mark_live, write_picks

VASES = """\
version: 1
campaign: lamps
limits: {expected_cost_usd: 0.28}
shots:
  - id: "${sku}-${mood}"
    prompt: A ${name}, ${mood}
    tags: ["${sku}"]
    rows: rows.csv
    matrix: {mood: [calm, "=SUM(A1)"]}
"""
ROWS = "sku,name\nA1,tall vase\nB/2,round bowl\n"


@pytest.fixture
def vases(shell: Shell, api: SandboxServer) -> dict[str, str]:
    """Four takes of two products in two moods, all of them done. Gives their runs."""
    shell.write(VASES)
    (shell.manifest.parent / "rows.csv").write_text(ROWS, encoding="utf-8")
    assert shell("apply", "--no-check-images").code is ExitCode.DONE
    return live_runs(shell)


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Where the videos go."""
    return tmp_path / "for the client" / "2025"


def chosen(shell: Shell, *takes: str, **notes: str) -> Path:
    return mark_live(shell, dict.fromkeys(takes, "chosen"), notes)


def collect(shell: Shell, picks: Path, to: Path, *options: str) -> CommandResult:
    return shell("collect", str(picks), "--to", str(to), *options)


def listing(folder: Path) -> list[dict[str, str]]:
    with (folder / "collected.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_chosen_ones_are_copied_under_their_names(shell: Shell, vases: dict[str, str], to: Path) -> None:
    assert sorted(vases) == ["a1-calm", "a1-sum-a1", "b-2-calm", "b-2-sum-a1"]
    picks = chosen(shell, "a1-calm", "b-2-sum-a1")
    ended = collect(shell, picks, to, "--name", "${sku}_${mood}")
    assert (ended.code, ended.out) == (
        ExitCode.DONE,
        f"2 files in {to}: 2 copied, 0 there already. collected.csv lists them.\n",
    )
    assert names(to) == {"A1_calm.mp4", "B-2_=SUM(A1).mp4", "collected.csv"}
    assert (to / "A1_calm.mp4").read_bytes() == (shell.outputs / "a1-calm.mp4").read_bytes()
    rows = listing(to)
    assert [(row["file"], row["take"], row["var:sku"], row["var:mood"]) for row in rows] == [
        ("A1_calm.mp4", "a1-calm", "A1", "calm"),
        ("B-2_=SUM(A1).mp4", "b-2-sum-a1", "B/2", "'=SUM(A1)"),
    ]
    assert [row["run_id"] for row in rows] == [vases["a1-calm"], vases["b-2-sum-a1"]]


def test_it_needs_no_key_and_writes_nothing_of_the_campaigns(
    shell: Shell, vases: dict[str, str], to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY")
    before = {path: path.read_bytes() for path in shell.workspace.rglob("*") if path.is_file()}
    picks = chosen(shell, "a1-calm")
    before[picks] = picks.read_bytes()
    assert collect(shell, picks, to).code is ExitCode.DONE
    after = {path: path.read_bytes() for path in shell.workspace.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != after[path]} == set()


def test_repeated_it_copies_nothing_and_keeps_what_was_collected_before(
    shell: Shell, vases: dict[str, str], to: Path
) -> None:
    assert collect(shell, chosen(shell, "a1-calm", "b-2-calm"), to).code is ExitCode.DONE
    (to / "b-2-calm.mp4").unlink()
    times = (to / "a1-calm.mp4").stat().st_mtime_ns
    picks = mark_live(shell, {"a1-sum-a1": "chosen"}, {"a1-sum-a1": "=1+1\r\nfor the title"})
    assert collect(shell, picks, to).code is ExitCode.DONE
    for _ in range(2):
        assert "1 file in" in collect(shell, picks, to).out
        assert [(row["take"], row["note"]) for row in listing(to)] == [
            ("a1-calm", ""),
            ("a1-sum-a1", "'=1+1 for the title"),
        ]
    assert (to / "a1-calm.mp4").stat().st_mtime_ns == times
    assert "0 copied, 1 there already" in collect(shell, picks, to).out


def test_an_earlier_attempt_is_the_one_that_was_seen(shell: Shell, vases: dict[str, str], to: Path) -> None:
    seen = (shell.outputs / "a1-calm.mp4").read_bytes()
    picks = chosen(shell, "a1-calm")
    assert shell("apply", "--no-check-images", "--replace", "a1-calm").code is ExitCode.DONE
    assert collect(shell, picks, to).code is ExitCode.DONE
    assert (to / "a1-calm.mp4").read_bytes() == seen
    both = [
        {"take": "a1-calm", "run_id": run, "mark": "chosen"} for run in (vases["a1-calm"], live_runs(shell)["a1-calm"])
    ]
    refused = collect(shell, write_picks(picks, both), to)
    assert refused.code is ExitCode.USAGE
    assert "Add ${take}_${run} to it." in refused.err
    assert collect(shell, picks, to, "--name", "${take}_${run}").code is ExitCode.DONE
    assert len(names(to)) == 4


def test_of_a_renamed_take_it_is_still_that_run(shell: Shell, vases: dict[str, str], to: Path) -> None:
    picks = chosen(shell, "a1-calm")
    shell.write(VASES.replace('id: "${sku}', 'id: "new-${sku}'))
    assert shell("apply", "--no-check-images").code is ExitCode.DONE
    assert collect(shell, picks, to).code is ExitCode.DONE
    assert names(to) == {"new-a1-calm.mp4", "collected.csv"}


def test_names_that_collide_are_refused_before_anything_is_copied(
    shell: Shell, vases: dict[str, str], to: Path
) -> None:
    ended = collect(shell, chosen(shell, *vases), to, "--name", "${mood}")
    assert ended.code is ExitCode.USAGE
    assert "--name gives 2 names to several videos, so nothing was copied. Add ${take} to it." in ended.err
    assert "  calm.mp4: a1-calm, b-2-calm" in ended.err
    assert not to.exists()


def test_a_column_of_that_name_does_not_hide_the_ids_that_files_are_called_by(
    shell: Shell, api: SandboxServer, to: Path
) -> None:
    (shell.manifest.parent / "rows.csv").write_text("sku,name,take\nA,tall vase,1\nB,round bowl,1\n", encoding="utf-8")
    shell.write(VASES.replace("A ${name},", "A ${name} ${take},"))
    assert shell("apply", "--no-check-images").code is ExitCode.DONE
    picks = chosen(shell, "a-calm", "b-calm")
    assert collect(shell, picks, to).code is ExitCode.DONE
    assert names(to) == {"a-calm.mp4", "b-calm.mp4", "collected.csv"}
    assert "Add ${run} to it." in collect(shell, picks, to, "--name", "${mood}").err


def test_a_name_that_the_shell_has_emptied_says_how_to_quote_it(shell: Shell, vases: dict[str, str], to: Path) -> None:
    ended = collect(shell, chosen(shell, "a1-calm", "b-2-calm"), to, "--name", "_")
    assert ended.code is ExitCode.USAGE
    assert "put the name in single quotes, as in --name '${take}'" in ended.err


def test_takes_of_one_shot_are_told_apart_by_their_numbers(shell: Shell, api: SandboxServer, to: Path) -> None:
    shell.write(UNCAPPED)
    assert shell("apply").code is ExitCode.DONE
    picks = chosen(shell, "hero", "hero.take2")
    ended = collect(shell, picks, to, "--name", "${shot}")
    assert "Add ${number} to it." in ended.err
    assert collect(shell, picks, to, "--name", "${shot}-${number}").code is ExitCode.DONE
    assert names(to) == {"hero-1.mp4", "hero-2.mp4", "collected.csv"}


def test_an_export_with_a_time_says_which_one_it_is(shell: Shell, vases: dict[str, str], to: Path) -> None:
    picks = chosen(shell, "a1-calm")
    assert "picks of" not in collect(shell, picks, to).err
    document = json.loads(picks.read_text("utf-8"))
    for moment, shown in (("2026-11-30T15:04:05.000Z", True), ("soon", False), (17, False)):
        picks.write_text(json.dumps(document | {"exported_at": moment}), "utf-8")
        assert ("picks of 2026-1" in collect(shell, picks, to).err) is shown


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("${colour}", "has no ${colour}. Nothing was copied. It has: ${take}, ${shot}, ${number}, ${run}, ${campaign}"),
        ("${mod}", "has no ${mod}. Nothing was copied. It has: ${take}, "),
        ("${mod}", ", ${mood}, ${name}, ${sku}. Did you mean ${mood}?"),
        ("$sku", "a `$` in it begins no variable: write ${name}"),
        ("${SKU}", "Did you mean ${sku}?"),
        ("${price}", ", ${mood}, ${name}, ${sku}. Of a row, what its shot uses is known."),
        ("${sku}_{mood}", "{mood} in it is text, and no variable. Nothing was copied. Write ${mood}."),
        (
            "...",
            "gives a1-calm no name at all. Nothing was copied. No variable is in it: put the name in single quotes",
        ),
    ],
)
def test_a_name_that_cannot_be_made_is_refused(
    shell: Shell, vases: dict[str, str], to: Path, name: str, why: str
) -> None:
    ended = collect(shell, chosen(shell, "a1-calm"), to, "--name", name)
    assert ended.code is ExitCode.USAGE
    assert why in ended.err
    assert not to.exists()


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_where_they_are_to_go_is_refused(shell: Shell, vases: dict[str, str], to: Path, below: str) -> None:
    to.parent.mkdir()
    to.write_text("somebody's", "utf-8")
    ended = collect(shell, chosen(shell, "a1-calm"), to / below)
    assert ended.code is ExitCode.USAGE
    assert "there is a file in its place. Nothing was copied. Give a folder." in ended.err
    assert to.read_text("utf-8") == "somebody's"


def test_only_chooses_among_them(shell: Shell, vases: dict[str, str], to: Path) -> None:
    picks = chosen(shell, *vases)
    assert collect(shell, picks, to, "--only", "tag:A1").code is ExitCode.DONE
    assert names(to) == {"a1-calm.mp4", "a1-sum-a1.mp4", "collected.csv"}
    refused = collect(shell, picks, to, "--only", "z*")
    assert refused.code is ExitCode.USAGE
    assert "--only 'z*' matches no take" in refused.err
    nothing = collect(shell, mark_live(shell, {"a1-calm": "rejected"}), to)
    assert (nothing.code, nothing.out) == (ExitCode.DONE, "")
    assert "has no chosen video" in nothing.err


def test_links_are_the_same_file(shell: Shell, vases: dict[str, str], to: Path) -> None:
    picks = chosen(shell, "a1-calm")
    for said in ("1 linked, 0 there already", "0 linked, 1 there already"):
        assert said in collect(shell, picks, to, "--link").out
    assert (to / "a1-calm.mp4").samefile(shell.outputs / "a1-calm.mp4")


def test_where_no_link_can_be_made_it_is_said_and_nothing_is_copied(
    shell: Shell, vases: dict[str, str], to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    ended = collect(shell, chosen(shell, "a1-calm"), to, "--link")
    assert ended.code is ExitCode.USAGE
    assert "Leave --link out to copy them" in ended.err
    assert names(to) == set()


@pytest.mark.parametrize("link", [(), ("--link",)])
def test_no_file_that_differs_is_replaced_and_the_others_are_collected(
    shell: Shell, vases: dict[str, str], to: Path, link: tuple[str, ...]
) -> None:
    to.mkdir(parents=True)
    (to / "a1-calm.mp4").write_bytes(b"somebody's")
    (to / "a1-sum-a1.mp4").symlink_to(shell.manifest)
    (shell.outputs / "b-2-calm.mp4").unlink()
    video = shell.outputs / "b-2-sum-a1.mp4"
    content = video.read_bytes()
    video.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    picks = chosen(shell, *vases)
    write_picks(picks, [*picks_of(vases), {"take": "gone", "run_id": "run_gone", "mark": "chosen"}])
    ended = collect(shell, picks, to, *link)
    assert ended.code is ExitCode.UNFINISHED
    for problem in (
        f"a1-calm: {to / 'a1-calm.mp4'} is another file, which was left as it is",
        f"a1-sum-a1: {to / 'a1-sum-a1.mp4'} is another file",
        "b-2-calm: b-2-calm.mp4 is missing; `hailuo-batch verify ",
        "b-2-sum-a1: b-2-sum-a1.mp4 was changed since it was downloaded; `hailuo-batch verify ",
        "gone: the ledger has no run run_gone",
    ):
        assert f"\n  {problem}" in ended.err
    assert (to / "a1-calm.mp4").read_bytes() == b"somebody's"
    assert names(to) == {"a1-calm.mp4", "a1-sum-a1.mp4"}


def picks_of(runs: dict[str, str]) -> list[dict[str, str]]:
    return [{"take": take, "run_id": run, "mark": "chosen"} for take, run in runs.items()]


def test_the_folder_is_not_the_campaigns_own(shell: Shell, vases: dict[str, str], tmp_path: Path) -> None:
    picks = chosen(shell, "a1-calm")
    way = tmp_path / "way"
    way.symlink_to(shell.outputs)
    for folder in (shell.outputs, shell.outputs / "superseded", shell.state, way / "selects"):
        ended = collect(shell, picks, folder)
        assert ended.code is ExitCode.USAGE
        assert "belongs to the campaign" in ended.err
    assert collect(shell, picks, shell.outputs.parent.parent / "selects").code is ExitCode.DONE


def test_a_list_that_is_somebody_elses_is_left_alone(shell: Shell, vases: dict[str, str], to: Path) -> None:
    to.mkdir(parents=True)
    (to / "collected.csv").write_text("name,price\nlamp,3\n")
    ended = collect(shell, chosen(shell, "a1-calm"), to)
    assert ended.code is ExitCode.USAGE
    assert "is not a list that `collect` made" in ended.err
    assert names(to) == {"collected.csv"}
    (to / "collected.csv").unlink()
    os.mkfifo(to / "collected.csv")
    assert collect(shell, chosen(shell, "a1-calm"), to).code is ExitCode.USAGE


def test_a_folder_that_cannot_be_written_is_said(shell: Shell, vases: dict[str, str], tmp_path: Path) -> None:
    ended = collect(shell, chosen(shell, "a1-calm"), tmp_path / ("too long a name" * 20))
    assert ended.code is ExitCode.UNFINISHED
    assert "it cannot be written (File name too long). 0 files of the chosen ones are there." in ended.err


def test_a_disk_that_is_full_leaves_no_half_file(
    shell: Shell, vases: dict[str, str], to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, data: bytes) -> None:
        os.write(file, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(collecting, "write_all", full)
        ended = collect(shell, chosen(shell, "a1-calm"), to)
    assert ended.code is ExitCode.UNFINISHED
    assert "No space left on device" in ended.err
    assert names(to) == set()
    assert collect(shell, chosen(shell, "a1-calm"), to).code is ExitCode.DONE


def test_what_a_killed_one_left_is_removed(shell: Shell, vases: dict[str, str], to: Path) -> None:
    to.mkdir(parents=True)
    for name in (".a1-calm.mp4.77.tmp", ".other.77.tmp"):
        (to / name).write_bytes(b"half")
        os.utime(to / name, (1, 1))
    (to / ".a1-calm.mp4.78.tmp").write_bytes(b"being written")
    assert collect(shell, chosen(shell, "a1-calm"), to).code is ExitCode.DONE
    assert names(to) == {"a1-calm.mp4", "collected.csv", ".other.77.tmp", ".a1-calm.mp4.78.tmp"}


def test_a_run_without_a_video_is_said(shell: Shell, api: SandboxServer, to: Path) -> None:
    shell.write(UNCAPPED)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert shell("resolve", "desk", "--abandon").code is ExitCode.USAGE
    (shell.outputs / "desk.mp4").unlink()
    assert shell("verify").code is ExitCode.UNFINISHED
    ended = collect(shell, chosen(shell, "desk"), to)
    assert ended.code is ExitCode.UNFINISHED
    assert "desk: desk.mp4 is missing" in ended.err
    assert ended.out == "Nothing was copied.\n"


def test_a_practice_run_has_its_own(shell: Shell, vases: dict[str, str], to: Path) -> None:
    picks = write_picks(shell.workspace / "picks.json", picks_of(vases), endpoint="sandbox")
    ended = collect(shell, picks, to)
    assert ended.code is ExitCode.USAGE
    assert "Add --sandbox" in ended.err
    assert "nothing to collect" in collect(shell, picks, to, "--sandbox").err

"""A file of picks comes from somebody else: what is none, or is another campaign's, is refused in words."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.app.picks import picks_file
from hailuo_batch.errors import ExitCode
from hailuo_batch.resources import load_schema_text
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import Shell
from tests.helpers.picks import write_picks

PICK = {"take": "hero", "run_id": "run_1", "mark": "reroll"}
HEAD = {"schema": "hailuo-batch/picks", "version": 1, "campaign": "lamps", "picks": []}


def refused(shell: Shell, content: bytes) -> str:
    """What is said of a file with these bytes."""
    path = shell.workspace / "picks.json"
    path.write_bytes(content)
    ended = shell("plan", "--replace-from", str(path))
    assert ended.code is ExitCode.USAGE
    assert "Nothing was sent" in ended.err
    assert "\x1b" not in ended.err
    assert ended.out == ""
    return ended.err


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is not JSON (line 1, column 1)"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"[]", "it is not a JSON object"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"schema": "x", "schema": "y"}', "it has `schema` twice in one place"),
        (b'{"version": NaN}', "it contains NaN"),
        (b"{}", "its `schema` is not 'hailuo-batch/picks'"),
    ],
)
def test_what_is_no_file_of_picks_is_refused(shell: Shell, content: bytes, why: str) -> None:
    assert f"this is not a file of picks: {why}" in refused(shell, content)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"version": 2}, "its `version` is not 1; a newer one needs a newer hailuo-batch"),
        ({"version": True}, "its `version` is not 1"),
        ({"campaign": ""}, "`campaign` has 0 characters, and should have 1 to 200"),
        ({"campaign": 7}, "campaign is not text"),
        ({"endpoint": "x" * 2_001}, "`endpoint` has 2,001 characters"),
        ({"picks": {}}, "picks is not a list"),
        ({"picks": ["hero"]}, "picks is not a list of objects"),
        ({"picks": [{"take": "hero"}]}, "pick 1 has no 'run_id'"),
        ({"picks": [PICK | {"mark": "maybe\x1b"}]}, r"in pick 1, `mark` is 'maybe\\u001b', and not one of chosen"),
        ({"picks": [PICK | {"mark": None}]}, "in pick 1, mark is not text"),
        ({"picks": [PICK | {"note": "x" * 10_001}]}, "in pick 1, `note` has 10,001 characters"),
        ({"picks": [PICK, PICK | {"mark": "chosen"}]}, "two picks for 'run_1' of 'hero' (reroll and chosen)"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_each_field_is_looked_at(shell: Shell, fields: dict[str, Any], why: str) -> None:
    assert why in refused(shell, json.dumps(HEAD | fields).encode())


def test_a_field_that_is_missing_is_named(shell: Shell) -> None:
    document = {name: value for name, value in HEAD.items() if name != "picks"}
    assert "'picks' is missing" in refused(shell, json.dumps(document).encode())


def test_a_file_that_is_too_large_is_not_read(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picks_file, "_MOST_BYTES", 1 << 20)
    assert "it is larger than 1 MB" in refused(shell, b" " * ((1 << 20) + 1))


def test_what_is_no_regular_file_is_not_waited_for(shell: Shell) -> None:
    pipe = shell.workspace / "picks.json"
    os.mkfifo(pipe)
    signal.alarm(60)
    for path in (pipe, shell.workspace, shell.workspace / "nothing"):
        ended = shell("apply", "--replace-from", str(path))
        assert ended.code is ExitCode.USAGE
        assert "the picks cannot be read" in ended.err
    assert "give the file's path there, such as ~/Downloads/nothing." in ended.err
    signal.alarm(0)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"campaign": "other"}, "these picks are for the campaign 'other', and"),
        ({"endpoint": "sandbox"}, "are for the practice run of this campaign. Add --sandbox"),
        ({"endpoint": "https://runbase.example/\x1b"}, r"are for runs at 'https://runbase.example/\\u001b', and this"),
    ],
)
def test_those_of_another_campaign_are_refused(
    shell: Shell, api: SandboxServer, tmp_path: Path, fields: dict[str, str], why: str
) -> None:
    path = write_picks(tmp_path / "picks.json", [PICK], **fields)
    ended = shell("apply", "--replace-from", str(path))
    assert ended.code is ExitCode.USAGE
    assert why in ended.err
    assert api.world.stats.creates == 0


def test_those_of_the_real_campaign_are_refused_in_a_practice_run(shell: Shell, tmp_path: Path) -> None:
    path = write_picks(tmp_path / "picks.json", [PICK], endpoint="https://runbase.net/api/v1")
    ended = shell("plan", "--sandbox", "--replace-from", str(path))
    assert ended.code is ExitCode.USAGE
    assert "Leave --sandbox out" in ended.err


def test_what_a_later_version_adds_is_ignored_and_no_mark_is_nothing_to_do(
    shell: Shell, api: SandboxServer, tmp_path: Path
) -> None:
    path = write_picks(tmp_path / "picks.json", [{"take": "hero", "run_id": "run_1", "note": "nice", "stars": 5}])
    ended = shell("plan", "--replace-from", str(path))
    assert ended.code is ExitCode.DONE
    assert f"{path} marks no video as a re-roll." in ended.err


def test_the_schema_is_printed(shell: Shell) -> None:
    assert shell.bare("schema", "picks").out == load_schema_text("picks")


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_no_second_file_is_forgotten(shell: Shell, command: str) -> None:
    ended = shell(command, "--replace-from", "hers.json", "--replace-from", "his.json")
    assert ended.code is ExitCode.USAGE
    assert "--replace-from takes one file of picks at a time. Nothing was sent." in ended.err

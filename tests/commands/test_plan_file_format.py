"""The file that a plan is kept in, what else it may not be, and what goes with it on the command line."""

import json
from pathlib import Path

import jsonschema
import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.resources import schema_text
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.shell.lock import Holder, Lock
from tests.commands.conftest import Step
from tests.commands.harness import Ended, Shell


def plain(ended: Ended) -> str:
    return " ".join(ended.err.split())


def refused(ended: Ended, words: str, api: SandboxServer, creates: int) -> None:
    assert ended.code is ExitCode.USAGE, ended.err
    assert words in plain(ended)
    assert "Nothing was sent, nothing was paid." in plain(ended)
    assert "hailuo-batch plan" in plain(ended)
    assert api.world.stats.creates == creates


def test_the_file_is_the_document_and_fits_its_schema(shell: Shell, kept: Path, keep: Step) -> None:
    said = keep("--only", "hero*")
    document = json.loads(kept.read_text())
    jsonschema.validate(document, json.loads(schema_text("plan")))
    assert document == shell("plan", "--only", "hero*", "--json").document
    assert "Plan: 2 to create, 1 left out by --only." in said.out
    assert f"--plan {kept}" in plain(said)
    assert not (shell.state / "lamps.db").exists()


def test_the_schema_is_one_and_is_printed(shell: Shell) -> None:
    printed = shell.bare("schema", "plan")
    jsonschema.Draft202012Validator.check_schema(printed.document)
    assert "rests_on" in printed.document["properties"]


def test_a_file_that_was_changed_by_hand_is_no_plan_any_more(
    shell: Shell, api: SandboxServer, kept: Path, keep: Step, follow: Step
) -> None:
    keep()
    kept.write_text(kept.read_text().replace('"cap_micro_usd": 5000000', '"cap_micro_usd": 900000000'))
    refused(follow(), "the plan was changed after it was written", api, 0)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"[" * 100_000, b"\xff\xfe", b'{"version": 1, "rests_on": 3}'])
def test_what_is_no_plan_is_refused_in_words(shell: Shell, kept: Path, follow: Step, content: bytes) -> None:
    kept.write_bytes(content)
    ended = follow()
    assert ended.code is ExitCode.USAGE
    assert "plan" in ended.err
    assert "bug" not in ended.err


def test_a_file_that_cannot_be_had_is_said(shell: Shell, kept: Path, follow: Step) -> None:
    assert "cannot be read" in follow().err
    ended = shell("plan", "--out", str(kept / "deeper" / "plan.json"))
    assert ended.code is ExitCode.USAGE
    assert "cannot be written" in ended.err


@pytest.mark.parametrize("option", [("--only", "desk"), ("--replace", "*"), ("--max-spend", "1"), ("--new-ledger",)])
def test_a_plan_says_all_and_takes_no_wishes_beside_it(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step, option: tuple[str, ...]
) -> None:
    keep()
    ended = follow(*option)
    assert ended.code is ExitCode.USAGE
    assert option[0] in ended.err
    assert api.world.stats.creates == 0


def test_no_plan_is_kept_while_an_apply_is_at_work(shell: Shell, api: SandboxServer, kept: Path) -> None:
    assert shell("apply").code is ExitCode.DONE
    with Lock(shell.state / "lamps.lock", Holder.this_process("apply", 0.0)):
        ended = shell("plan", "--out", str(kept))
    assert ended.code is ExitCode.LEDGER
    assert "is at work" in ended.err
    assert not kept.exists()

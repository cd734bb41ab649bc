"""The file that a plan is kept in, what else it may not be, and what goes with it on the command line."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hailuo_batch.adapters.ledger.lock import CampaignLock, LockHolder
from hailuo_batch.app.plan_file import _id_of
from hailuo_batch.errors import ExitCode
from hailuo_batch.resources import load_schema_text
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi, Step
from tests.helpers.command_line import SLOW, CommandResult, Shell


def plain(ended: CommandResult) -> str:
    return " ".join(ended.err.split())


def refused(ended: CommandResult, words: str, api: SandboxServer, creates: int) -> None:
    assert ended.code is ExitCode.USAGE, ended.err
    assert words in plain(ended)
    assert "Nothing was sent, nothing was paid." in plain(ended)
    assert "hailuo-batch plan" in plain(ended)
    assert api.world.stats.creates == creates


def test_the_file_is_the_document_and_fits_its_schema(shell: Shell, kept: Path, keep: Step) -> None:
    printed = keep("--only", "hero*")
    document = json.loads(kept.read_text())
    jsonschema.validate(document, json.loads(load_schema_text("plan")))
    assert document == shell("plan", "--only", "hero*", "--json").document
    assert "Plan: 2 to create, 1 left out by --only." in printed.out
    assert f"--plan {kept}" in plain(printed)
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
    refused(follow(), "the plan was edited", api, 0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is not JSON"),
        (b"{}", "lacks fields of a plan"),
        (b"[1]", "lacks fields of a plan"),
        (b'{"version": 1, "rests_on": 3}', "was edited, or is incomplete"),
        (b"[" * 100_000, "it is nested too deep"),
        (b"\xff\xfe{\x00", "it is not UTF-8"),
        (b'{"version": 1, "version": 1}', "it has `version` twice"),
        (b'{"version": NaN}', "it contains NaN, and only plain numbers may stand in it"),
        (b'{"version": -Infinity}', "it contains -Infinity, and only plain numbers may stand in it"),
        (b'{"version": 1e400}', "it contains 1e400, and only plain numbers may stand in it"),
        (b'{"version": 1' + b"0" * 5_000 + b"}", "it contains 10000000000000000000, and only plain numbers"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_plan_is_refused_in_words(
    shell: Shell, kept: Path, follow: Step, content: bytes, words: str
) -> None:
    kept.write_bytes(content)
    ended = follow()
    assert ended.code is ExitCode.USAGE
    assert words in plain(ended)
    assert "Nothing was sent" in plain(ended)


def assert_no_plan(ended: CommandResult, api: SandboxServer) -> None:
    """It is refused for its fields, and nothing is paid."""
    assert ended.code is ExitCode.USAGE, ended.err
    assert "it lacks fields of a plan" in plain(ended)
    assert api.world.stats.creates == 0


def forged(kept: Path, change: Callable[[Any], None]) -> None:
    """Change the plan, and give it the ID that belongs to what it then says."""
    document = json.loads(kept.read_text())
    change(document)
    del document["id"]
    kept.write_text(json.dumps({"id": _id_of(document), **document}))


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan.update(cap_micro_usd="5"),
        lambda plan: plan.update(cap_micro_usd=1 << 63),
        lambda plan: plan.update(cap_micro_usd=-1),
        lambda plan: plan.update(cap_micro_usd=True),
        lambda plan: plan.update(campaign=None),
        lambda plan: plan.update(takes={}),
        lambda plan: plan["takes"][0].update(fingerprint=7),
        lambda plan: plan["takes"].append(plan["takes"][0]),
        lambda plan: plan["wishes"].update(only="desk"),
        lambda plan: plan["wishes"].update(in_doubt="perhaps"),
        lambda plan: plan["rests_on"]["ledger"].update(journal="0"),
        lambda plan: plan["rests_on"]["ledger"].update(restored="no"),
        lambda plan: plan["rests_on"].update(tables=[]),
        lambda plan: plan["estimate"].update(
            models=[{"model": "hailuo/pro", "basis": "ledger", "cost_micro_usd": "1"}]
        ),
    ],
)
def test_a_plan_whose_fields_hold_something_else_is_refused_in_words(
    api: SandboxServer, kept: Path, keep: Step, follow: Step, change: Callable[[Any], None]
) -> None:
    keep()
    forged(kept, change)
    assert_no_plan(follow("--yes"), api)


def _edit_input(plan: Any) -> None:
    plan["takes"][0]["input"]["prompt"] = "A desk"


def _edit_model(plan: Any) -> None:
    plan["takes"][0]["model"] = "acme/video"


def _exchange_inputs(plan: Any) -> None:
    first, last = plan["takes"][0], plan["takes"][-1]
    first["input"], last["input"] = last["input"], first["input"]


@pytest.mark.parametrize("change", [_edit_input, _edit_model, _exchange_inputs])
def test_a_plan_that_shows_something_else_than_it_pays_for_is_refused_even_with_the_right_id(
    api: SandboxServer, kept: Path, keep: Step, follow: Step, change: Callable[[Any], None]
) -> None:
    keep()
    forged(kept, change)
    refused(follow("--yes"), "the input that it shows for 'hero' is not the one that would be sent", api, 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan["takes"][0].update(input=None),
        lambda plan: plan["takes"][0].pop("input"),
        lambda plan: plan["takes"][0].update(input=[]),
        lambda plan: plan["takes"][0].update(input={"prompt": "\ud800"}),
        lambda plan: plan["wishes"].update(limit="3"),
        lambda plan: plan["wishes"].update(limit=-1),
        lambda plan: plan["wishes"].update(limit=True),
    ],
)
def test_a_plan_that_hides_an_input_or_has_no_real_limit_is_refused_in_words(
    api: SandboxServer, kept: Path, keep: Step, follow: Step, change: Callable[[Any], None]
) -> None:
    keep()
    forged(kept, change)
    assert_no_plan(follow("--yes"), api)


def test_a_plan_of_the_version_before_is_applied(api: SandboxServer, kept: Path, keep: Step, follow: Step) -> None:
    def as_before(plan: Any) -> None:
        del plan["wishes"]["limit"]
        for take in plan["takes"]:
            for name in ("shot", "template", "variables", "cost_micro_usd", "input", "before"):
                del take[name]

    keep("--only", "desk")
    forged(kept, as_before)
    jsonschema.validate(json.loads(kept.read_text()), json.loads(load_schema_text("plan")))
    assert follow().code is ExitCode.DONE
    assert api.world.stats.creates == 1


def test_a_reviewer_who_sees_only_the_file_knows_what_each_amount_buys(
    shell: Shell, api: SandboxServer, kept: Path, keep: Step
) -> None:
    text = """\
version: 1
campaign: lamps
limits: {expected_cost_usd: 0.28}
shots:
  - id: lamp-${colour}
    prompt: A ${colour} lamp
    image_urls: ["https://example.com/${colour}.png"]
    matrix: {colour: [white, teal]}
  - {id: desk, prompt: A desk}
"""
    shell.write(text)
    assert shell("apply", "--only", "desk", "--only", "lamp-teal", "--no-check-images").code is ExitCode.DONE
    shell.write(text.replace("A ${colour}", "One ${colour}"))
    keep()
    document = json.loads(kept.read_text())
    jsonschema.validate(document, json.loads(load_schema_text("plan")))
    white, teal, desk = document["takes"]
    assert {name: white[name] for name in ("shot", "template", "variables", "input", "before", "cost_micro_usd")} == {
        "shot": "lamp-white",
        "template": "lamp-${colour}",
        "variables": {"colour": "white"},
        "input": {"prompt": "One white lamp", "image_urls": ["https://example.com/white.png"]},
        "before": None,
        "cost_micro_usd": 280_000,
    }
    assert teal["before"] == {
        "model": "hailuo/pro",
        "input": {"prompt": "A teal lamp", "image_urls": ["https://example.com/teal.png"]},
        "complete": True,
    }
    assert (desk["action"], desk["input"], desk["before"], desk["cost_micro_usd"]) == ("keep", None, None, None)


def test_a_take_whose_run_is_followed_shows_its_input_too(shell: Shell, start_api: StartApi) -> None:
    start_api(speed=SLOW)
    shell("apply", "--only", "desk", "--run-timeout", "1s")
    takes = {take["id"]: take for take in shell("plan", "--json").document["takes"]}
    assert (takes["desk"]["action"], takes["desk"]["input"]) == ("resume", {"prompt": "A desk"})


def test_an_input_with_odd_numbers_is_read_as_it_was_written(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step
) -> None:
    numbers = "seed: -999999999999999999, strength: 0.10, least: 0.000000000000000001"
    shell.write(f"version: 1\ncampaign: lamps\nshots:\n  - {{id: a, prompt: A, model: acme/v, input: {{{numbers}}}}}\n")
    keep()
    ended = follow()
    assert "not a plan file" not in plain(ended)
    assert api.world.stats.creates == 1


def test_a_plan_is_read_whatever_an_editor_has_put_before_it(kept: Path, keep: Step, follow: Step) -> None:
    keep()
    kept.write_bytes(b"\xef\xbb\xbf" + kept.read_bytes())
    assert "no plan" not in follow().err


def test_what_is_no_regular_file_is_neither_read_nor_replaced(shell: Shell, kept: Path, follow: Step) -> None:
    os.mkfifo(kept)
    assert "not a regular file" in plain(follow())
    ended = shell("plan", "--out", str(kept))
    assert ended.code is ExitCode.USAGE
    assert "not a regular file" in plain(ended)
    assert kept.is_fifo()


def test_a_link_to_a_plan_is_followed(kept: Path, keep: Step, follow: Step) -> None:
    keep()
    kept.rename(kept.with_name("real.json"))
    kept.symlink_to("real.json")
    assert "no plan" not in follow().err


def test_a_plan_is_kept_where_a_link_leads_and_the_link_stays(kept: Path, keep: Step) -> None:
    keep()
    real = kept.rename(kept.with_name("real.json"))
    kept.symlink_to("real.json")
    before = json.loads(real.read_text())
    keep("--replace", "*", "--only", "hero")
    assert kept.is_symlink()
    assert json.loads(real.read_text())["wishes"] != before["wishes"]


@pytest.mark.parametrize("target", ["/dev/stdout", "/dev/null", "nowhere.json", "plan.json"])
def test_a_link_that_leads_to_no_plan_is_neither_followed_nor_replaced(
    shell: Shell, kept: Path, follow: Step, target: str
) -> None:
    kept.symlink_to(target)
    ended = shell("plan", "--out", str(kept))
    assert ended.code is ExitCode.USAGE
    assert "the plan cannot be written" in plain(ended)
    assert str(kept.readlink()) == target
    ended = follow()
    assert ended.code is ExitCode.USAGE
    assert "cannot be read" in plain(ended)


def test_a_file_that_is_no_plan_is_not_written_over(shell: Shell) -> None:
    before = shell.manifest.read_text()
    ended = shell("plan", "--out", str(shell.manifest))
    assert ended.code is ExitCode.USAGE
    assert "it was not changed" in plain(ended)
    assert shell.manifest.read_text() == before


def test_a_file_that_cannot_be_had_is_reported(shell: Shell, kept: Path, follow: Step) -> None:
    assert "cannot be read" in follow().err
    ended = shell("plan", "--out", str(kept / "deeper" / "plan.json"))
    assert ended.code is ExitCode.USAGE
    assert "cannot be written" in ended.err


@pytest.mark.parametrize(
    "option", [("--only", "desk"), ("--limit", "0"), ("--replace", "*"), ("--max-spend", "1"), ("--new-ledger",)]
)
def test_a_plan_states_all_and_takes_no_wishes_beside_it(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step, option: tuple[str, ...]
) -> None:
    keep()
    ended = follow(*option)
    assert ended.code is ExitCode.USAGE
    assert option[0] in ended.err
    assert api.world.stats.creates == 0


def test_no_plan_is_kept_while_an_apply_is_at_work(shell: Shell, api: SandboxServer, kept: Path) -> None:
    assert shell("apply").code is ExitCode.DONE
    with CampaignLock(shell.state / "lamps.lock", LockHolder.this_process("apply", 0.0)):
        ended = shell("plan", "--out", str(kept))
    assert ended.code is ExitCode.BUSY
    assert "is running on this campaign" in ended.err
    assert not kept.exists()

"""Every line of a plan says why, and what it says comes true."""

import re

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import SLOW, UNCAPPED, Shell
from tests.helpers.misbehaving_api import lost_answers, unknown_runs


def lines(shell: Shell, *options: str) -> dict[str, tuple[str, str]]:
    """Action and reason of every take."""
    takes = shell("plan", "--json", *options).document["takes"]
    return {take["id"]: (take["action"], take["reason"]) for take in takes}


@pytest.fixture(autouse=True)
def _no_cap(shell: Shell) -> None:
    shell.write(UNCAPPED)


def test_new_kept_and_not_asked_for(shell: Shell, api: SandboxServer) -> None:
    assert set(lines(shell).values()) == {("create", "new")}
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert lines(shell, "--only", "hero") == {
        "hero": ("create", "new"),
        "hero.take2": ("hold", "not selected by --only"),
        "desk": ("hold", "not selected by --only"),
    }
    assert lines(shell)["desk"] == ("keep", "done")


def test_changed_parts_are_named(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(
        UNCAPPED.replace("A desk}", "A table, image_urls: ['https://example.com/a.png']}").replace(
            "A lamp", "A lamp on"
        )
    )
    printed = lines(shell)
    assert printed["hero"] == ("create", "changed: prompt")
    assert printed["desk"] == ("create", "changed: image_urls, prompt")


def test_a_signed_url_that_is_new_is_shown_beside_what_it_was(shell: Shell, api: SandboxServer) -> None:
    was = [f"https://cdn.example.com/{'x' * 80}/{name}.png?signature=1" for name in "abc"]
    shell.write(UNCAPPED.replace("A desk}", f"A desk, image_urls: {was}}}"))
    assert shell("apply", "--no-check-images", "--only", "desk").code is ExitCode.DONE
    now = [url.replace("signature=1", "signature=2") for url in was]
    shell.write(UNCAPPED.replace("A desk}", f"A desk, image_urls: {now}}}"))
    [desk] = [each for each in shell("plan", "--json").document["takes"] if each["id"] == "desk"]
    assert desk["image_urls"] == [{"was": old, "now": new} for old, new in zip(was, now, strict=True)]
    shown = shell("plan").out
    assert (
        f"changed: image_urls\n    prompt: A desk\n    was  {was[0]}\n    now  {now[0]}\n    was  {was[1]}\n" in shown
    )
    assert "... and 1 more image; -v shows them" in shown
    assert f"now  {now[2]}" in shell("plan", "-v").out


def test_what_is_changed_back_costs_nothing(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(UNCAPPED.replace("A desk", "A table"))
    assert shell("apply").code is ExitCode.DONE
    shell.write(UNCAPPED)
    assert {action for action, _ in lines(shell).values()} == {"keep"}
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 4


def test_renamed_and_swapped_takes_are_moved_with_their_files(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    desk, hero = ((shell.outputs / f"{name}.mp4").read_bytes() for name in ("desk", "hero"))
    shell.write(
        UNCAPPED.replace("id: hero, prompt: A lamp, takes: 2", "id: hero, prompt: A desk").replace(
            "id: desk, prompt: A desk", "id: desk, prompt: A lamp, takes: 2"
        )
    )
    printed = lines(shell)
    assert printed["hero"] == ("keep", "renamed from desk; done")
    assert re.fullmatch(r"renamed from hero(\.take2)?; done", printed["desk"][1])
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3
    assert (shell.outputs / "hero.mp4").read_bytes() == desk
    assert hero in [path.read_bytes() for path in shell.outputs.glob("desk*.mp4")]


def test_a_run_under_way_is_resumed_by_its_id(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    shell("apply", "--only", "desk", "--run-timeout", "1s")
    [run_id] = api.world.created
    assert lines(shell)["desk"] == ("resume", f"resumes {run_id}")
    shell.write(UNCAPPED.replace("id: desk", "id: table"))
    assert lines(shell)["table"] == ("resume", f"renamed from desk; resumes {run_id}")
    shell.write(UNCAPPED.replace("  - {id: desk, prompt: A desk}\n", ""))
    assert lines(shell)["desk"] == ("unwanted", f"no longer in the manifest; resumes {run_id}")


def test_in_doubt_since_when_and_why(shell: Shell, api: SandboxServer) -> None:
    with lost_answers(api):
        shell("apply", "--only", "desk")
    action, reason = lines(shell)["desk"]
    assert action == "hold"
    assert re.match(r"in doubt since \d{4}-\d\d-\d\d \d\d:\d\dZ, may have been charged: \S", reason)
    shell.write(UNCAPPED.replace("id: desk", "id: table"))
    assert lines(shell)["table"][1].startswith("renamed from desk; in doubt since ")
    shell.write(UNCAPPED)
    action, reason = lines(shell, "--in-doubt", "resubmit")["desk"]
    assert action == "create"
    assert "may pay twice" in reason


def test_lost_failed_and_given_up(shell: Shell, start_api: StartApi) -> None:
    api = start_api(fail_rate=1.0)
    shell("apply", "--only", "desk")
    action, reason = lines(shell)["desk"]
    assert (action, reason.startswith("failed and refunded: ")) == ("hold", True)
    with unknown_runs(api):
        shell("apply", "--only", "hero")
    [*_, run_id] = api.world.created
    assert lines(shell)["hero"] == ("resume", f"lost; {run_id} is checked again")
    assert shell("resolve", "hero", "--abandon").code is ExitCode.DONE
    action, reason = lines(shell)["hero"]
    assert action == "hold"
    assert reason.startswith("abandoned")


def test_another_attempt_after_a_failure_states_which(shell: Shell, start_api: StartApi) -> None:
    start_api(fail_rate=1.0)
    shell("apply", "--only", "desk")
    shell.write(UNCAPPED.replace("limits: {", "limits: {max_attempts: 2, "))
    action, reason = lines(shell)["desk"]
    assert (action, reason.startswith("attempt 1 failed and was refunded: ")) == ("create", True)


def test_the_plan_of_a_practice_run_says_so(shell: Shell) -> None:
    assert "practice run on the sandbox: no key, no real money" in shell("plan", "--sandbox").err
    assert "practice" not in shell("plan").err

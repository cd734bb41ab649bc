"""Creates of unknown outcome are told everywhere in the same words: how many, how much, which, since when, and why."""

import re
from datetime import UTC, datetime

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import UNCAPPED, CommandResult, Shell
from tests.helpers.misbehaving_api import lost_answers, unknown_runs

MANY = UNCAPPED.replace("takes: 2", "takes: 30")
RISK = "2 requests got no answer; up to $0.56 may have been charged."


@pytest.fixture
def doubtful(shell: Shell, api: SandboxServer) -> CommandResult:
    """`desk` is done, both takes of `hero` are in doubt. Gives what the apply said."""
    shell.write(UNCAPPED)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    with lost_answers(api):
        ended = shell("apply")
    assert ended.code is ExitCode.UNFINISHED
    return ended


def plain(text: str) -> str:
    return " ".join(text.split())


def check_risk_is_shown(text: str) -> None:
    assert RISK in text
    second = re.compile(r"  (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d)  up to \$0.28$")
    for take_id in ("hero", "hero.take2"):
        lines = text.splitlines()
        [at] = [at for at, line in enumerate(lines) if re.match(rf"  {re.escape(take_id)} +\d{{4}}-", line)]
        printed = second.search(lines[at])
        assert printed is not None
        sent_at = datetime.strptime(printed[1], "%Y-%m-%d %H:%M:%S %z")
        assert abs((datetime.now(UTC) - sent_at).total_seconds()) < 300
        assert lines[at + 1] == "    prompt: A lamp"
        assert lines[at + 2] == "    the connection was closed without a response"  # and why
    for way in ("--run-id", "--resubmit", "--abandon"):
        assert way in text
    assert "hailuo-batch resolve" in text
    assert "pays twice" in plain(text)


def test_an_apply_shows_the_risk_at_its_end(doubtful: CommandResult) -> None:
    check_risk_is_shown(doubtful.out)


def test_the_end_of_an_apply_shows_it_once_with_the_command_to_type(shell: Shell, api: SandboxServer) -> None:
    shell.write(MANY)
    with lost_answers(api):
        ended = shell("apply")
    assert len(re.findall("in doubt, may have been charged", ended.err)) == 1  # the first one, when it came about
    assert "more takes are in doubt" not in ended.err
    assert "resolve" not in ended.err
    assert ended.out.count(f"  hailuo-batch resolve {shell.manifest} TAKE --run-id ID  # ") == 1


def test_who_asks_for_quiet_is_shown_all_the_same(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED)
    with lost_answers(api):
        ended = shell("apply", "-q", "--only", "hero*")
    assert ended.out == ""
    for take_id in ("hero", "hero.take2"):
        assert re.search(rf"^  {re.escape(take_id)} +\d{{4}}-", ended.err, re.MULTILINE)
    assert f"\n  hailuo-batch resolve {shell.manifest} hero hero.take2 --abandon  # give them up" in ended.err


def test_status_shows_the_risk(shell: Shell, doubtful: CommandResult) -> None:
    check_risk_is_shown(shell("status").out)


def test_what_is_to_be_made_again_is_settled_and_not_asked_about_once_more(
    shell: Shell, doubtful: CommandResult
) -> None:
    for take_id in ("hero", "hero.take2"):
        assert shell("resolve", take_id, "--resubmit").code is ExitCode.DONE
    out = shell("status").out
    assert (
        "2 settled requests (abandoned, made again or forgotten) may have been charged: up to $0.56 still counts."
        in out
    )
    assert "In doubt, until" not in out
    assert " --resubmit" not in out


def test_a_plan_shows_the_risk(shell: Shell, doubtful: CommandResult) -> None:
    out = shell("plan").out
    check_risk_is_shown(out)
    assert re.search(r"  ◦ hold  hero +in doubt since \d{4}-\d\d-\d\d \d\d:\d\dZ, may have been charged: ", out)


def test_an_apply_that_has_nothing_else_to_do_shows_the_risk(shell: Shell, doubtful: CommandResult) -> None:
    check_risk_is_shown(shell("apply").out)


def test_the_reports_show_the_risk(shell: Shell, doubtful: CommandResult) -> None:
    markdown = (shell.outputs / "report.md").read_text()
    assert "2 requests got no answer; up to $0.56 may have been charged" in markdown
    assert markdown.count("| in doubt |") == 2
    for way in ("--run-id", "--resubmit", "--abandon"):
        assert markdown.count(way) >= 2
    assert len(re.findall(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ: [^|]*<br>prompt: A lamp", markdown)) == 2
    document = shell("status", "--json").document
    assert document["spend"]["in_doubt_takes"] == 2
    assert document["spend"]["in_doubt_micro_usd"] == 560_000


def test_while_no_price_is_known_the_risk_is_an_unknown_amount(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED)
    with lost_answers(api):
        ended = shell("apply", "--only", "desk")
    assert "1 request got no answer; an unknown amount may have been charged." in ended.out
    assert shell("status", "--json").document["spend"]["in_doubt_micro_usd"] is None


def test_a_superseded_attempt_is_shown_with_the_option_that_resolves_it(shell: Shell, doubtful: CommandResult) -> None:
    shell.write(UNCAPPED.replace("A lamp", "A lamp at night"))
    assert shell("apply").code is ExitCode.DONE
    for command in ("status", "plan"):
        out = shell(command).out
        assert RISK in out
        assert re.search("^  hero --attempt 1 +\\d{4}-", out, re.MULTILINE)


def test_what_was_given_up_is_still_shown(shell: Shell, doubtful: CommandResult) -> None:
    assert shell("resolve", "hero", "--abandon").code is ExitCode.DONE
    out = shell("status").out
    assert RISK in out
    assert re.search(r"^  hero.take2 +\d{4}-", out, re.MULTILINE)
    assert not re.search(r"^  hero +\d{4}-", out, re.MULTILINE)
    assert (
        "\n1 settled request (abandoned, made again or forgotten) may have been charged: up to $0.28 still counts.\n"
        in out
    )


def test_where_all_is_given_up_nobody_is_sent_to_resolve_it(shell: Shell, doubtful: CommandResult) -> None:
    for take_id in ("hero", "hero.take2"):
        assert shell("resolve", take_id, "--abandon").code is ExitCode.DONE
    for ended in (shell("status"), shell("plan"), shell("apply")):
        assert RISK in ended.out
        assert (
            "2 settled requests (abandoned, made again or forgotten) may have been charged: up to $0.56 still counts."
            in ended.out
        )
        assert "resolve" not in ended.out + ended.err


def test_nothing_is_shown_where_nothing_is_at_risk(shell: Shell, api: SandboxServer) -> None:
    ended = shell("apply")
    assert ended.code is ExitCode.DONE
    for out in (ended.out, shell("status").out, shell("plan").out):
        assert "unknown outcome" not in out
        assert "resolve" not in out


def test_commands_that_are_advised_find_the_same_files(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED)
    folders = ("--state-dir", str(shell.workspace / "elsewhere"))
    with lost_answers(api):
        ended = shell("apply", "--only", "desk", *folders)
    assert f"desk.yaml {' '.join(folders)} desk --run-id ID" in ended.out.replace("lamps.yaml", "desk.yaml")
    assert " ".join(folders) in (shell.outputs / "report.md").read_text()


# --- storms, and runs that are lost ---


def test_after_three_unanswered_creates_in_a_row_nothing_more_is_created(shell: Shell, api: SandboxServer) -> None:
    shell.write(MANY)
    with lost_answers(api):
        ended = shell("apply")
    assert ended.code is ExitCode.UNFINISHED
    assert "3 requests in a row got no answer" in plain(ended.err)
    assert api.world.stats.creates == 3
    assert "3 requests got no answer" in ended.out
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 4


def test_an_answer_in_between_is_no_storm(shell: Shell, api: SandboxServer) -> None:
    shell.write(MANY)
    with lost_answers(api, 2):
        ended = shell("apply")
    assert ended.code is ExitCode.UNFINISHED
    assert "29 of 31 takes done, 2 in doubt" in ended.out
    assert api.world.stats.creates == 31


def test_a_run_is_lost_after_five_answers_and_asked_for_once_by_each_later_apply(
    shell: Shell, api: SandboxServer
) -> None:
    with unknown_runs(api) as asked:
        ended = shell("apply", "--only", "desk")
        assert ended.code is ExitCode.UNFINISHED
        assert "marked lost" in ended.err
        assert len(asked) >= 5
        for _ in range(2):
            asked.clear()
            assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
            assert len(asked) == 1
    assert "lost" in shell("status").out
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert (shell.outputs / "desk.mp4").is_file()
    assert api.world.stats.creates == 1


def test_a_lost_run_still_counts_as_money(shell: Shell, api: SandboxServer) -> None:
    with unknown_runs(api):
        shell("apply", "--only", "desk")
    assert shell("status", "--json").document["spend"]["net_micro_usd"] == 280_000
    ended = shell("apply", "--only", "hero", "--max-spend", "0.50")
    assert ended.code is ExitCode.ACCOUNT
    assert api.world.stats.creates == 1


def test_a_run_that_turns_up_before_the_fifth_answer_is_not_lost(shell: Shell, start_api: StartApi) -> None:
    api = start_api()
    seen: list[str] = []

    def forgotten(run_id: str) -> bool:
        seen.append(run_id)
        return len(seen) <= 4

    with unknown_runs(api, forgotten):
        assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert "RunLost" not in shell.bare("state", "export", str(shell.manifest)).out

"""The same command once more, after the first was interrupted just before it had ended well: nothing is paid twice."""

import signal
from collections.abc import Callable

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import UNCAPPED, CommandResult, Shell, state_of
from tests.helpers.misbehaving_api import lost_answers
from tests.helpers.signal_at import strike

KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
CODES = {KILL: -signal.SIGKILL, TERM: ExitCode.SIGTERM, INT: ExitCode.SIGINT}
TAKES = 3

Strike = Callable[..., int]


@pytest.fixture
def struck(shell: Shell) -> Strike:
    """Runs a command on the manifest that is struck at a call of its own."""

    def run(where: str, number: signal.Signals, command: str, *options: str) -> int:
        return strike(where, number, [command, str(shell.manifest), *options])

    return run


@pytest.fixture
def done(shell: Shell, api: SandboxServer) -> None:
    """Every take is done."""
    shell.write(UNCAPPED)
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES


def replace(shell: Shell) -> CommandResult:
    return shell("apply", "--yes", "--replace", "*")


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize(
    "number", [KILL, TERM, pytest.param(INT, marks=pytest.mark.deep)], ids=lambda number: number.name
)
@pytest.mark.parametrize(
    "where",
    [
        pytest.param("after:runtime.driver:Driver.run", marks=pytest.mark.deep),
        "before:app.reports:ReportFiles.update_reports",
        pytest.param("after:app.apply:write_final_report", marks=pytest.mark.deep),
        pytest.param("before:ui.console:Console.print_summary", marks=pytest.mark.deep),
        "before:adapters.local.stop_request:StopRequest.finalize",
    ],
)
@pytest.mark.few(2)
def test_a_replacement_is_finished_and_no_second_one_begun(
    shell: Shell, api: SandboxServer, struck: Strike, where: str, number: signal.Signals
) -> None:
    code = struck(where, number, "apply", "--yes", "--replace", "*")
    assert api.world.stats.creates == 2 * TAKES
    assert code == CODES[number]
    finished = replace(shell)
    assert finished.code is ExitCode.DONE
    assert "finishes the --replace that was interrupted, and starts no new one" in finished.err
    assert api.world.stats.creates == 2 * TAKES
    again = replace(shell)
    assert again.code is ExitCode.DONE
    assert "interrupted" not in again.err
    assert api.world.stats.creates == 3 * TAKES


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize("number", [TERM, INT], ids=lambda number: number.name)
@pytest.mark.parametrize(
    "where",
    [
        "before:app.apply:close_finished_replacements",
        "after:app.apply:close_finished_replacements",
        "after:commands.apply:run",
    ],
)
@pytest.mark.few(2)
def test_a_signal_that_comes_after_a_replacement_has_ended_well_changes_no_exit_code(
    shell: Shell, api: SandboxServer, struck: Strike, where: str, number: signal.Signals
) -> None:
    assert struck(where, number, "apply", "--yes", "--replace", "*") == ExitCode.DONE
    assert replace(shell).code is ExitCode.DONE
    assert api.world.stats.creates == 3 * TAKES


@pytest.mark.usefixtures("done")
def test_a_replacement_whose_reports_cannot_be_written_is_not_over(shell: Shell, api: SandboxServer) -> None:
    obstacle = shell.outputs / "report.html"
    obstacle.unlink()
    obstacle.mkdir()
    for _ in range(2):
        assert replace(shell).code is ExitCode.UNFINISHED
        assert api.world.stats.creates == 2 * TAKES
    obstacle.rmdir()
    assert replace(shell).code is ExitCode.DONE
    assert api.world.stats.creates == 2 * TAKES
    assert replace(shell).code is ExitCode.DONE
    assert api.world.stats.creates == 3 * TAKES


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize(
    ("where", "number"),
    [
        ("after:adapters.runbase:Client.create_run", INT),
        pytest.param("after:runtime.driver:Driver.run", KILL, marks=pytest.mark.deep),
        ("before:app.reports:ReportFiles.update_reports", TERM),
    ],
)
@pytest.mark.few(1)
def test_another_replacement_does_not_end_one_that_was_interrupted(
    shell: Shell, api: SandboxServer, struck: Strike, where: str, number: signal.Signals
) -> None:
    assert struck(where, number, "apply", "--yes", "--replace", "desk") == CODES[number]
    assert shell("apply", "--replace", "hero*").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES + 3
    assert shell("apply", "--replace", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES + 3
    assert shell("apply", "--replace", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES + 4


@pytest.mark.usefixtures("done")
def test_the_words_of_a_replacement_are_one_wish_in_any_order(shell: Shell, api: SandboxServer, struck: Strike) -> None:
    struck("after:runtime.driver:Driver.run", KILL, "apply", "--yes", "--replace", "desk", "--replace", "hero*")
    assert shell("apply", "--replace", "hero*", "--replace", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 2 * TAKES


@pytest.mark.usefixtures("done")
def test_a_replacement_of_other_takes_in_the_same_words_is_another_wish(
    shell: Shell, api: SandboxServer, struck: Strike
) -> None:
    struck("after:runtime.driver:Driver.run", KILL, "apply", "--yes", "--only", "desk", "--replace", "*")
    assert shell("apply", "--only", "hero", "--replace", "*").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES + 2
    assert shell("apply", "--only", "desk", "--replace", "*").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES + 2


@pytest.mark.usefixtures("done")
def test_wider_words_begin_only_what_is_not_under_way(shell: Shell, api: SandboxServer, struck: Strike) -> None:
    struck("after:runtime.driver:Driver.run", KILL, "apply", "--yes", "--only", "desk", "--replace", "*")
    assert shell("apply", "--replace", "*").code is ExitCode.DONE
    assert api.world.stats.creates == 2 * TAKES
    assert shell("apply", "--replace", "*").code is ExitCode.DONE
    assert api.world.stats.creates == 3 * TAKES


@pytest.mark.usefixtures("done")
def test_an_apply_that_names_no_other_replacement_ends_all_that_it_finishes(
    shell: Shell, api: SandboxServer, struck: Strike
) -> None:
    for words in (("desk",), ("hero*",)):
        struck("after:runtime.driver:Driver.run", KILL, "apply", "--yes", "--replace", *words)
    assert api.world.stats.creates == 2 * TAKES
    assert shell("apply", "--only", "hero*").code is ExitCode.DONE
    assert shell("apply", "--replace", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 2 * TAKES
    struck("after:runtime.driver:Driver.run", KILL, "apply", "--yes", "--replace", "desk")
    assert shell("apply").code is ExitCode.DONE
    assert shell("apply", "--replace", "desk", "--replace", "hero*").code is ExitCode.DONE
    assert api.world.stats.creates == 2 * TAKES + 1 + TAKES


@pytest.mark.usefixtures("done")
def test_a_repair_does_not_end_a_replacement_that_was_interrupted(
    shell: Shell, api: SandboxServer, struck: Strike
) -> None:
    struck("after:runtime.driver:Driver.run", KILL, "apply", "--yes", "--replace", "*")
    (shell.outputs / "desk.mp4").unlink()
    assert shell("verify", "--repair").code is ExitCode.DONE
    assert replace(shell).code is ExitCode.DONE
    assert api.world.stats.creates == 2 * TAKES


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize(
    "where",
    [
        pytest.param("before:adapters.local.fs:set_aside", marks=pytest.mark.deep),
        "after:app.apply:set_aside",
        pytest.param("after:adapters.ledger.store:rename_no_replace", marks=pytest.mark.deep),
        pytest.param("after:app.run_campaign:Ledger.back_up", marks=pytest.mark.deep),
        pytest.param("before:adapters.runbase:Client.create_run", marks=pytest.mark.deep),
        "after:runtime.driver:Driver.run",
        pytest.param("before:app.reports:ReportFiles.update_reports", marks=pytest.mark.deep),
    ],
)
@pytest.mark.few(1)
def test_a_new_ledger_is_begun_once(shell: Shell, api: SandboxServer, struck: Strike, where: str) -> None:
    (shell.state / "lamps.db").unlink()
    assert struck(where, KILL, "apply", "--yes", "--new-ledger") == -KILL
    shell("apply", "--yes", "--new-ledger")
    assert api.world.stats.creates <= 2 * TAKES
    kept = sorted(path.name for path in shell.state.glob("lamps.receipts.jsonl*"))
    assert kept == ["lamps.receipts.jsonl", "lamps.receipts.jsonl.old-1"]


@pytest.mark.usefixtures("uncapped")
@pytest.mark.parametrize(
    "where",
    [
        "after:adapters.ledger:Ledger.carry_out",
        "after:runtime.driver:Driver.run",
        "before:app.apply:_Apply.finish",
    ],
)
@pytest.mark.few(1)
def test_what_was_in_doubt_is_resubmitted_once(shell: Shell, api: SandboxServer, struck: Strike, where: str) -> None:
    with lost_answers(api):
        assert shell("apply", "--yes", "--only", "desk").code is ExitCode.UNFINISHED
    words = ("--yes", "--only", "desk", "--in-doubt", "resubmit")
    assert struck(where, KILL, "apply", *words) == -KILL
    for _ in range(2):
        assert shell("apply", *words).code is ExitCode.DONE
        assert api.world.stats.creates == 2


@pytest.mark.usefixtures("uncapped")
@pytest.mark.parametrize("where", ["after:adapters.ledger:Ledger.carry_out", "before:adapters.ledger:Ledger.record"])
@pytest.mark.few(1)
def test_a_resolve_that_was_interrupted_grants_one_payment(
    shell: Shell, api: SandboxServer, struck: Strike, where: str
) -> None:
    with lost_answers(api):
        assert shell("apply", "--yes", "--only", "desk").code is ExitCode.UNFINISHED
    words = ("resolve", "desk", "--resubmit", "--yes")
    assert struck(where, KILL, *words) == -KILL
    assert shell(*words).code in {ExitCode.DONE, ExitCode.USAGE}
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 2


def test_a_retry_that_was_interrupted_grants_one_attempt(shell: Shell, api: SandboxServer, struck: Strike) -> None:
    shell.write(UNCAPPED)
    quick, api.world.settings = api.world.settings, type(api.world.settings)(fail_rate=1.0, median_s=0.01, min_s=0.01)
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.UNFINISHED
    assert struck("after:adapters.ledger:Ledger.carry_out", KILL, "retry", "desk") == -KILL
    assert shell("retry", "desk").code is ExitCode.USAGE
    api.world.settings = quick
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.DONE
    assert state_of(shell, "desk") == "done"
    assert api.world.stats.creates == 2


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize("where", ["before:adapters.download:Downloader.fetch", "after:runtime.driver:Driver.run"])
@pytest.mark.few(1)
def test_a_repair_that_was_interrupted_is_finished_and_pays_nothing(
    shell: Shell, api: SandboxServer, struck: Strike, where: str
) -> None:
    (shell.outputs / "desk.mp4").write_bytes(b"changed")
    assert struck(where, KILL, "verify", "--repair") == -KILL
    assert shell("verify", "--repair").code is ExitCode.DONE
    assert shell("verify").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize("where", ["after:runtime.driver:Driver.run", "before:app.reports:ReportFiles.update_reports"])
def test_a_plan_that_replaces_is_finished_and_pays_once(
    shell: Shell, api: SandboxServer, struck: Strike, keep: Callable[..., CommandResult], kept: str, where: str
) -> None:
    keep("--replace", "*")
    words = ("--yes", "--no-check-images", "--plan", str(kept))
    assert struck(where, KILL, "apply", *words) == -KILL
    for _ in range(2):
        assert shell("apply", *words).code is ExitCode.DONE
        assert api.world.stats.creates == 2 * TAKES

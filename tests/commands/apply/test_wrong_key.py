"""A key that did not make the campaign's runs must know one of them before anything else is done."""

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import ForcedError
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import KEY, SLOW, Shell, state_of
from tests.helpers.ledgers import query
from tests.helpers.misbehaving_api import lost_answers

SECOND = "sk-second-0123456789"  # of the same account
ACCOUNTS = ((KEY, "studio"), (SECOND, "studio"))
STRANGER = "sk-stranger-0123456789"  # of an account of its own
LONG_ENOUGH = "30s"  # to ask about a run, also where a second passes before anything is asked


@pytest.fixture
def running(shell: Shell, start_api: StartApi) -> SandboxServer:
    """Three runs under way, made with KEY."""
    api = start_api(speed=SLOW, accounts=ACCOUNTS)
    while len(api.world.created) < 3:
        assert shell("apply", "--run-timeout", "1s").code is ExitCode.UNFINISHED
    return api


def use(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", key)


def test_a_key_of_another_account_stops_after_three_questions_and_nothing_is_lost(
    shell: Shell, running: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, STRANGER)
    reads = running.world.stats.reads
    for _ in range(2):
        ended = shell("apply")
        assert ended.code is ExitCode.ACCOUNT
        assert "did not make the campaign's runs" in ended.err
        assert STRANGER not in ended.err
    assert running.world.stats.reads == reads + 2 * 3
    assert running.world.stats.creates == 3
    assert "3 running" in shell("status").out


def test_the_right_key_goes_on_after_the_wrong_one(
    shell: Shell, running: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, STRANGER)
    assert shell("apply").code is ExitCode.ACCOUNT
    use(monkeypatch, KEY)
    assert shell("apply", "--run-timeout", "1s").code is ExitCode.UNFINISHED
    assert "3 running" in shell("status").out


def test_another_key_of_the_same_account_goes_on_and_is_remembered(
    shell: Shell, running: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mark(shell)
    use(monkeypatch, SECOND)
    assert shell("apply", "--run-timeout", LONG_ENOUGH).code is ExitCode.UNFINISHED
    assert mark(shell) != before
    remembered = mark(shell)
    assert shell("apply", "--run-timeout", LONG_ENOUGH).code is ExitCode.UNFINISHED
    assert mark(shell) == remembered
    assert running.world.stats.creates == 3


@pytest.mark.parametrize("trouble", [ForcedError.BAD_KEY, ForcedError.BROKEN])
@pytest.mark.few(1)
def test_a_key_that_was_not_proved_is_not_remembered(
    shell: Shell, running: SandboxServer, monkeypatch: pytest.MonkeyPatch, trouble: ForcedError
) -> None:
    before = mark(shell)
    use(monkeypatch, STRANGER)
    running.world.forced_error = trouble
    assert shell("apply", "--run-timeout", "1s").code in {ExitCode.UNFINISHED, ExitCode.ACCOUNT}
    assert mark(shell) == before
    running.world.forced_error = None
    assert shell("apply").code is ExitCode.ACCOUNT
    assert "3 running" in shell("status").out


def test_without_a_run_to_ask_about_a_new_key_goes_on(
    shell: Shell, start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = start_api()
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    use(monkeypatch, STRANGER)
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_what_is_in_doubt_is_no_proof_and_the_key_changes_nothing_about_it(
    shell: Shell, start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = start_api()
    with lost_answers(api):
        shell("apply", "--only", "desk")
    use(monkeypatch, STRANGER)
    assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert state_of(shell, "desk") == "in_doubt"
    assert shell("resolve", "desk", "--run-id", next(iter(api.world.created))).code is ExitCode.USAGE


def test_no_key_is_written_anywhere(shell: Shell, running: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (STRANGER, SECOND):
        use(monkeypatch, key)
        shell("apply", "--run-timeout", "1s", "-v")
    written = b"".join(path.read_bytes() for path in shell.workspace.rglob("*") if path.is_file())
    for key in (KEY, STRANGER, SECOND):
        assert key.encode() not in written
        assert key.removeprefix("sk-").encode() not in written


def mark(shell: Shell) -> str:
    """The numbers of the keys with which the runs are read, and their salted, slow hashes."""
    asked = "SELECT DISTINCT number, hash FROM runs, api_keys WHERE api_key = number AND run_id IS NOT NULL"
    return str(query(shell.state / "lamps.db", asked))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sk-...", "holds a placeholder and no key"),
        ("Bearer sk-test-0123456789", "begins with the word Bearer"),
        ("'sk-test-0123456789'", "has quotation marks in it"),
        ("sk-test 0123456789", "has white space in it"),
        ("sk-tést-0123456789", "has a character that no key has"),
    ],
)
def test_what_cannot_be_a_key_is_refused_before_anything_is_sent(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", key)
    ended = shell("apply", "--no-check-images")
    assert ended.code is ExitCode.ACCOUNT
    assert f"RUNBASE_API_KEY {said}" in ended.err
    assert f"Nothing was sent, nothing was paid. `hailuo-batch doctor {shell.manifest}`" in ended.err
    assert key not in ended.err
    assert (api.world.stats.creates, api.world.stats.reads) == (0, 0)

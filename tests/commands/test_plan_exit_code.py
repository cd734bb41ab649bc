"""`plan --detailed-exitcode`: 0 nothing to do, 1 any error, 2 something to do."""

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import LAMPS, Shell


def test_the_detailed_exit_code_states_whether_there_is_anything_to_do(shell: Shell, api: SandboxServer) -> None:
    assert shell("plan", "--detailed-exitcode").code == 2
    assert shell("apply").code is ExitCode.DONE
    assert shell("plan", "--detailed-exitcode").code == 0
    shell.write(LAMPS.replace("id: desk", "id: table"))
    assert shell("plan", "--detailed-exitcode").code == 2
    assert shell("apply").code is ExitCode.DONE
    assert shell("plan", "--detailed-exitcode").code == 0


def test_with_a_detailed_exit_code_every_error_is_1(shell: Shell) -> None:
    assert shell("plan", "--detailed-exitcode", "--only", "nothing").code == 1
    assert shell("plan", "--detailed-exitcode", "--nonsense").code == 1
    shell.write("version: 2\n")
    assert shell("plan", "--detailed-exitcode").code == 1
    assert shell("plan").code == 2

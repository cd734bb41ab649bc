"""What the API says beside a status that nobody knows is kept and shown, and written down once."""

from dataclasses import replace

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.world import ApiResponse
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import SLOW, Shell
from tests.helpers.ledgers import query

MESSAGE = "the region is out of capacity"


def test_the_words_beside_an_unknown_status_are_kept_and_shown(
    shell: Shell, start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = start_api(speed=SLOW)
    honest, reads = api.read, list[str]()

    def read(key: str | None, run_id: str) -> ApiResponse:
        answer = honest(key, run_id)
        reads.append(run_id)
        return replace(answer, body={**answer.body, "status": "paused", "error": {"message": MESSAGE}})

    assert shell("apply", "--only", "desk", "--run-timeout", "1s").code is ExitCode.UNFINISHED
    monkeypatch.setattr(api, "read", read)
    while len(reads) < 5:
        ended = shell("apply", "--only", "desk", "--run-timeout", "30s")
        assert ended.code is ExitCode.UNFINISHED
        printed = " ".join(ended.err.split())
        assert "the API reports the status 'paused'" in printed
        assert f"({MESSAGE}), which is not documented" in printed
    shown = shell("status").out
    assert MESSAGE in shown
    assert reads[0] in shown
    [desk] = [take for take in shell("status", "--json").document["takes"] if take["id"] == "desk"]
    assert desk["state"] == "running"
    assert MESSAGE in desk["runs"][0]["error"]
    assert MESSAGE in (shell.outputs / "report.md").read_text(encoding="utf-8")
    noted = query(shell.state / "lamps.db", "SELECT 1 FROM journal WHERE what = 'StatusUnknown'")
    assert len(noted) == 1, "it is written down again at every poll"

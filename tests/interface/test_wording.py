"""What is said to a program is said in its words: calls in place of commands, arguments in place of options."""

import pickle
from pathlib import Path

import pytest

from hailuo_batch import errors
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.interface.wording import in_python

WHERE = CampaignLocation(Path("lamps.yaml"))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("`hailuo-batch status MANIFEST` shows it.", "`campaign.status()` shows it."),
        ("use `hailuo-batch retry MANIFEST hero`.", "use `campaign.retry('hero')`."),
        ("`hailuo-batch resolve MANIFEST TAKE --run-id ID`", "`campaign.resolve('TAKE', by=NameRun('ID'))`"),
        ("`hailuo-batch resolve MANIFEST hero --resubmit`", "`campaign.resolve('hero', by=Resubmit(consent=True))`"),
        ("`hailuo-batch apply MANIFEST --max-spend none --limit 1`", "`campaign.apply(max_spend='none', limit=1)`"),
        ("`hailuo-batch apply MANIFEST --new-ledger` moves", "`campaign.apply(new_ledger=True)` moves"),
        ("`hailuo-batch plan MANIFEST --out FILE`", "`campaign.plan()`"),
        ("`hailuo-batch status MANIFEST --all` lists", "`campaign.status()` lists"),
        ("`hailuo-batch plan MANIFEST -v` lists", "`campaign.plan()` lists"),
        ("`hailuo-batch state restore MANIFEST` rebuilds", "`hailuo-batch state restore lamps.yaml` rebuilds"),
        ("`hailuo-batch verify MANIFEST --repair` tries", "`hailuo-batch verify lamps.yaml --repair` tries"),
        ("raise limits.max_spend_usd or --max-spend", "raise limits.max_spend_usd or max_spend"),
        ("and --yes is missing", "and consent=True is missing"),
        ("Run the same command to continue.", "Run the same call to continue."),
        ("a - b -- c", "a - b -- c"),
    ],
)
def test_a_message_speaks_python(said: str, meant: str) -> None:
    assert in_python(said, WHERE) == meant


@pytest.mark.parametrize("name", [name for name in dir(errors) if name.endswith("Error")])
def test_an_error_comes_through_from_another_process(name: str) -> None:
    error = getattr(errors, name)("It went wrong.")
    there = pickle.loads(pickle.dumps(error))
    assert (type(there), str(there), there.exit_code) == (type(error), "It went wrong.", error.exit_code)

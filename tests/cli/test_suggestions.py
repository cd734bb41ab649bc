"""A wrong command line ends with the nearest right one, which is understood and does what was meant."""

import os
import re
import shlex
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from tests.helpers.command_line import LAMPS, Shell

PICKS = '{"schema": "hailuo-batch/picks", "version": 1, "campaign": "lamps", "picks": []}'


@pytest.fixture(autouse=True)
def _there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with one manifest."""
    monkeypatch.chdir(shell.workspace)
    Path("lamps.yaml").write_text(LAMPS, encoding="utf-8")


def refused(shell: Shell, line: str) -> str:
    ended = shell.bare(*shlex.split(line))
    assert ended.code is ExitCode.USAGE
    assert "Traceback" not in ended.err
    return ended.err


def proposed(shell: Shell, line: str) -> str:
    """The command line with which the message ends."""
    found = re.search(r"Did you mean `hailuo-batch (.*)`\?\n$", refused(shell, line))
    assert found, refused(shell, line)
    return found[1]


RIGHT = {
    "aply lamps.yaml": "apply lamps.yaml",
    "lamps.yaml": "apply lamps.yaml",
    "lamps.yaml --sandbox": "apply lamps.yaml --sandbox",
    "run lamps.yaml --limit 3": "apply lamps.yaml --limit 3",
    "restore lamps.yaml": "state restore lamps.yaml",
    "state sho lamps.yaml": "state show lamps.yaml",
    "apply lamps.yaml --dry-run": "plan lamps.yaml",
    "apply -n lamps.yaml --only hero": "plan lamps.yaml --only hero",
    "apply lamps.yaml --yess": "apply lamps.yaml --yes",
    "apply lamps.yaml -y": "apply lamps.yaml --yes",
    "apply lamps.yaml -yes": "apply lamps.yaml --yes",
    "apply lamps.yaml --max_spend 5": "apply lamps.yaml --max-spend 5",
    "apply lamps.yaml --MAX-SPEND=5": "apply lamps.yaml --max-spend=5",
    "apply lamps.yaml --jobs 3": "apply lamps.yaml --max-in-flight 3",
    "apply lamps.yaml --repair": "verify lamps.yaml --repair",
    "--sandbox apply lamps.yaml": "apply lamps.yaml --sandbox",
    "--only hero plan lamps.yaml": "plan lamps.yaml --only hero",
    "plan lamps.yaml hero": "plan lamps.yaml --only hero",
    "plan --json": "plan lamps.yaml --json",
    "state rm desk": "state rm lamps.yaml desk",
    "schema manifes": "schema manifest",
    "apply lamps.yaml --in-doubt hol": "apply lamps.yaml --in-doubt hold",
    "-q sttus lamps.yaml": "-q status lamps.yaml",
}


@pytest.mark.parametrize("typed", RIGHT)
def test_the_nearest_right_command_line_is_proposed(shell: Shell, typed: str) -> None:
    assert proposed(shell, typed) == RIGHT[typed]


@pytest.mark.parametrize("typed", [typed for typed, right in RIGHT.items() if not right.startswith(("apply", "resol"))])
def test_what_is_proposed_is_not_refused(shell: Shell, typed: str) -> None:
    ended = shell.bare(*shlex.split(proposed(shell, typed)))
    assert "Usage:" not in ended.err


def test_a_name_without_a_file_is_not_proposed_to_be_applied(shell: Shell) -> None:
    assert "`hailuo-batch init vases.yaml`" in refused(shell, "vases.yaml")
    assert "apply" not in refused(shell, "vases.yaml --sandbox")
    assert "Did you mean `apply`?" in refused(shell, "aply vases.yaml")


def test_a_take_that_does_not_exist_is_not_proposed(shell: Shell) -> None:
    assert "--only" not in refused(shell, "plan lamps.yaml heros")


def test_a_second_manifest_is_named_as_such(shell: Shell) -> None:
    assert "`plan` takes one manifest at a time" in refused(shell, "plan lamps.yaml vases.yaml")


def test_a_second_mistake_leaves_the_name_alone(shell: Shell) -> None:
    assert "Did you mean `--yes`?" in refused(shell, "apply lamps.yaml --yess --no-such-thing")


def test_nobody_is_offered_to_pay_who_did_not_say_so(shell: Shell) -> None:
    printed = refused(shell, "plan lamps.yaml --yes")
    assert "--yes is an option of `apply` and `resolve`" in printed
    assert "Did you mean" not in printed


@pytest.mark.parametrize(
    "typed",
    [
        "apply --yes",
        "lamps.yaml --yes",
        "run lamps.yaml --yes",
        "apply lamps.yaml hero --yes",
        "apply lamps.yaml --yes --replac hero",
        "apply lamps.yaml --yes --in-doubt resubmi",
        "resolve lamps.yaml hero --yes --submit",
    ],
)
def test_no_guess_agrees_to_a_payment(shell: Shell, typed: str) -> None:
    """The yes was for another command line than the one that is proposed, perhaps for another campaign."""
    assert "lamps.yaml" in proposed(shell, typed)
    assert "--yes" not in proposed(shell, typed)


@pytest.mark.parametrize(
    "typed",
    [
        "resolve",
        "resolve --all",
        "apply lamps.yaml --resubmit",
        "resolve lamps.yaml hero --all --resubmi",
        "state rm lamps.yaml",
        "collect lamps.yaml --to chosen",
    ],
)
def test_nothing_is_proposed_that_the_command_refuses(shell: Shell, typed: str) -> None:
    assert "Did you mean `hailuo-batch" not in refused(shell, typed)


@pytest.mark.parametrize(
    ("typed", "example"),
    [
        ("apply lamps.yaml --max-spend", "--max-spend 5"),
        ("apply lamps.yaml --run-timeout", "--run-timeout 45m"),
        ("apply lamps.yaml --limit many", "--limit 3"),
        ("apply --only lamps.yaml", "--only 'hero*'"),
    ],
)
def test_a_value_that_is_missing_or_wrong_is_shown(shell: Shell, typed: str, example: str) -> None:
    assert f"Write it like `{example}`." in refused(shell, typed)


@pytest.mark.parametrize("option", ["--state-dir", "--max-spend", "--only", "--plan"])
def test_no_option_is_taken_for_the_value_of_another(shell: Shell, option: str) -> None:
    """A state folder named --sandbox would be that of the real campaign."""
    printed = refused(shell, f"apply lamps.yaml {option} --sandbox")
    assert f"'{option}' requires an argument. Write it like `{option} " in printed
    assert not Path("--sandbox").exists()


def test_help_is_found_by_whoever_asks_for_it_as_a_command(shell: Shell) -> None:
    assert "`hailuo-batch apply --help`" in refused(shell, "help apply")
    assert "`hailuo-batch --help`" in refused(shell, "help")
    assert "`hailuo-batch --help` lists the commands" in refused(shell, "xyzzy")
    assert "`hailuo-batch apply --help` lists the options" in refused(shell, "apply --xyzzy")


def test_what_is_quoted_speaks_to_no_terminal(shell: Shell) -> None:
    ended = shell.bare("apply", "lamps.yaml", "--max_spend", "\x1b[2J\u202e")
    assert "\x1b" not in ended.err
    assert "\u202e" not in ended.err


def test_no_other_manifest_is_put_before_what_was_typed(shell: Shell) -> None:
    assert "Did you mean" not in refused(shell, "state rm lamp.yaml")
    Path("Summer Shoes.yaml").write_text(LAMPS.replace("lamps", "shoes"), encoding="utf-8")
    for line in ("state rm lamps.yaml", "state rm hero", "collect lamps.yaml --to selects", "collect selects --to x"):
        assert "Did you mean" not in refused(shell, line)


def test_picks_that_are_missing_are_proposed_if_it_is_clear_which(shell: Shell) -> None:
    Path("shoes.picks.json").write_text(PICKS, encoding="utf-8")
    assert proposed(shell, "collect lamps.yaml --to x") == "collect lamps.yaml shoes.picks.json --to x"
    Path("rugs.picks.json").write_text(PICKS, encoding="utf-8")
    assert "Did you mean" not in refused(shell, "collect lamps.yaml --to x")
    Path("lamps.picks.json").write_text(PICKS, encoding="utf-8")
    assert proposed(shell, "collect lamps.yaml --to x") == "collect lamps.yaml lamps.picks.json --to x"
    for number, second in enumerate(("05", "04")):  # as the page names its exports; the one that was written last
        path = Path(f"lamps.picks.2026-11-30-1504{second}.json")
        path.write_text(PICKS, encoding="utf-8")
        os.utime(path, (2e9 - number, 2e9 - number))
    newest = "lamps.picks.2026-11-30-150405.json"
    assert proposed(shell, "collect lamps.yaml --to x") == f"collect lamps.yaml {newest} --to x"


def test_a_file_of_picks_or_a_table_in_the_place_of_the_manifest(shell: Shell) -> None:
    Path("lamps.picks.json").write_text(PICKS, encoding="utf-8")
    assert "lamps.picks.json is in the place of the manifest" in refused(shell, "collect lamps.picks.json --to x")
    swapped = refused(shell, "collect lamps.picks.json lamps.yaml --to x")
    assert "this is a file of picks, not a manifest\n  = the manifest comes first on the command line" in swapped
    Path("products.csv").write_text("sku,name\n", encoding="utf-8")
    assert "this is a table, not a manifest" in refused(shell, "apply products.csv")
    Path("products.xlsx").write_bytes(b"PK\x03\x04\x14\0\0\0xl/workbook.xml\xff")
    assert "this is an Excel file, not a manifest\n  = name the manifest" in refused(shell, "apply products.xlsx")


def test_a_missing_option_is_shown_with_a_value(shell: Shell) -> None:
    assert "Write it like `--to chosen`." in refused(shell, "collect lamps.yaml lamps.picks.json")


def test_the_choices_of_an_argument_stand_in_the_sentence(shell: Shell) -> None:
    assert "Choose from: bash, zsh, fish." in refused(shell, "completion")

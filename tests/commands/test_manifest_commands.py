"""`validate`, `init` and `schema`."""

import json
import shlex
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.resources import load_schema_text
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import LAMPS, Shell


def test_a_good_manifest_is_ok(shell: Shell) -> None:
    ended = shell("validate")
    assert (ended.code, ended.err) == (ExitCode.DONE, "")
    assert ended.out == f"{shell.manifest}: ok, campaign lamps, 2 shots, 3 takes\n"


def test_every_error_of_every_manifest_is_reported_with_its_place(shell: Shell) -> None:
    shell.write(LAMPS.replace("takes: 2", "takes: 0").replace("prompt: A desk", "promt: A desk"))
    other = shell.manifest.with_name("other.yaml")
    other.write_text("version: 2\n", encoding="utf-8")
    ended = shell("validate", str(other))
    assert ended.code is ExitCode.USAGE
    assert f"{shell.manifest}:5:" in ended.err
    assert f"{shell.manifest}:6:" in ended.err
    assert f"{other}:1:" in ended.err
    assert f"\n{shell.manifest}: 2 errors\n" in ended.err
    assert ended.out == ""


def test_findings_as_json(shell: Shell) -> None:
    shell.write(LAMPS.replace("takes: 2", "takes: two"))
    document = shell("validate", "--json").document
    assert document["valid"] is False
    [manifest] = document["manifests"]
    assert manifest["diagnostics"] == [
        {
            "path": str(shell.manifest),
            "line": 5,
            "column": 39,
            "severity": "error",
            "code": None,
            "message": "`takes` must be a whole number from 1 to 100, not `two`",
            "more": 0,
            "hint": "write it in plain digits, such as 3",
            "origin": None,
            "source": "  - {id: hero, prompt: A lamp, takes: two}",
            "caret": 38,
        }
    ]


def test_a_manifest_that_is_not_there_is_wrong_usage(shell: Shell) -> None:
    for command in ("validate", "plan", "apply", "status", "report"):
        ended = shell.bare(command, str(shell.workspace / "none.yaml"))
        assert ended.code is ExitCode.USAGE
        assert "none.yaml" in ended.err


@pytest.mark.parametrize(
    ("name", "hint"),
    [("lamp.yaml", "did you mean `lamps.yaml`?"), ("Lamps.yaml", "capitals count"), ("vases.yaml", "init` writes")],
)
def test_a_manifest_of_nearly_that_name_is_named(shell: Shell, name: str, hint: str) -> None:
    (shell.manifest.parent / "vases.csv").write_text("sku\n1\n")
    assert hint in shell.bare("plan", str(shell.manifest.with_name(name))).err


@pytest.mark.parametrize("command", ["plan", "apply", "status", "report"])
def test_a_wrong_manifest_stops_every_command(shell: Shell, command: str) -> None:
    shell.write("version: 1\n")
    ended = shell(command)
    assert ended.code is ExitCode.USAGE
    assert f"{shell.manifest}:1:1: error:" in ended.err


def test_init_writes_a_manifest_that_is_valid(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert shell.bare("init", str(path)).code is ExitCode.DONE
    assert shell.bare("validate", str(path)).code is ExitCode.DONE


def test_init_never_overwrites(shell: Shell) -> None:
    ended = shell("init")
    assert ended.code is ExitCode.USAGE
    assert "was not changed" in ended.err
    assert shell.manifest.read_text() == LAMPS


def test_init_names_the_folder_that_is_missing(shell: Shell, tmp_path: Path) -> None:
    ended = shell.bare("init", str(tmp_path / "films" / "lamps.yaml"))
    assert ended.code is ExitCode.USAGE
    assert f"there is no folder {tmp_path / 'films'}. Create it first." in ended.err


def test_init_has_a_name_of_its_own(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shell.bare("init").code is ExitCode.DONE
    assert (tmp_path / "manifest.yaml").is_file()


@pytest.mark.parametrize("name", ["manifest", "report"])
def test_schema_prints_what_is_shipped_byte_for_byte(shell: Shell, name: str) -> None:
    ended = shell.bare("schema", name)
    assert ended.out == load_schema_text(name)
    assert json.loads(ended.out)["$schema"]


def test_schema_alone_is_that_of_manifests(shell: Shell) -> None:
    assert shell.bare("schema").out == load_schema_text("manifest")


@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_with_strict_a_warning_is_an_error_before_anything_is_sent(shell: Shell, command: str) -> None:
    shell.write(
        LAMPS.replace("hero, prompt: A lamp", '"h-${c}", prompt: "A ${c}", matrix: {c: [x], exclude: [{c: y}]}')
    )
    strict = shell(command, "--strict")
    assert strict.code is ExitCode.USAGE
    assert "error: this excludes nothing" in strict.err
    lenient = shell(command)
    assert "warning: this excludes nothing" in lenient.err
    assert "[useless-exclusion]" in lenient.err
    assert lenient.code is (ExitCode.ACCOUNT if command == "apply" else ExitCode.DONE)  # there is no key


def test_an_accepted_warning_is_not_shown(shell: Shell) -> None:
    shot = '"h-${c}", prompt: "A ${c}", accept: [useless-exclusion], matrix: {c: [x], exclude: [{c: y}]}'
    shell.write(LAMPS.replace("hero, prompt: A lamp", shot))
    assert shell("validate", "--strict").err == ""
    shell.write(LAMPS.replace("hero, prompt: A lamp", shot.replace("useless-exclusion", "useless-exclude")))
    assert "must be the code of a warning, not `useless-exclude`" in shell("validate").err


@pytest.mark.parametrize(
    ("file", "campaign"),
    [
        ("spring.yaml", "spring"),
        ("Spring Lamps_2.yaml", "spring-lamps-2"),
        ("Frühling.yml", "fruhling"),
        ("123.yaml", "123"),
        ("2026-11-30.yaml", "2026-11-30"),
        ("on.yaml", "on"),
        ("夏.yaml", "my-campaign"),
        (f"{'long-' * 20}.yaml", "long-" * 12 + "lon"),
        ("Winter/manifest.yaml", "winter"),
        ("Winter/manifests/manifest.yaml", "winter"),
        ("Winter/manifests/vases.yaml", "vases"),
    ],
)
def test_init_names_the_campaign_after_the_file(shell: Shell, tmp_path: Path, file: str, campaign: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    assert shell.bare("init", str(path)).code is ExitCode.DONE
    assert f": ok, campaign {campaign}, 1 shot, 2 takes" in shell.bare("validate", str(path)).out


@pytest.mark.deep
def test_what_init_names_next_can_be_typed(
    shell: Shell, api: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY")
    path = tmp_path / "my lamps.yaml"
    lines = [line for line in shell.bare("init", str(path)).err.splitlines() if line.startswith("  hailuo-batch ")]
    codes = {(words := shlex.split(line)[1:])[0]: shell.bare(*words).code for line in lines}
    assert codes == {"validate": 0, "doctor": 3, "apply": 3}  # both ask for a key

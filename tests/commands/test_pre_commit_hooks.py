"""What is offered to pre-commit: a hook that runs where a manifest or one of its tables changes, and nowhere else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hailuo_batch.errors import ExitCode
from tests.helpers.command_line import LAMPS, Shell
from tests.helpers.timeouts import TEST_TIMEOUT_S

HOOKS = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
TABLE = LAMPS + "  - {id: 'sku-${sku}', prompt: 'A ${name}', rows: data/products.csv}\n"
COMPOSE = "version: '3'\nservices: {web: {image: nginx}}\nvolumes: !custom {shots: 1}\n"
TWO_DOCUMENTS = "kind: A\n---\nkind: B\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository: a manifest that is right with its table, and YAML of other programs."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / ".cache"))
    git("init", "--quiet")
    git("config", "user.email", "me@example.com")
    git("config", "user.name", "me")
    write("manifest.yaml", TABLE)
    write("data/products.csv", "sku,name\na1,lamp\n")
    write("spring/manifests/other.yml", LAMPS)
    write("docker-compose.yml", COMPOSE)
    write("k8s/two.yaml", TWO_DOCUMENTS)
    write(".gitignore", ".cache\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "all is well")
    return tmp_path


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True, timeout=TEST_TIMEOUT_S)


def write(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def commit(*names: str) -> tuple[int, str]:
    """What pre-commit makes of a commit of these files alone."""
    git("add", *names)
    command = [sys.executable, "-m", "pre_commit", "run", "--color=never"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TEST_TIMEOUT_S)
    return ended.returncode, ended.stdout + ended.stderr


def use_hook() -> None:
    """The hook as it is offered, but of the program that is tested."""
    [hook] = HOOKS
    program, *arguments = hook["entry"].split()
    assert (program, hook["language"]) == ("hailuo-batch", "python")
    own = hook | {"language": "system", "entry": f"{sys.executable} -m hailuo_batch {' '.join(arguments)}"}
    write(".pre-commit-config.yaml", yaml.safe_dump({"repos": [{"repo": "local", "hooks": [own]}]}))
    git("add", ".pre-commit-config.yaml")
    git("commit", "--quiet", "--message", "a hook")


def test_a_table_that_changes_alone_has_its_manifest_checked(project: Path) -> None:
    use_hook()
    write("data/products.csv", "sku,name\na1,lamp\na1,vase\n")
    code, printed = commit("data/products.csv")
    assert code == 1
    assert "manifest.yaml:7:" in printed
    assert "`sku-a1`" in printed
    write("data/products.csv", "sku,name\na1,lamp\na2,vase\n")
    assert commit("data/products.csv")[0] == 0


@pytest.mark.parametrize("name", ["manifest.yaml", "spring/manifests/other.yml", "deep/in/it/new.yaml"])
def test_a_manifest_is_checked_wherever_it_lies(project: Path, name: str) -> None:
    use_hook()
    write(name, LAMPS.replace("takes: 2", "takes: 0"))
    code, printed = commit(name)
    assert code == 1
    assert f"{name}:5:39: error: `takes`" in printed


def test_what_is_no_manifest_and_no_table_of_one_passes(project: Path) -> None:
    use_hook()
    write("docker-compose.yml", COMPOSE.replace("nginx", "caddy"))
    write("k8s/two.yaml", TWO_DOCUMENTS + "---\n: : wrong [\n")
    write("other.csv", "not,a table\n")
    write("requirements.txt", "click\n")
    code, printed = commit("docker-compose.yml", "k8s/two.yaml", "other.csv", "requirements.txt")
    assert (code, "Passed" in printed) == (0, True)


def test_other_files_do_not_run_it() -> None:
    [hook] = HOOKS
    for path in ("lamps.yaml", "a/b/LAMPS.YML", "products.csv", "data/p.tsv", "prompts.txt", "p.jsonl"):
        assert re.search(hook["files"], path)
    for path in ("lamps.py", "csv", "lamps.yaml.md", "photo.png"):
        assert not re.search(hook["files"], path)


def test_the_entry_takes_manifests_as_well(shell: Shell) -> None:
    [hook] = HOOKS
    arguments = hook["entry"].split()[1:]
    shell.write(LAMPS)
    assert shell.bare(*arguments, str(shell.manifest)).code is ExitCode.DONE
    shell.write(LAMPS.replace("takes: 2", "takes: 0"))
    assert shell.bare(*arguments, str(shell.manifest)).code is ExitCode.USAGE


# --- validate --changed by itself ---


def changed(shell: Shell, *names: str) -> tuple[ExitCode, str]:
    ended = shell.bare("validate", "--changed", *names)
    return ended.code, ended.out + ended.err


@pytest.mark.parametrize("is_git", [True, False])
def test_manifests_that_read_a_table_are_found(
    shell: Shell, project: Path, monkeypatch: pytest.MonkeyPatch, is_git: bool
) -> None:
    if not is_git:
        monkeypatch.setenv("PATH", "")
    (project / "link.csv").symlink_to("data/products.csv")
    for name in ("data/products.csv", "./data/products.csv", str(project / "data/products.csv"), "link.csv"):
        code, printed = changed(shell, name)
        found = name != "link.csv"  # its name stands in no manifest
        assert (code, "manifest.yaml: ok" in printed) == (ExitCode.DONE, found), printed
        assert "other.yml" not in printed
    monkeypatch.chdir(project / "data")
    code, printed = changed(shell, "products.csv")
    assert "manifest.yaml: ok" in printed if is_git else "No manifest" in printed


def test_a_manifest_whose_table_was_removed_is_found(shell: Shell, project: Path) -> None:
    (project / "data/products.csv").rename(project / "data/p2.csv")
    code, printed = changed(shell, "data/products.csv", "data/p2.csv")
    assert code is ExitCode.USAGE
    assert "there is no such file" in printed


def test_a_manifest_and_its_table_are_one_check(shell: Shell, project: Path) -> None:
    _, printed = changed(shell, "data/products.csv", "manifest.yaml", "./manifest.yaml")
    assert printed.count(": ok") == 1


def test_a_manifest_that_only_wants_a_line_counts(shell: Shell, project: Path) -> None:
    for text in (
        LAMPS.replace("version: 1\n", ""),
        LAMPS.replace("campaign: lamps\n", ""),
        "\ufeff" + LAMPS,
        '"version": 1\n\'campaign\': lamps\n"shots" : []\n',
        "{version: 1, campaign: x,\nshots: []}\n",
        LAMPS + "  - {id: [broken\n",
    ):
        write("new.yaml", text)
        assert "No manifest" not in changed(shell, "new.yaml")[1], text


@pytest.mark.parametrize(
    "text", ["", "on: push\njobs:\n  version: 1\n  shots: 2\n", "shots: 1\n", "version: 1\ncampaign: x\n", COMPOSE]
)
def test_other_yaml_is_left_alone(shell: Shell, project: Path, text: str) -> None:
    write("new.yaml", text)
    code, printed = changed(shell, "new.yaml", "missing.yaml", "missing.csv")
    assert code is ExitCode.DONE
    assert "No manifest is among these files, and none reads one of them." in printed


def test_no_manifest_is_an_empty_document(shell: Shell, project: Path) -> None:
    ended = shell.bare("validate", "--changed", "docker-compose.yml", "--json")
    assert (ended.code, ended.document) == (ExitCode.DONE, {"version": 1, "valid": True, "manifests": []})


def test_warnings_count_as_elsewhere(shell: Shell, project: Path) -> None:
    write("data/products.csv", "sku,name\na1,lamp\na2,\n")
    code, printed = changed(shell, "data/products.csv")
    assert code is ExitCode.DONE
    assert "empty" in printed
    assert changed(shell, "data/products.csv", "--strict")[0] is ExitCode.USAGE

"""`--only tag:GLOB`: takes chosen by their tags, for plan, apply and status."""

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import KEY, CommandResult, Shell

TAGGED = """\
version: 1
campaign: lamps
limits: {expected_cost_usd: 0.28}
shots:
  - {id: hero, prompt: A lamp, takes: 2, tags: [spring, social cut]}
  - {id: desk, prompt: A desk, tags: [spring]}
  - {id: vase, prompt: A vase}
"""


@pytest.fixture(autouse=True)
def _tagged(shell: Shell) -> None:
    shell.write(TAGGED)


def plain(ended: CommandResult) -> str:
    return " ".join(ended.err.split())


def takes(ended: CommandResult) -> list[str]:
    return [take["id"] for take in ended.document["takes"]]


@pytest.mark.parametrize(
    ("only", "chosen"),
    [
        (("tag:spring",), ["hero", "hero.take2", "desk"]),
        (("tag:social*",), ["hero", "hero.take2"]),
        (("tag:social*", "vase"), ["hero", "hero.take2", "vase"]),
        (("tag:*",), ["hero", "hero.take2", "desk"]),
    ],
)
def test_takes_with_a_tag_are_paid_for_and_no_others(
    shell: Shell, api: SandboxServer, only: tuple[str, ...], chosen: list[str]
) -> None:
    words = [word for pattern in only for word in ("--only", pattern)]
    planned = shell("plan", "--json", *words).document["takes"]
    assert [take["id"] for take in planned if take["action"] == "create"] == chosen
    assert shell("apply", *words).code is ExitCode.DONE
    assert sorted(path.stem for path in shell.outputs.glob("*.mp4")) == sorted(chosen)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--only", "tag:sprig"),
            "--only 'tag:sprig' matches no take of this manifest. Nothing was sent. Did you mean",
        ),
        (("--only", "tag:sprig"), "Did you mean tag:spring?"),
        (("--only", "tag:social cuts"), "Did you mean 'tag:social cut'?"),
        (("--only", "tag:xyz"), "The tags are: spring, social cut."),
        (("--only", "spring"), "To choose by tag, write --only tag:spring."),
        (("--only", "tag:SPRING"), "Did you mean tag:spring?"),
        (("--only", "sprig"), "Take IDs look like 'hero'"),
        (("--only", "her"), "Did you mean 'her*'?"),
        (("--replace", "hreo"), "Did you mean hero?"),
        (("--replace", "tag:spring"), "To choose by tag, write --only tag:spring --replace '*'."),
    ],
)
def test_a_pattern_that_chooses_nothing_is_refused_with_the_nearest_that_would(
    shell: Shell, api: SandboxServer, options: tuple[str, str], words: str
) -> None:
    for command in ("plan", "apply"):
        ended = shell(command, *options)
        assert ended.code is ExitCode.USAGE
        assert words in plain(ended)
    assert api.world.stats.creates == 0


def test_where_no_take_has_a_tag_that_is_said(shell: Shell) -> None:
    shell.write("version: 1\ncampaign: lamps\nshots: [{id: hero, prompt: A lamp}]\n")
    assert "No take of it has a tag." in plain(shell("plan", "--only", "tag:spring"))


def test_status_shows_the_chosen_takes_and_their_money(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    ended = shell("status", "--all", "--only", "tag:social*")
    assert "hero.take2" in ended.out
    assert "desk" not in ended.out
    assert "2 of 2 takes done." in ended.out
    assert "Charged $0.56" in ended.out
    assert "Shown: 2 of 4 takes (--only)" in plain(ended)
    assert takes(shell("status", "--json", "--only", "vase", "--only", "hero")) == ["hero", "vase"]


def test_status_refuses_a_pattern_that_chooses_nothing(shell: Shell, api: SandboxServer) -> None:
    ended = shell("status", "--only", "tag:sprig")
    assert ended.code is ExitCode.USAGE
    assert "Did you mean tag:spring?" in plain(ended)


def test_status_before_the_first_apply_shows_the_chosen_takes(shell: Shell) -> None:
    assert "0 of 1 take done" in shell("status", "--only", "vase").out


def test_a_take_that_left_the_manifest_can_be_looked_at_and_not_be_applied(shell: Shell, api: SandboxServer) -> None:
    """An apply follows what is paid for anyway, and pays for nothing that nobody asks for."""
    assert shell("apply").code is ExitCode.DONE
    shell.write(TAGGED.replace("  - {id: hero, prompt: A lamp, takes: 2, tags: [spring, social cut]}\n", ""))
    assert shell("apply").code is ExitCode.DONE
    assert takes(shell("status", "--json", "--only", "tag:social*")) == ["hero", "hero.take2"]
    assert takes(shell("status", "--json", "--only", "hero")) == ["hero"]
    for command in ("plan", "apply"):
        for pattern in ("hero", "tag:social*"):
            assert shell(command, "--only", pattern).code is ExitCode.USAGE
    assert api.world.stats.creates == 4


def test_a_tag_that_changes_pays_for_nothing_and_chooses_from_then_on(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(TAGGED.replace("A vase}", "A vase, tags: [autumn]}"))
    planned = shell("plan", "--only", "tag:autumn", "--json").document["takes"]
    assert [take["action"] for take in planned] == ["hold", "hold", "hold", "keep"]
    assert takes(shell("status", "--json", "--only", "tag:autumn")) == ["vase"]


def test_a_replacement_of_takes_with_a_tag_is_one_wish_until_it_is_done(shell: Shell, api: SandboxServer) -> None:
    words = ("--only", "tag:spring", "--replace", "*")
    assert shell("apply").code is ExitCode.DONE
    api.world.balances[KEY] = 280_000
    assert shell("apply", *words, "--max-in-flight", "1").code is ExitCode.ACCOUNT
    api.world.balances[KEY] = None
    assert len(api.world.created) == 5
    assert shell("apply", *words).code is ExitCode.DONE
    assert len(api.world.created) == 7


def test_a_kept_plan_remembers_the_tag(shell: Shell, api: SandboxServer) -> None:
    path = shell.workspace / "plan.json"
    assert shell("plan", "--only", "tag:social*", "--out", str(path)).code is ExitCode.DONE
    for _ in range(2):
        assert shell("apply", "--plan", str(path)).code is ExitCode.DONE
    assert api.world.stats.creates == 2

"""Shots from Python's values are the shots of a manifest: the same takes, ledger and prices."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch import Campaign, ManifestError, UsageError
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import shell
from tests.helpers.command_line import KEY, Shell
from tests.interface.conftest import MakeCampaign

__all__ = ["shell"]

ROWS = (
    {"sku": "A1", "colour": "red", "price": 7.50, "pieces": 2.0, "note": float("nan")},
    {"sku": "B2", "colour": "blue", "price": Decimal("12.30"), "pieces": 1, "note": "wide"},
)


def prompts(campaign: Campaign) -> dict[str, str]:
    return {take.id: take.prompt for take in campaign.plan().takes}


def test_a_campaign_and_the_manifest_of_the_same_shots_have_one_ledger(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.write(
        "version: 1\ncampaign: lamps\nlimits: {max_spend_usd: 5}\n"
        "shots:\n  - {id: hero, prompt: 'A lamp: \"élan\"', takes: 2, tags: [x], input: {seed: 7}, model: other/one}\n"
        "  - {id: 'sku-${sku}', prompt: 'A ${colour} desk', rows: [{sku: A1, colour: red}]}\n"
    )
    hero = {"id": "hero", "prompt": 'A lamp: "élan"', "takes": 2, "tags": ("x",), "input": {"seed": 7}}
    made = Campaign.from_shots(
        "lamps",
        [
            hero | {"model": "other/one"},
            {"id": "sku-${sku}", "prompt": "A ${colour} desk", "rows": [{"sku": "A1", "colour": "red"}]},
        ],
        limits={"max_spend_usd": Decimal("5.00")},
        workspace=shell.workspace,
        api_key=KEY,
        base_url=api.base_url,
    )
    loaded = Campaign.load(shell.manifest, api_key=KEY, base_url=api.base_url)
    assert [take.input for take in made.plan().takes] == [take.input for take in loaded.plan().takes]
    assert made.apply(consent=True, only="sku-*").is_done
    assert {take.id: take.action for take in loaded.plan(only="sku-*").takes}["sku-a1"] == "keep"
    assert loaded.status().take("sku-a1").is_done


def test_the_command_line_works_on_what_python_has_applied(
    shell: Shell, api: SandboxServer, make_campaign: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBASE_BASE_URL", api.base_url)
    campaign = make_campaign(api, workspace=shell.workspace)
    plan = campaign.plan()
    assert campaign.apply(consent=plan).is_done
    kept = shell.workspace / "manifests" / "lamps.shots.yaml"
    document = shell.bare("plan", str(kept), "--json").document
    assert document["rests_on"]["manifest_sha256"] == plan.document["rests_on"]["manifest_sha256"]
    assert document["totals"]["keep"] == 3
    assert str(kept) in (shell.outputs / "report.json").read_text(encoding="utf-8")


def test_each_row_fills_in_the_prompt(tmp_path: Path) -> None:
    campaign = Campaign.from_shots(
        "shoes",
        ROWS,
        prompt="A ${colour} shoe at $$${price}, ${note}",
        id="shoe-${sku}",
        takes="${pieces}",
        tags=["${colour}"],
        workspace=tmp_path,
        accept=["empty-value"],
    )
    assert prompts(campaign) == {
        "shoe-a1": "A red shoe at $7.5,",
        "shoe-a1.take2": "A red shoe at $7.5,",
        "shoe-b2": "A blue shoe at $12.30, wide",
    }
    assert prompts(Campaign.from_shots("shoes", ROWS, prompt="${colour}", workspace=tmp_path)) == {
        "shoes-001": "red",
        "shoes-002": "blue",
    }


def test_a_table_of_shots_has_gaps_and_numbers_of_its_own(tmp_path: Path) -> None:
    class Whole:
        """As numpy's scalars are."""

        def tolist(self) -> int:
            return 2

    shots: list[dict[str, Any]] = [
        {"id": "a", "prompt": "A", "takes": float("nan"), "tags": None},
        {"id": "b", "prompt": "B", "takes": Whole(), "tags": ["x"]},
        {"id": "c", "prompt": "C", "takes": 1.0, "tags": None},
    ]
    campaign = Campaign.from_shots("table", shots, workspace=tmp_path)
    assert prompts(campaign) == {"a": "A", "b": "B", "b.take2": "B", "c": "C"}


@pytest.mark.parametrize(
    "text",
    ["- a", "yes", "# no", "a: b", "'", '"', "\\", "\t", "a\nb\r\nc", "\x85\u2028\ufeff", "😀é", "{}", "null", "0x10"],
)
def test_every_text_arrives_as_it_is(text: str, tmp_path: Path) -> None:
    campaign = Campaign.from_shots("texts", [{"id": "a", "prompt": f"A {text} b"}], workspace=tmp_path)
    validation = campaign.validate()
    if validation.is_valid:
        assert prompts(campaign) == {"a": f"A {text} b"}
    else:
        assert "control character" in str(validation.errors[0]) or "invisible" in str(validation.errors[0])


def test_what_is_no_value_of_a_manifest_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="'prompt' is a value of type object"):
        Campaign.from_shots("x", [{"id": "a", "prompt": object()}], workspace=tmp_path)
    with pytest.raises(ManifestError, match="'takes' is inf"):
        Campaign.from_shots("x", [{"id": "a", "prompt": "A", "takes": float("inf")}], workspace=tmp_path)
    with pytest.raises(ManifestError, match=r'shot 1 is a value of type str.*df\.to_dict\("records"\)'):
        Campaign.from_shots("x", ["a"], workspace=tmp_path)  # type: ignore[list-item]
    with pytest.raises(UsageError, match="id and matrix go with a prompt"):
        Campaign.from_shots("x", [{"id": "a", "prompt": "A"}], id="b", workspace=tmp_path)
    with pytest.raises(UsageError, match="either api_key or api_keys"):
        Campaign.load("x.yaml", api_key="a", api_keys=["b"])
    with pytest.raises(UsageError, match="api_keys is a list"):
        Campaign.load("x.yaml", api_keys="sk-1")


def test_a_wrong_name_is_a_finding(tmp_path: Path) -> None:
    campaign = Campaign.from_shots("../My Shoes", [{"id": "a", "prompt": "A"}], workspace=tmp_path)
    assert "must be 1 to 63 lower-case letters" in campaign.validate().errors[0].text


def test_a_file_of_somebody_else_is_not_replaced(
    api: SandboxServer, make_campaign: MakeCampaign, tmp_path: Path
) -> None:
    place = tmp_path / "work" / "manifests" / "lamps.shots.yaml"
    place.parent.mkdir(parents=True)
    place.write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"not made by Campaign\.from_shots, and is not replaced"):
        make_campaign(api).apply(consent=True)
    assert place.read_text(encoding="utf-8") == "version: 1\n"
    assert api.world.stats.creates == 0


def test_a_campaign_can_be_kept_anywhere(api: SandboxServer, make_campaign: MakeCampaign, tmp_path: Path) -> None:
    campaign = make_campaign(api, state_dir=tmp_path / "s", output_dir=tmp_path / "o")
    assert campaign.apply(consent=True, only="desk").is_done
    assert (tmp_path / "s" / "lamps.db").is_file()
    assert (tmp_path / "o" / "lamps" / "desk.mp4").is_file()
    again = Campaign.load(
        tmp_path / "work" / "manifests" / "lamps.shots.yaml", workspace=tmp_path, base_url=api.base_url
    )
    assert again.plan(only="desk").takes[-1].action == "create"

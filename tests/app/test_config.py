"""Command line beats environment beats manifest, and each is read strictly."""

import pytest

from hailuo_batch.app.config import (
    DEFAULT_BASE_URL,
    ApplyOptions,
    RateLimit,
    parse_rate_limit,
    read_endpoint,
    read_keys,
    read_settings,
)
from hailuo_batch.errors import AccountError, ExitCode, UsageError
from hailuo_batch.values import CampaignSpec, Limits
from tests.helpers.command_line import Shell

CAMPAIGN = CampaignSpec("c", (), "", limits=Limits(max_spend_micro_usd=1, max_in_flight=7, run_timeout_s=9.0))


@pytest.mark.parametrize(
    ("text", "limit"), [("20/10s", RateLimit(20, 10.0)), ("400/1s", RateLimit(400, 1.0)), ("1/0.5s", RateLimit(1, 0.5))]
)
def test_rate_limits(text: str, limit: RateLimit) -> None:
    assert parse_rate_limit(text) == limit


@pytest.mark.parametrize(
    "text", ["", "20", "20/10", "0/10s", "20/0s", "20/0.0s", "-1/1s", "1e3/1s", "20 / 10s", "٢/1s"]
)
def test_what_is_no_rate_limit(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 20/10s"):
        parse_rate_limit(text)


def test_the_manifest_counts_where_nothing_else_is_reported() -> None:
    settings = read_settings(ApplyOptions(), CAMPAIGN)
    assert (settings.rate_limit, settings.rate_window_s) == (20, 10.0)
    assert (settings.cap_micro_usd, settings.max_in_flight, settings.run_timeout_s) == (1, 7, 9.0)


def test_the_command_line_beats_the_environment_and_the_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_RATE_LIMIT", "40/10s")
    assert read_settings(ApplyOptions(), CAMPAIGN).rate_limit == 40
    settings = read_settings(ApplyOptions("60/10s", "2.5", 3, "2m"), CAMPAIGN)
    assert settings.rate_limit == 60
    assert (settings.cap_micro_usd, settings.max_in_flight, settings.run_timeout_s) == (2_500_000, 3, 120.0)


@pytest.mark.parametrize(
    "options",
    [
        ApplyOptions(rate_limit="fast"),
        ApplyOptions(max_spend="-1"),
        ApplyOptions(max_spend="$5"),
        ApplyOptions(run_timeout="soon"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(options: ApplyOptions) -> None:
    with pytest.raises(UsageError, match="Nothing was sent"):
        read_settings(options, CAMPAIGN)


def test_the_environment_is_read_as_strictly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_RATE_LIMIT", "fast")
    with pytest.raises(UsageError, match="RUNBASE_RATE_LIMIT"):
        read_settings(ApplyOptions(), CAMPAIGN)


def test_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_endpoint(sandbox=False) == DEFAULT_BASE_URL
    assert read_endpoint(sandbox=True) == "sandbox"
    monkeypatch.setenv("RUNBASE_BASE_URL", "http://example.com/api/v1")
    with pytest.raises(UsageError):
        read_endpoint(sandbox=False)


def test_a_key_is_read_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", "   ")
    with pytest.raises(AccountError, match="export RUNBASE_API_KEY"):
        read_keys()
    monkeypatch.setenv("RUNBASE_API_KEY", "sk-1\n")
    assert read_keys() == ("sk-1",)
    monkeypatch.setenv("RUNBASE_API_KEYS", " sk-2,sk-3\n sk-1, sk-2 ,")
    assert read_keys() == ("sk-1", "sk-2", "sk-3")
    monkeypatch.delenv("RUNBASE_API_KEY")
    assert read_keys() == ("sk-2", "sk-3", "sk-1")
    monkeypatch.setenv("RUNBASE_API_KEYS", "sk-2 'sk-3'")
    with pytest.raises(AccountError, match=r"^Key 2 in RUNBASE_API_KEYS has quotation marks") as refused:
        read_keys()
    assert "sk-3" not in str(refused.value)
    monkeypatch.setenv("RUNBASE_API_KEY", "sk-1,sk-2")
    with pytest.raises(AccountError, match="several keys"):
        read_keys()


@pytest.mark.parametrize(
    "options",
    [
        ("--rate-limit", "many"),
        ("--max-spend", "5,00"),
        ("--max-in-flight", "0"),
        ("--run-timeout", "1"),
        ("--in-doubt", "guess"),
        ("--only",),
        ("-q", "-v"),
        ("--unknown",),
    ],
)
def test_wrong_usage_of_apply_is_exit_2_and_makes_nothing(shell: Shell, options: tuple[str, ...]) -> None:
    assert shell("apply", *options).code is ExitCode.USAGE
    assert not shell.state.exists()


def test_each_key_has_a_window_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY", raising=False)
    assert len(read_settings(ApplyOptions(), CAMPAIGN).api_keys) == 1
    monkeypatch.setenv("RUNBASE_API_KEYS", "sk-1 sk-2 sk-3")
    assert len(read_settings(ApplyOptions(), CAMPAIGN).api_keys) == 3

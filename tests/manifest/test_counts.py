"""How many takes a campaign may ask for: counted before anything is built."""

from tests.manifest.conftest import Accept, Complain

HEAD = "version: 1\ncampaign: lamps\n"


def shots(count: int) -> str:
    return "".join(f"- {{id: s{n}, prompt: A}}\n" for n in range(count))


def test_a_hundred_thousand_takes_are_allowed(accept: Accept) -> None:
    assert sum(1 for _ in accept(HEAD + f"defaults: {{takes: 100}}\nshots:\n{shots(1000)}").takes) == 100_000


def test_one_more_is_refused_with_the_sum(complain: Complain) -> None:
    (complaint,) = complain(HEAD + f"defaults: {{takes: 100}}\nshots:\n{shots(1000)}- {{id: x, prompt: A, takes: 1}}\n")
    assert complaint == (
        "4:1: error: 1,001 shots make 100,001 takes; a campaign has at most 100,000; split the campaign"
    )


def test_too_many_shots_are_told_once_and_not_looked_at(complain: Complain) -> None:
    (complaint,) = complain(HEAD + f"shots: [{'x, ' * 100_001}]\n")
    assert complaint.startswith("3:8: error: `shots` must be a list of 1 to 100,000 shots, not of 100,001; ")

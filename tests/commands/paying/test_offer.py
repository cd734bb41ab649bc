"""What the question before paying says: how many runs, and the most that they can cost."""

from collections.abc import Sequence

import pytest

from hailuo_batch.app.consent import PaymentQuote, ask_consent, quote_for, refused_payment
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.estimate import estimate_cost
from hailuo_batch.core.planning.history import history_of
from hailuo_batch.core.planning.plan import PlanRequest, make_plan
from hailuo_batch.errors import ExitCode
from hailuo_batch.ui.console import Console
from hailuo_batch.values import Limits
from tests.core.planning_session import wants
from tests.helpers.snapshots import COST, record, run, snapshot, take

USD = 1_000_000


def quote(
    new: int,
    *,
    cap: int | None = None,
    expected: int | None = None,
    runs: Sequence[Run] = (),
    attempts: int = 1,
    limit: int | None = None,
) -> PaymentQuote:
    """What an apply offers of a campaign with so many new takes, beside those that these runs were made for."""
    made = [take(known.take_id) for known in runs]
    held = snapshot(*(record(of, known) for of, known in zip(made, runs, strict=True)))
    campaign = wants(*made, *(take(f"new-{n}", prompt=f"lamp {n}") for n in range(new)), max_attempts=attempts)
    plan = make_plan(campaign, held, PlanRequest(limit=limit))
    estimate = estimate_cost(plan, history_of(runs), Limits(expected_cost_micro_usd=expected))
    settings = Settings(cap_micro_usd=cap, max_attempts=attempts, max_creates=limit)
    return quote_for(plan, held, estimate, settings, None)


def done(shot: str = "made", cost: int | None = COST) -> Run:
    return run(of=take(shot), cost=cost)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that are put at a terminal, each of which is answered with yes."""
    questions: list[str] = []

    def ask(_: Console, question: str) -> bool:
        questions.append(question)
        return True

    monkeypatch.setattr(Console, "ask", ask)
    monkeypatch.setattr(Console, "is_interactive", property(lambda _: True))
    return questions


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        (quote(48, runs=[done()]), "48 runs, about $13.44 (no spending cap is set)"),
        (quote(1, expected=COST), "1 run, about $0.28 (no spending cap is set)"),
        (quote(2), "2 runs at a price that is not known yet (no spending cap is set)"),
        (quote(3, expected=COST, cap=5 * USD), "3 runs, about $0.84, at most $5.00 (what the cap leaves)"),
        (quote(48, expected=COST, cap=10 * USD), "up to 35 of 48 runs, at most $10.00"),
        (quote(48, runs=[done()], cap=10 * USD), "up to 34 of 48 runs, at most $9.72"),
        (quote(48, cap=10 * USD), "48 runs at a price that is not known yet, at most $10.00"),
        (quote(4, expected=COST, cap=200_000), "up to 1 of 4 runs, at most $0.20"),  # one goes to teach the price
        (quote(48, expected=COST, limit=3), "3 runs, about $0.84 (no spending cap is set)"),
        (quote(48, expected=COST, limit=3, cap=600_000), "up to 2 of 3 runs, at most $0.60"),
        (
            quote(2, runs=[run(RunState.IN_DOUBT)], expected=COST, cap=USD),
            "2 runs, about $0.56, at most $1.00 (what the cap leaves)",
        ),
    ],
)
def test_it_names_the_most_that_can_be_paid(given: PaymentQuote, printed: str) -> None:
    assert str(given) == printed


def test_the_question_names_it_with_what_was_warned_of_and_what_happens_to_failures(questions: list[str]) -> None:
    given = quote(2, expected=COST, cap=5 * USD, attempts=3)
    assert ask_consent(given, 2, Terminal(Console())) is Consent.GIVEN
    assert ask_consent(quote(1, expected=COST), 1, Terminal(Console())) is Consent.GIVEN
    first, second = questions
    assert first == (
        "There are 2 warnings. A run that fails is refunded and tried again, up to 3 attempts per take. Pay for 2 "
        "runs, about $0.56, at most $5.00 (what the cap leaves)?"
    )
    assert second == "There is 1 warning. Pay for 1 run, about $0.28 (no spending cap is set)?"


def test_runs_under_way_that_may_be_made_again_are_a_question_of_their_own(questions: list[str]) -> None:
    runs = [run(RunState.PENDING, take("a")), run(RunState.LOST, take("b"))]
    assert ask_consent(quote(0, runs=runs, attempts=2), 0, Terminal(Console())) is Consent.GIVEN
    [question] = questions
    assert question == (
        "2 runs are in progress. If one fails, it is refunded. Pay for another attempt then, up to 2 attempts per take?"
    )


@pytest.mark.parametrize(
    "given",
    [
        quote(0, runs=[done()], attempts=2),
        quote(0, runs=[run(RunState.PENDING)]),
        quote(2, runs=[done()], cap=COST),
    ],
    ids=["all is done", "no further attempt", "the cap is reached"],
)
def test_nothing_is_asked_where_nothing_can_be_paid(given: PaymentQuote, questions: list[str]) -> None:
    assert ask_consent(given, 0, Terminal(Console())) is Consent.MISSING
    assert questions == []


@pytest.mark.parametrize(("consent", "code"), [(Consent.MISSING, 2), (Consent.DECLINED, 1)])
def test_what_would_have_been_paid_is_reported(consent: Consent, code: int) -> None:
    printed = refused_payment(quote(3, expected=COST, cap=5 * USD), consent)
    assert printed is not None
    assert printed.exit_code == code
    assert "3 runs, about $0.84, at most $5.00 (what the cap leaves)" in printed.text
    assert ("--yes is missing" in printed.text) is (consent is Consent.MISSING)


def test_nothing_is_reported_where_nothing_is_left_undone() -> None:
    assert refused_payment(quote(0, runs=[done()]), Consent.MISSING) is None
    assert refused_payment(quote(3, expected=COST), Consent.GIVEN) is None


def test_a_cap_that_is_reached_is_reported_instead() -> None:
    printed = refused_payment(quote(2, runs=[done()], cap=COST), Consent.MISSING)
    assert printed is not None
    assert printed.exit_code is ExitCode.ACCOUNT
    assert "the spend limit is $0.28" in printed.text


@pytest.mark.parametrize(
    ("new", "limit", "attempts", "open_runs"), [(3, 3, 1, 0), (3, 4, 3, 1), (3, 10, 3, 2), (3, 0, 1, 0), (0, 1, 3, 1)]
)
def test_further_attempts_are_offered_as_far_as_the_limit_has_room_for_them(
    new: int, limit: int, attempts: int, open_runs: int
) -> None:
    running = [run(RunState.PENDING, take(name)) for name in ("a", "b")]
    offered = quote(new, runs=running, attempts=3, limit=limit)
    assert (offered.attempts, offered.open_runs) == (attempts, open_runs)
    assert offered.may_pay is (min(new, limit) + open_runs > 0)

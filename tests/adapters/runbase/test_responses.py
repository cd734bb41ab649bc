"""What an exchange means, case by case: the function that decides whether a create may be repeated."""

from typing import Any

import pytest

from hailuo_batch.adapters.runbase.responses import (
    NotSent,
    Response,
    RunLookup,
    Unanswered,
    create_outcome,
    lookup_outcome,
    read_outcome,
)
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Refusal, Responder


def error(code: str, message: str = "no") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def run(**changes: Any) -> dict[str, Any]:
    return {"id": "run_1", "model": "hailuo/pro", "status": "pending", "costUsd": 40000} | changes


@pytest.mark.parametrize(
    ("status", "code", "refusal"),
    [
        (400, "invalid_json", Refusal.PROTOCOL),
        (400, "missing_model", Refusal.PROTOCOL),
        (400, "missing_input", Refusal.PROTOCOL),
        (400, "model_not_found", Refusal.MODEL),
        (401, "missing_api_key", Refusal.ACCOUNT),
        (401, "invalid_api_key", Refusal.ACCOUNT),
        (402, "insufficient_balance", Refusal.BALANCE),
        (403, "api_key_spend_limit_exceeded", Refusal.KEY_SPEND),
        (403, "ip_not_allowed", Refusal.ACCOUNT),
        (429, "RATE_LIMITED", Refusal.RATE),
        (429, "USAGE_EXCEEDED", Refusal.ACCOUNT),
        (401, "never_seen", Refusal.ACCOUNT),
        (402, "never_seen", Refusal.BALANCE),
        (403, "never_seen", Refusal.ACCOUNT),
        (404, "never_seen", Refusal.ADDRESS),
        (404, "run_not_found", Refusal.ADDRESS),
        (429, "never_seen", Refusal.RATE),
    ],
)
def test_refused_create_is_sorted_by_its_code_then_by_its_status(status: int, code: str, refusal: Refusal) -> None:
    assert create_outcome(Response(status, error(code))) == ev.CreateRefused(refusal, code, "no")


NOT_THE_APIS: list[Any] = [
    None,
    {},
    {"error": None},
    {"error": "invalid_api_key"},
    {"error": ["invalid_api_key"]},
    {"error": {}},
    {"error": {"code": 401, "message": ""}},
    {"error": {"code": " \n", "message": "\x07"}},
    {"code": "invalid_api_key", "message": "no"},
    {"detail": "no"},
    {"detail": [{"loc": ["body"], "msg": "no"}]},
]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429])
@pytest.mark.parametrize("data", NOT_THE_APIS)
def test_refusal_without_the_apis_own_body_leaves_the_create_in_doubt(status: int, data: Any) -> None:
    assert isinstance(create_outcome(Response(status, data)), ev.CreateUnanswered)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429])
@pytest.mark.parametrize("data", NOT_THE_APIS)
def test_read_that_not_the_api_refuses_is_unanswered_by_a_stranger(status: int, data: Any) -> None:
    outcome = read_outcome(Response(status, data, retry_after="3600"), "run_1")
    assert isinstance(outcome, ev.ReadUnanswered)
    assert outcome.responder is Responder.OTHER


@pytest.mark.parametrize(("status", "refusal"), [(401, Refusal.ACCOUNT), (403, Refusal.ACCOUNT), (429, Refusal.RATE)])
@pytest.mark.parametrize(
    ("printed", "code", "message"),
    [({"code": "odd"}, "odd", None), ({"message": "no."}, "", "no"), ({"code": 7, "message": "no"}, "", "no")],
)
def test_a_code_or_a_message_makes_the_body_the_apis_own(
    status: int, refusal: Refusal, printed: Any, code: str, message: str | None
) -> None:
    outcome = create_outcome(Response(status, {"error": printed}))
    assert outcome == ev.CreateRefused(refusal, code, message or f"HTTP {status}")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"detail": "Prompt is too long."}, "HTTP 422: Prompt is too long"),
        (
            {"detail": [{"loc": ["body", "input"], "msg": "field required"}, {"msg": "x"}]},
            "HTTP 422: field required; x",
        ),
        ({"detail": {"message": "no model"}}, "HTTP 422: no model"),
        ({"message": "rejected"}, "HTTP 422: rejected"),
        ({"error": "Unprocessable"}, "HTTP 422: Unprocessable"),
        ({"errors": ["a", {"message": "b"}]}, "HTTP 422: a; b"),
        ({"title": "Bad input", "status": 422}, "HTTP 422: Bad input"),
        ({"detail": 7, "message": ""}, "HTTP 422 with JSON in an unknown form"),
        ({}, "HTTP 422 with JSON in an unknown form"),
        ({"detail": [[["deep"]]] * 9999}, "HTTP 422 with JSON in an unknown form"),
        (error("unprocessable", "too long"), "HTTP 422: too long"),
        (error("unprocessable", ""), "HTTP 422: unprocessable"),
    ],
)
def test_whatever_words_an_answer_has_are_shown(data: Any, words: str) -> None:
    assert create_outcome(Response(422, data)) == ev.CreateUnanswered(words)
    read = read_outcome(Response(422, data), "run_1")
    assert isinstance(read, ev.ReadUnanswered)
    assert read.reason == words


@pytest.mark.parametrize(
    ("answer", "by"),
    [
        (Response(500, error("internal")), Responder.NOBODY),
        (Response(503, None), Responder.GATEWAY),
        (Response(502, {"message": "bad gateway"}), Responder.GATEWAY),
        (Response(404, error("not_found")), Responder.API),
        (Response(400, error("invalid_input")), Responder.API),
        (Response(200, error("odd")), Responder.API),
        (Response(200, None), Responder.OTHER),
        (Response(200, {"status": "ok"}), Responder.OTHER),
        (Response(200, {"status": "failed"}), Responder.OTHER),
        (Response(302, None), Responder.OTHER),
        (Response(200, None, flaw="timed out"), Responder.NOBODY),
        (Response(200, {"id": "run_2", "status": "failed"}), Responder.NOBODY),
        (Response(200, {"id": None, "status": "failed"}), Responder.NOBODY),
    ],
)
def test_who_answered_a_read_is_reported_by_its_body(answer: Response, by: Responder) -> None:
    outcome = read_outcome(answer, "run_1")
    assert isinstance(outcome, ev.ReadUnanswered)
    assert outcome.responder is by


@pytest.mark.parametrize("code", ["invalid_input", "never_seen"])
def test_rejected_input_concerns_its_take_only(code: str) -> None:
    assert create_outcome(Response(400, error(code, "prompt is too long"))) == ev.InputRejected(
        code, "prompt is too long"
    )


@pytest.mark.parametrize("status", [100, 301, 302, 307, 405, 407, 408, 409, 413, 418, 425, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("data", [None, error("internal_error"), {"id": "req_1"}])
def test_everything_that_is_no_documented_refusal_leaves_the_create_in_doubt(status: int, data: Any) -> None:
    assert isinstance(create_outcome(Response(status, data)), ev.CreateUnanswered)


@pytest.mark.parametrize(
    "run_id", [None, 17, True, "", "run 1", "../run_1", "run_1\n", "rün_1", "x" * 129, ["run_1"], {"id": "run_1"}]
)
def test_success_without_a_readable_run_id_leaves_the_create_in_doubt(run_id: Any) -> None:
    assert isinstance(create_outcome(Response(200, run(id=run_id))), ev.CreateUnanswered)


def test_success_that_is_no_json_object_leaves_the_create_in_doubt() -> None:
    outcome = create_outcome(Response(201, None, content="an empty body"))
    assert outcome == ev.CreateUnanswered("HTTP 201 with an empty body: a proxy or firewall may have answered")


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_run_id_alone_makes_an_answer_a_run(status: int) -> None:
    outcome = create_outcome(Response(status, {"id": "abc-DEF_9"}))
    assert outcome == ev.RunCreated("abc-DEF_9", None, "the response has no cost")


@pytest.mark.parametrize("status", [307, 400, 402, 404, 409, 429, 500, 503])
def test_run_id_in_an_error_is_never_lost(status: int) -> None:
    assert create_outcome(Response(status, run())) == ev.RunCreated("run_1", 40000)


def test_run_id_in_a_body_that_broke_off_after_it_is_never_lost() -> None:
    assert create_outcome(Response(200, run(), flaw="timed out")) == ev.RunCreated("run_1", 40000)


@pytest.mark.parametrize("status", [200, 400, 402, 429, 500])
def test_answer_that_is_not_whole_leaves_the_create_in_doubt_whatever_its_status(status: int) -> None:
    outcome = create_outcome(Response(status, None, flaw="timed out"))
    assert outcome == ev.CreateUnanswered(f"HTTP {status}, but timed out")


@pytest.mark.parametrize("cost", [-1, 1.5, 40000.0, "40000", True, [], 10_000_000_001])
def test_unreadable_cost_is_unknown_and_states_why(cost: Any) -> None:
    outcome = create_outcome(Response(200, run(costUsd=cost)))
    assert isinstance(outcome, ev.RunCreated)
    assert outcome.cost_micro_usd is None
    assert outcome.cost_note


@pytest.mark.parametrize("cost", [0, 1, 10_000_000_000])
def test_readable_cost_needs_no_note(cost: int) -> None:
    assert create_outcome(Response(200, run(costUsd=cost))) == ev.RunCreated("run_1", cost, "")


def test_what_is_known_without_an_answer_is_passed_on() -> None:
    assert create_outcome(NotSent("refused")) == ev.CreateNotSent("refused")
    assert create_outcome(Unanswered("reset")) == ev.CreateUnanswered("reset")
    assert read_outcome(NotSent("refused"), "run_1") == ev.ReadNotSent("refused")
    assert read_outcome(Unanswered("reset"), "run_1") == ev.ReadUnanswered("reset")


@pytest.mark.parametrize(
    ("retry_after", "date", "expected"),
    [
        (None, None, None),
        ("7", None, 7.0),
        ("0", None, 0.0),
        ("3600", None, 3600.0),
        ("99999", None, 86_400.0),
        ("9" * 400, None, None),
        ("-5", None, None),
        ("1.5", None, None),
        ("soon", None, None),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", None, None),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "nonsense", None),
    ],
)
def test_retry_after_is_honoured_in_seconds_and_as_a_date(
    retry_after: str | None, date: str | None, expected: float | None
) -> None:
    answer = Response(429, error("RATE_LIMITED"), retry_after=retry_after, date=date)
    created, read = create_outcome(answer), read_outcome(answer, "run_1")
    assert isinstance(created, ev.CreateRefused)
    assert isinstance(read, ev.ReadRefused)
    assert created.retry_after_s == read.retry_after_s == expected


def test_texts_of_the_server_come_out_printable_and_short() -> None:
    outcome = create_outcome(Response(400, error("bad\x1b[2J\u202ecode", "no\n\x07\ud800 way " + "x" * 9999)))
    assert isinstance(outcome, ev.InputRejected)
    assert (outcome.code + outcome.message).isprintable()
    assert len(outcome.message) == 300


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (run(), ev.RunQueued()),
        (run(status="processing"), ev.RunStarted()),
        (run(status="paused\x1b"), ev.StatusUnknown("paused")),
        (run(status="paused", error="The queue\x07 is full."), ev.StatusUnknown("paused", "The queue is full")),
        (run(status="paused", error={"code": "full"}), ev.StatusUnknown("paused", "full")),
        (run(status="succeeded", error="blocked"), ev.RunSucceeded((), 40000, error="blocked")),
        (run(status=None), ev.ReadUnanswered("the response has no status")),
        (run(status=["succeeded"]), ev.ReadUnanswered("the response has no status")),
        (run(id="run_2", status="succeeded"), ev.ReadUnanswered("the response is about another run")),
    ],
)
def test_status_of_a_run_is_read(data: Any, outcome: ev.ReadOutcome) -> None:
    assert read_outcome(Response(200, data), "run_1") == outcome


@pytest.mark.parametrize(
    ("output", "urls"),
    [
        (
            {"urls": ["https://a/1.mp4", 7, "", "https://a/\ud800", "https://a/2.mp4"]},
            ("https://a/1.mp4", "https://a/2.mp4"),
        ),
        ({"urls": "https://a/1.mp4"}, ()),
        ({"urls": None}, ()),
        (["https://a/1.mp4"], ()),
        (None, ()),
    ],
)
def test_success_gives_what_can_be_a_link(output: Any, urls: tuple[str, ...]) -> None:
    assert read_outcome(Response(200, run(status="succeeded", output=output)), "run_1") == ev.RunSucceeded(urls, 40000)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-02T03:04:05.678Z", 1767323045.678),
        ("2026-01-02T04:04:05.678+01:00", 1767323045.678),
        ("2026-01-02T03:04:05.678", 1767323045.678),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("yesterday", None),
        (1767323045, None),
        (None, None),
    ],
)
def test_times_are_read_as_utc_or_not_at_all(text: Any, at: float | None) -> None:
    outcome = read_outcome(Response(200, run(status="succeeded", createdAt=text, completedAt=text)), "run_1")
    assert isinstance(outcome, ev.RunSucceeded)
    assert outcome.created_at == outcome.completed_at
    assert outcome.completed_at == (None if at is None else pytest.approx(at))


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("blocked by\nmoderation", "blocked by moderation"),
        ({"message": "blocked", "code": "moderation"}, "blocked (moderation)"),
        ({"message": "Blocked.", "code": "moderation"}, "Blocked (moderation)"),
        ("Blocked.", "Blocked"),
        ({"message": "blocked"}, "blocked"),
        ({"code": "moderation"}, "moderation"),
        ({"message": "the input is sensitive", "code": 1026}, "the input is sensitive (1026)"),
        ({"code": 1026}, "1026"),
        ({"message": "blocked", "code": True}, "blocked"),
        ({"why": 7}, '{"why": 7}'),
        (["blocked"], '["blocked"]'),
        (None, "the API gave no reason"),
        ("", "the API gave no reason"),
    ],
)
def test_failure_is_reported_in_words_whatever_its_shape(reason: Any, text: str) -> None:
    data = run(status="failed", error=reason, costUsd="?", completedAt="2026-01-02T03:04:05.000Z")
    assert read_outcome(Response(200, data), "run_1") == ev.RunFailed(text, None, None, 1767323045.0)


def test_only_the_apis_own_404_states_that_a_run_is_missing() -> None:
    assert read_outcome(Response(404, error("run_not_found")), "run_1") == ev.RunMissing()
    for data in (None, error("not_found"), {"error": "run_not_found"}):
        assert isinstance(read_outcome(Response(404, data), "run_1"), ev.ReadUnanswered)


@pytest.mark.parametrize(
    ("status", "code", "refusal"),
    [
        (401, "invalid_api_key", Refusal.ACCOUNT),
        (402, "insufficient_balance", Refusal.BALANCE),
        (403, "ip_not_allowed", Refusal.ACCOUNT),
        (403, "api_key_spend_limit_exceeded", Refusal.KEY_SPEND),
        (429, "RATE_LIMITED", Refusal.RATE),
        (429, "USAGE_EXCEEDED", Refusal.ACCOUNT),
    ],
)
def test_refused_read_states_what_the_refusal_touches(status: int, code: str, refusal: Refusal) -> None:
    assert read_outcome(Response(status, error(code)), "run_1") == ev.ReadRefused(refusal, code, "no")


@pytest.mark.parametrize(
    "answer", [Response(500, error("x")), Response(400, error("invalid_json")), Response(302, None)]
)
def test_read_that_states_nothing_of_the_run_may_be_asked_again(answer: Response) -> None:
    assert isinstance(read_outcome(answer, "run_1"), ev.ReadUnanswered)


def test_read_that_broke_off_states_nothing_even_if_it_can_be_parsed() -> None:
    outcome = read_outcome(Response(200, run(status="succeeded"), flaw="timed out"), "run_1")
    assert outcome == ev.ReadUnanswered("HTTP 200, but timed out")


@pytest.mark.parametrize(
    ("exchange", "look"),
    [
        (Response(200, run()), RunLookup(ev.RunQueued(), "hailuo/pro", 40000)),
        (Response(200, run(model=7, costUsd=-1)), RunLookup(ev.RunQueued())),
        (Response(200, run(model="a\x1bb")), RunLookup(ev.RunQueued(), "a b", 40000)),
        (Response(200, run(id="run_2")), RunLookup(ev.ReadUnanswered("the response is about another run"))),
        (Response(404, run() | error("run_not_found")), RunLookup(ev.RunMissing())),
        (NotSent("refused"), RunLookup(ev.ReadNotSent("refused"))),
    ],
)
def test_look_at_a_run_shows_model_and_cost_only_where_the_answer_is_about_it(exchange: Any, look: RunLookup) -> None:
    assert lookup_outcome(exchange, "run_1") == look

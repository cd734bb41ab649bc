"""The world itself: answers creates and reads, creates runs, charges and refunds money.

Every call is given `now`, in seconds since the epoch in the world's own time. It owns balances, spend per key, due
refunds, and the queue of runs, and knows no clock, socket or file.

Invariant: balances + charged - refunded only changes when somebody sets `balances`; a refused request creates and
charges nothing.
"""

import hmac
import math
import struct
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from statistics import NormalDist
from typing import Any

from hailuo_batch.sandbox.world.accounts import Accounts, mark_of
from hailuo_batch.sandbox.world.answers import ApiResponse, ForcedError, RequestRefused, ServedClip, Stats
from hailuo_batch.sandbox.world.rate import RequestLimit
from hailuo_batch.sandbox.world.requests import CreateRequest, parse_create
from hailuo_batch.sandbox.world.run_ids import MAX_DURATION_MS, PENDING_PARTS, PREFIX, RunFacts, RunIds
from hailuo_batch.sandbox.world.settings import WorldSettings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NORMAL = NormalDist()
# the form of `error` is not documented, so clients get both
_ERRORS: tuple[Any, ...] = (
    {"message": "the model stopped before the end", "code": "generation_failed"},
    "the model could not finish this generation",
)
_SENSITIVE = {"message": "the input is sensitive", "code": 1026}  # Hailuo's own code


class World:
    """Runbase as one process sees it.

    Its state may be changed: `prices`, `balances` by account (see `account_of`), `spend_limits` by key, `forced_error`,
    and `forced_errors` by key, which come before it. `created` maps each run ID to the input of its create; `stats`
    counts. Refunds are booked when a call passes their time; `pay_refunds` books them without a call.
    """

    def __init__(self, settings: WorldSettings, files_base_url: str) -> None:
        self.settings = settings
        self.files_base_url = files_base_url.rstrip("/")
        self.prices = dict(settings.prices)
        self.balances: dict[str, int | None] = defaultdict(lambda: settings.balance_micro_usd)
        self.spend_limits: dict[str, int | None] = defaultdict(lambda: settings.spend_limit_micro_usd)
        self.forced_error: ForcedError | None = None
        self.forced_errors: dict[str, ForcedError] = {}
        self.created: dict[str, Mapping[str, Any]] = {}
        self.stats = Stats()
        self._models = tuple(self.prices)
        self._ids = RunIds(settings.seed)
        self._accounts = Accounts(settings.accounts)
        self._draw_key = b"runbase sandbox draws, seed %d" % settings.seed
        self._limits: dict[str, RequestLimit] = {}
        self._spent: dict[str, int] = {}
        self._refunds: list[tuple[int, int, str, str]] = []
        self._busy_until: list[int] = []

    def create(self, now: float, key: str | None, body: bytes) -> ApiResponse:
        """Answer `POST /runs`: create and charge a run, or refuse."""
        self.stats.creates += 1
        try:
            known_key = self._admit(now, key)
            request = parse_create(body, self._models)
            run_id, facts = self._make(now, known_key, request)
        except RequestRefused as refused:
            return refused.response
        return ApiResponse(200, self._run_object(run_id, facts, "pending"))

    def read(self, now: float, key: str | None, run_id: str) -> ApiResponse:
        """Answer `GET /runs/{id}` for every run that this account created under this seed."""
        self.stats.reads += 1
        try:
            facts = self._find(self._admit(now, key), run_id)
        except RequestRefused as refused:
            return refused.response
        return ApiResponse(200, self._run_at(_ms(now), run_id, facts))

    def clip_of(self, name: str, now: float) -> ServedClip | None:
        """Return the content of the output file `<name>.mp4`; None unless its run has succeeded by now."""
        run_id = PREFIX + name
        facts = self.facts(run_id)
        if facts is None or facts.failed or _ms(now) < facts.completed_ms:
            return None
        text = run_id.encode("ascii")
        tail = struct.pack(">I4s", 8 + len(text), b"free") + text
        return ServedClip(facts.number, tail, facts.completed_ms / 1000)

    def facts(self, run_id: str) -> RunFacts | None:
        """Return everything about a run, including its future; None for an ID that this seed never produced."""
        facts = self._ids.open(run_id)
        return facts if facts is not None and facts.model < len(self._models) else None

    def account_of(self, key: str) -> str:
        """Return the account of a key: its name, or the key itself where it was given none."""
        return self._accounts.of(key)

    def take_slot(self, now: float, key: str) -> bool:
        """Take a slot of the key's rate limit, as a request does. Return False where none is free."""
        limit = self._limits.get(key)
        if limit is None:
            limit = self._limits[key] = RequestLimit(self.settings)
        return limit.admit(now)

    def pay_refunds(self, now: float) -> None:
        """Refund every run of this world that has failed by now."""
        while self._refunds and self._refunds[0][0] <= _ms(now):
            _, cost, account, key = heappop(self._refunds)
            self._charge(account, key, -cost)
            self.stats.refunded_micro_usd += cost

    def _admit(self, now: float, key: str | None) -> str:
        """Return the key of a request that may be carried out. Raises RequestRefused."""
        self.pay_refunds(now)
        if key is None:
            raise RequestRefused(401, "missing_api_key", "send `Authorization: Bearer <key>`")
        if not self._is_known(key):
            raise RequestRefused(401, "invalid_api_key", "this API key is not known")
        trouble = self.forced_errors.get(key, self.forced_error)
        if trouble is not None:
            raise RequestRefused(*trouble.value)
        if not self.take_slot(now, key):
            self.stats.rate_limited += 1
            wait_s = self.settings.retry_after_s
            headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
            raise RequestRefused(429, "RATE_LIMITED", "too many requests in the window", headers)
        return key

    def _is_known(self, key: str) -> bool:
        known = self.settings.api_keys
        return self._accounts.is_named(key) or (key.startswith("sk-") if known is None else key in known)

    def _find(self, key: str, run_id: str) -> RunFacts:
        facts = self.facts(run_id)
        if facts is None or not self._accounts.knows(self.account_of(key), facts.account):
            raise RequestRefused(404, "run_not_found", "no such run for this account or key")
        return facts

    def _make(self, now: float, key: str, request: CreateRequest) -> tuple[str, RunFacts]:
        account, cost = self.account_of(key), self.prices[request.model]
        balance, limit = self.balances[account], self.spend_limits[key]
        if balance is not None and balance < cost:
            raise RequestRefused(402, "insufficient_balance", "the balance is too low for this run")
        if limit is not None and self._spent.get(key, 0) + cost > limit:
            raise RequestRefused(
                403, "api_key_spend_limit_exceeded", "the lifetime spend limit of this API key is reached"
            )
        facts = self._draw(_ms(now), account, request.model, cost)
        run_id = self._ids.seal(facts)
        self.created[run_id] = request.input
        self._charge(account, key, cost)
        self.stats.charged_micro_usd += cost
        if facts.failed:
            heappush(self._refunds, (facts.completed_ms, cost, account, key))
        return run_id, facts

    def _draw(self, now_ms: int, account: str, model: str, cost: int) -> RunFacts:
        """Draw a run, whose fate depends only on the seed, its number and the queue before it."""
        number = len(self.created)
        digest = hmac.digest(self._draw_key, number.to_bytes(8, "big"), "sha256")
        normal, failure, pending, content = (_unit(digest[at : at + 8]) for at in (0, 8, 16, 24))
        settings = self.settings
        seconds = settings.median_s * math.exp(settings.sigma * _NORMAL.inv_cdf(normal))
        work_ms = min(round(1000 * max(settings.min_s, seconds)), MAX_DURATION_MS)
        wait_ms = self._queued_ms(now_ms, work_ms)
        duration_ms = min(wait_ms + work_ms, MAX_DURATION_MS)
        pending_ms = wait_ms + work_ms * (0.02 + 0.13 * pending)
        is_sensitive = content < settings.sensitive_rate
        return RunFacts(
            number=number,
            created_ms=now_ms,
            duration_ms=duration_ms,
            pending_parts=min(PENDING_PARTS, round(PENDING_PARTS * pending_ms / max(1, duration_ms))),
            cost_micro_usd=cost,
            failed=is_sensitive or failure < settings.fail_rate,
            account=mark_of(account),
            model=self._models.index(model),
            sensitive=is_sensitive,
        )

    def _queued_ms(self, now_ms: int, work_ms: int) -> int:
        """Queue a new run and return how long it waits."""
        if self.settings.max_processing is None:
            return 0
        starts_ms = now_ms
        if len(self._busy_until) >= self.settings.max_processing:
            starts_ms = max(now_ms, heappop(self._busy_until))
        heappush(self._busy_until, starts_ms + work_ms)
        return starts_ms - now_ms

    def _charge(self, account: str, key: str, cost: int) -> None:
        balance = self.balances[account]
        if balance is not None:
            self.balances[account] = balance - cost
        self._spent[key] = self._spent.get(key, 0) + cost

    def _run_at(self, now_ms: int, run_id: str, facts: RunFacts) -> Mapping[str, Any]:
        if now_ms < facts.completed_ms:
            return self._run_object(run_id, facts, "pending" if now_ms < facts.started_ms else "processing")
        run = self._run_object(run_id, facts, "failed" if facts.failed else "succeeded")
        run["createdAt"], run["completedAt"] = _iso(facts.created_ms), _iso(facts.completed_ms)
        if facts.failed:
            run["error"] = _SENSITIVE if facts.sensitive else _ERRORS[facts.number % len(_ERRORS)]
        else:
            run["output"] = {"urls": [f"{self.files_base_url}/{run_id.removeprefix(PREFIX)}.mp4"]}
        return run

    def _run_object(self, run_id: str, facts: RunFacts, status: str) -> dict[str, Any]:
        model = self._models[facts.model]
        return {"id": run_id, "model": model, "status": status, "costUsd": facts.cost_micro_usd}


def _ms(now: float) -> int:
    return round(now * 1000)


def _iso(at_ms: int) -> str:
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _unit(eight_bytes: bytes) -> float:
    """Return a number between 0 and 1, exclusive."""
    return ((int.from_bytes(eight_bytes, "big") >> 12) + 0.5) / 2**52

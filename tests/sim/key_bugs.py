"""Bugs with several API keys: of which a run is read, what befalls one of them, and what is told of them."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.runbase.key_shape import VARIABLE
from hailuo_batch.app import api_target, run_campaign
from hailuo_batch.core.engine import engine, key_check, key_stops, lane, lanes, notices
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action, ReadRun
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.events import Event, Outcome, Refusal
from hailuo_batch.core.model.ledger_changes import AddAttempt, SupersedeRun
from hailuo_batch.core.model.runs import Run, Supersession
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.core.model.states import RUNNING, TRANSITIONS

Patch = pytest.MonkeyPatch
Interpret = Callable[[engine.Engine, Action, Outcome, float], tuple[Event, ...]]


def _patch_interpret(patch: Patch, interpret: Callable[[Interpret], Interpret]) -> None:
    patch.setattr(engine.Engine, "interpret", interpret(engine.Engine.interpret))


def _is_foreign(self: engine.Engine, action: Action) -> bool:
    run = self._runs.get(action.run.key)
    return run is not None and isinstance(action, ReadRun) and action.api_key != run.api_key


def count_a_404_to_another_key_toward_lost(patch: Patch) -> None:
    """Where nobody asks more than once, one is enough."""

    def interpret(real: Interpret) -> Interpret:
        def events(self: engine.Engine, action: Action, outcome: Outcome, now: float) -> tuple[Event, ...]:
            if isinstance(outcome, ev.RunMissing) and _is_foreign(self, action):
                run = self._runs[action.run.key]
                return (ev.RunLost(),) if (run.state, ev.RunLost) in TRANSITIONS else ()
            return real(self, action, outcome, now)

        return events

    _patch_interpret(patch, interpret)


def record_no_takeover(patch: Patch) -> None:
    def interpret(real: Interpret) -> Interpret:
        def events(self: engine.Engine, action: Action, outcome: Outcome, now: float) -> tuple[Event, ...]:
            made = real(self, action, outcome, now)
            return tuple(event for event in made if not isinstance(event, ev.RunTakenOver))

        return events

    _patch_interpret(patch, interpret)


def lose_the_runs_of_a_refused_key(patch: Patch) -> None:
    def interpret(real: Interpret) -> Interpret:
        def events(self: engine.Engine, action: Action, outcome: Outcome, now: float) -> tuple[Event, ...]:
            if isinstance(outcome, ev.ReadRefused) and outcome.refusal is Refusal.ACCOUNT:
                run = self._runs.get(action.run.key)
                return (ev.RunLost(),) if run is not None and run.state in RUNNING else ()
            return real(self, action, outcome, now)

        return events

    _patch_interpret(patch, interpret)


def forget_the_runs_of_a_refused_key(patch: Patch) -> None:
    def leave(self: lanes.Lanes, lane: lane.Lane) -> None:
        if not lane.may_send and not self._is_stopped:
            self.key_check.drop_key(lane.number)
            list(lane.polling.take_all())

    patch.setattr(lanes.Lanes, "leave_if_stopped", leave)


def pay_once_more_for_what_no_key_can_read(patch: Patch) -> None:
    real = engine.Engine._schedule

    def schedule(self: engine.Engine, run: Run, now: float) -> None:
        is_live = run.state in RUNNING and not run.is_superseded and run.take_id in self._scope
        if is_live and self._requests._lanes.lane_of(run) is None and self.settings.consent is Consent.GIVEN:
            self._ledger_changes += [SupersedeRun(run.key, Supersession.RETRY), AddAttempt(run.take_id)]
        real(self, run, now)

    patch.setattr(engine.Engine, "_schedule", schedule)


def read_a_run_with_whatever_key_has_room(patch: Patch) -> None:
    def lane_of(self: lanes.Lanes, run: Run) -> lane.Lane:
        return min(self._lanes.values(), key=lambda lane: len(lane.polling))

    patch.setattr(lanes.Lanes, "lane_of", lane_of)


def take_the_first_key_for_one_that_is_missing(patch: Patch) -> None:
    real = lanes.Lanes.lane_of

    def lane_of(self: lanes.Lanes, run: Run) -> lane.Lane | None:
        first = next(iter(self._lanes.values()))
        return first if run.api_key not in self._lanes else real(self, run)

    patch.setattr(lanes.Lanes, "lane_of", lane_of)


def stop_all_keys_for_one(patch: Patch) -> None:
    def stop(self: key_stops.KeyStops, _: ApiKey, reason: StopReason) -> None:
        self.output.stop(reason)

    patch.setattr(key_stops.KeyStops, "stop", stop)


def create_with_a_key_that_is_out_of_money(patch: Patch) -> None:
    patch.setattr(lane.Lane, "may_create", property(lambda self: self.may_send))


def go_on_with_a_refused_key(patch: Patch) -> None:
    real = key_stops.KeyStops.stop

    def stop(self: key_stops.KeyStops, key: ApiKey, reason: StopReason) -> None:
        if self.is_single:
            real(self, key, reason)

    patch.setattr(key_stops.KeyStops, "stop", stop)


def ask_a_key_again_what_it_does_not_know(patch: Patch) -> None:
    real = key_check.KeyCheck.on_unknown

    def on_unknown(self: key_check.KeyCheck, run: Run, number: int) -> bool:
        untried = tuple(self._untried[run.key])
        real(self, run, number)
        self._untried[run.key][:] = untried
        return False

    patch.setattr(key_check.KeyCheck, "on_unknown", on_unknown)


def number_keys_by_their_place(patch: Patch) -> None:
    real = api_target.number_keys

    def number_keys(ledger: Ledger, keys: Sequence[str]) -> Mapping[str, ApiKey]:
        real(ledger, keys)
        return {key: ApiKey(number, "") for number, key in enumerate(keys, 1)}

    patch.setattr(run_campaign, "number_keys", number_keys)


def keep_the_keys_in_the_ledger(patch: Patch) -> None:
    real = api_target.number_keys

    def number_keys(ledger: Ledger, keys: Sequence[str]) -> Mapping[str, ApiKey]:
        ledger.record_fact("keys", " ".join(keys))
        return real(ledger, keys)

    patch.setattr(run_campaign, "number_keys", number_keys)


def tell_a_key(patch: Patch) -> None:
    def key_stopped(*_: object, **__: Any) -> Notice:
        return Notice(f"{os.environ[VARIABLE]} is refused, or another one")

    patch.setattr(notices, "key_stopped", key_stopped)


KEY_BUGS: Sequence[Callable[[Patch], None]] = (
    count_a_404_to_another_key_toward_lost,
    record_no_takeover,
    lose_the_runs_of_a_refused_key,
    forget_the_runs_of_a_refused_key,
    pay_once_more_for_what_no_key_can_read,
    read_a_run_with_whatever_key_has_room,
    take_the_first_key_for_one_that_is_missing,
    stop_all_keys_for_one,
    create_with_a_key_that_is_out_of_money,
    go_on_with_a_refused_key,
    ask_a_key_again_what_it_does_not_know,
    number_keys_by_their_place,
    keep_the_keys_in_the_ledger,
    tell_a_key,
)

"""An engine driven by hand: the test starts what the engine decides, and answers for the world, moment by moment."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import count

from hailuo_batch.core.engine.engine import Engine, Settings
from hailuo_batch.core.engine.key_check import NONEXISTENT_RUN
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.ledger_changes import AddAttempt, SupersedeRun
from hailuo_batch.core.model.runs import OutputKey, Run, fold
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import ExitCode
from hailuo_batch.values import Take
from tests.helpers.snapshots import COST, STARTED_AT, record, run, snapshot, take

URL = "https://runbase.net/files/generated/0.mp4"
SUCCESS = ev.RunSucceeded((URL,))


NEW_KEY = Settings(api_keys=(ApiKey(2, "3f9a"),))
"""Another key than the one that made the runs."""


def unsent(number: int, model: str = "hailuo/pro") -> list[Run]:
    """Takes that wait to be created, each with its unsent attempt."""
    return [run(RunState.UNSENT, take(f"shot-{n}", prompt=f"lamp {n}", model=model)) for n in range(number)]


class ManualEngine:
    """Drives an engine, for a user who agrees to pay. `now`, also the time of day, moves only when the test says so.

    `scope` are the takes to be made; without it, all those that are followed. `proven` is whether the API has answered
    already, so that the first create need not wait for that.
    """

    def __init__(
        self,
        runs: Iterable[Run],
        settings: Settings = Settings(),
        *,
        scope: set[str] | None = None,
        collected: set[str] | None = None,
        again: Iterable[OutputKey] = (),
        retried: frozenset[str] | None = None,
        consent: Consent = Consent.GIVEN,
        proven: bool = True,
    ) -> None:
        self.runs = {known.key: known for known in runs}
        self.now = STARTED_AT
        self.takes: dict[str, Take] = {}
        records = []
        for take_id in dict.fromkeys(known.take_id for known in self.runs.values()):
            attempts = [known for known in self.runs.values() if known.take_id == take_id]
            asked = attempts[-1]
            self.takes[take_id] = Take(take_id, take_id, 1, asked.model, asked.input_json, asked.fingerprint)
            records.append(record(self.takes[take_id], *attempts))
        followed = frozenset(self.takes) if collected is None else frozenset(collected)
        held = snapshot(*records)
        self.engine = Engine(
            replace(settings, consent=consent),
            held,
            followed if scope is None else frozenset(scope),
            followed,
            now=self.now,
            wall=self.now,
            redownload=frozenset(again),
            retryable=retried,
        )
        self.engine._requests._lanes.contact.is_proven = proven
        self.under_way: list[Action] = []
        self.notices: list[str] = []
        self._create_ids = count(1)

    def decide(self, after_s: float = 0.0) -> list[Action]:
        """Let time pass, then start all that the engine wants, recorded as the driver does it."""
        self.now += after_s
        self._apply_ledger_changes()
        started = [self._started(action) for action in self.engine.decide(self.now)]
        self.under_way += started
        self.notices += map(str, self.engine.notices)
        self.engine.notices.clear()
        return started

    def creates(self, after_s: float = 0.0) -> list[act.CreateRun]:
        return [action for action in self.decide(after_s) if isinstance(action, act.CreateRun)]

    def reads(self, after_s: float = 0.0) -> list[act.ReadRun]:
        return [action for action in self.decide(after_s) if isinstance(action, act.ReadRun)]

    def fetches(self, after_s: float = 0.0) -> list[act.FetchFile]:
        return [action for action in self.decide(after_s) if isinstance(action, act.FetchFile)]

    def answer(self, action: Action, outcome: Outcome, after_s: float = 0.1) -> Run:
        """What came of an action, recorded and heard."""
        self.now += after_s
        self.under_way.remove(action)
        if action.run is NONEXISTENT_RUN:
            self._on_result(action, outcome, ())
            return NONEXISTENT_RUN
        changed = self.runs[action.run.key]
        events = self.engine.interpret(action, outcome, self.now)
        for event in events:
            changed = fold(changed, event, self.now)
        self.runs[changed.key] = changed
        self._on_result(action, outcome, (changed,) if events else ())
        return changed

    def _on_result(self, action: Action, outcome: Outcome, changed: tuple[Run, ...]) -> None:
        self.engine.on_result(action, outcome, changed, self.now)
        self.notices += map(str, self.engine.notices)
        self.engine.notices.clear()

    def created(self, action: act.CreateRun, cost: int | None = COST) -> Run:
        return self.answer(action, ev.RunCreated(f"run_{action.run.key}", cost))

    def sleep(self) -> float:
        """Let time pass until the engine asks to be woken. Returns how long that took."""
        slept_s = self.engine.wake_at(self.now) - self.now
        self.now += max(0.0, slept_s)
        return slept_s

    def wait_for_read(self) -> act.ReadRun:
        """Let time pass until the engine reads a run."""
        for _ in range(100):
            if reads := self.reads():
                return reads[0]
            assert self.sleep() < 1e6, "nothing will ever be read"
        raise AssertionError("the engine asks to be woken for nothing")

    def exit_codes(self) -> list[ExitCode]:
        return [reason.exit_code for reason in self.engine.stop_reasons]

    def _started(self, action: Action) -> Action:
        event: ev.Event
        match action:
            case act.CreateRun():
                event = ev.CreateStarted(f"create-{next(self._create_ids)}", action.api_key)
            case act.MoveFile():
                event = ev.FileMoving(action.index, action.target)
            case _:
                return action
        self.runs[action.run.key] = fold(self.runs[action.run.key], event, self.now)
        self.engine.on_runs((self.runs[action.run.key],), self.now)
        return replace(action, run=self.runs[action.run.key])

    def _apply_ledger_changes(self) -> None:
        for step in self.engine.take_ledger_changes():
            match step:
                case SupersedeRun():
                    self.runs[step.key] = replace(self.runs[step.key], superseded_by=step.by)
                    changed = self.runs[step.key]
                case AddAttempt():
                    attempts = [known.attempt for known in self.runs.values() if known.take_id == step.take_id]
                    changed = run(RunState.UNSENT, self.takes[step.take_id], attempt=max(attempts) + 1)
                    self.runs[changed.key] = changed
                case _:
                    raise AssertionError(step)
            self.engine.on_runs((changed,), self.now)

"""A program as the front end of a use case: nothing is printed and nobody is asked; what happens becomes events.

Runs in the thread of the use case. Whoever listens gets every event by a function that only takes it in.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from hailuo_batch.adapters.local.stop_request import StopRequest
from hailuo_batch.app.apply import ApplyEnding
from hailuo_batch.app.consent import ApplyRequest, PaymentQuote, Proposal
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.core.engine import counters, notices
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.errors import ConsentMissingError, ExitCode
from hailuo_batch.interface import events
from hailuo_batch.interface.making import make_plan_value
from hailuo_batch.interface.money import Money, money
from hailuo_batch.interface.shots import keep_manifest
from hailuo_batch.interface.wording import in_python
from hailuo_batch.manifest import Diagnostic, LoadedManifest, Severity, render_diagnostic
from hailuo_batch.report.model import Report
from hailuo_batch.runtime.observer import Observer
from hailuo_batch.runtime.ports import ClockLike

Emit = Callable[[events.Event], None]


class ClosedError(Exception):
    """Whoever listens has gone before anything was begun."""


class Listener:
    """The front end of a use case that a program calls; see `ApplyFrontend`. `notes` are the texts that came."""

    can_ask = False

    def __init__(self, where: CampaignLocation, emit: Emit = lambda _: None) -> None:
        self.stop = StopRequest()
        self.notes: list[str] = []
        self.ending: ApplyEnding | None = None
        self.report: Report | None = None
        self.refusal: StopReason | None = None
        self._where = where
        self.emit = emit
        self.outputs = Path()
        self._is_changing = False

    def ask(self, question: str) -> bool:  # noqa: ARG002
        """Nobody is asked: consent is given beforehand, or not at all."""
        return False

    def warn(self, text: str, *below: str) -> None:
        """Pass the warning on."""
        self._note("\n".join((text, *below)), is_warning=True)

    def warn_of_many(self, text: str, lines: Sequence[str]) -> None:
        """Pass the whole warning on."""
        self.warn(text, *lines)

    def remark(self, text: str) -> None:
        """Pass the remark on."""
        self._note(text)

    def detail(self, text: str) -> None:
        """Leave it out."""

    def render_finding(self, found: Diagnostic) -> str:
        """The finding without colours."""
        return render_diagnostic(found)

    def show_findings(self, path: Path, loaded: LoadedManifest) -> None:  # noqa: ARG002
        """Pass the warnings about shots that can be used on; errors are raised."""
        if loaded.campaign is not None:
            for found in loaded.diagnostics:
                if found.severity is Severity.WARNING:
                    self._note(render_diagnostic(found), is_warning=True)

    @contextmanager
    def counting(self, total: int, noun: str, announcement: str = "") -> Iterator[Callable[[], None]]:  # noqa: ARG002
        """Count nothing, and end what costs nothing as soon as nobody listens any more."""
        yield self._check_open

    def stoppable(self) -> AbstractContextManager[None]:
        """From here on the ledger changes: whoever goes away is waited for."""
        self._check_open()
        keep_manifest(self._where)  # the first thing that is written, or refused
        self._is_changing = True
        return nullcontext()

    @contextmanager
    def observing(self, clock: ClockLike, received: Callable[[], int]) -> Iterator[Observer]:  # noqa: ARG002
        """Pass the progress on as events."""
        yield _Watcher(self.emit, self._note, self.stop)

    def on_recorded(self, run: Run, event: ev.Event) -> None:
        """Pass on what a program can act on."""
        made = self._event_of(run, event)
        if made is not None:
            self.emit(made)

    def show_nothing_to_do(self, request: ApplyRequest, proposal: Proposal, text: str) -> None:
        """Pass the plan on, and that there is nothing to do."""
        self.show_proposal(request, proposal)
        self._note(text)

    def show_proposal(self, request: ApplyRequest, proposal: Proposal) -> None:
        """Pass the plan on."""
        self._check_open()
        self.outputs = request.context.paths.outputs
        self.emit(events.Planned(make_plan_value(proposal, request.settings)))

    def refuse_payment(self, quote: PaymentQuote, consent: Consent, reason: StopReason, note: str) -> None:
        """Raise ConsentMissingError where nobody has agreed. Another reason is told, and what is paid for collected."""
        if quote.cap_reached is None and consent is not Consent.GIVEN:
            raise ConsentMissingError(
                f"This apply would pay for {quote}, and nobody has agreed to that. Nothing was sent, nothing was "
                "paid. Look at campaign.plan(), and give it to apply as `consent`; `consent=True` agrees to whatever "
                "the plan is by then."
            )
        self.refusal = reason
        self.warn(reason.text + note)

    def show_nothing_begun(self, report: Report) -> None:
        """Keep the report for the result."""
        self.report = report

    def show_ending(self, ending: ApplyEnding) -> tuple[ExitCode, ...]:
        """Keep the ending for the result."""
        self.ending = replace(ending)
        return ()

    def _event_of(self, run: Run, event: ev.Event) -> events.Event | None:
        take, number, id_ = run.take_id, run.attempt, run.run_id or ""
        match event:
            case ev.RunCreated():
                return events.Created(take, event.run_id, number, money(event.cost_micro_usd))
            case ev.RunSucceeded() if not any(output.path for output in run.outputs):
                return events.Finished(take, id_, number, money(run.cost_micro_usd))
            case ev.FileSaved():
                path = self.outputs / event.path
                return events.Downloaded(take, id_, number, path, event.bytes, event.sha256, event.flaw)
            case ev.RunFailed():
                return events.Failed(take, run.run_id, number, "failed", event.error)
            case ev.InputRejected():
                return events.Failed(take, None, number, "rejected", event.message)
            case ev.RunLost():
                return events.Failed(take, run.run_id, number, "lost", run.reason or "")
            case ev.CreateUnanswered():
                return events.InDoubt(take, number, event.reason)
            case _:
                return None

    def _note(self, text: str, *, is_warning: bool = False) -> None:
        said = in_python(text, self._where)
        self.notes.append(said)
        self.emit(events.Notice(said, is_warning))

    @property
    def is_left_alone(self) -> bool:
        """Whether whoever listened has gone before anything was begun: what keeps it from beginning matters no more."""
        return self.stop.code is not None and not self._is_changing

    def _check_open(self) -> None:
        """Raises ClosedError where nobody listens any more, as long as nothing was begun."""
        if self.is_left_alone:
            raise ClosedError


class _Watcher:
    """An observer that passes on what has changed."""

    def __init__(self, emit: Emit, note: Callable[[str], None], stop: StopRequest) -> None:
        self._emit = emit
        self._note = note
        self._stop = stop
        self._before: events.Progress | None = None

    def update(self, progress: counters.Progress) -> None:
        """Pass the progress on, unless only the time is another."""
        if not threading.main_thread().is_alive():
            self._stop.request(ExitCode.SIGTERM)  # Python is ending, and gives no thread any more work
        now = events.Progress(
            progress.takes,
            {str(state): number for state, number in progress.states.items()},
            Money(progress.charged_micro_usd - progress.refunded_micro_usd),
            progress.open_runs,
            None,
        )
        if now != self._before:
            self._before = now
            left = progress.time_left_s
            self._emit(replace(now, time_left_s=None if left is None or left == float("inf") else left))

    def notice(self, notice: notices.Notice) -> None:
        """Pass the notice on."""
        self._note(str(notice))

    def close(self) -> None:
        """Do nothing."""

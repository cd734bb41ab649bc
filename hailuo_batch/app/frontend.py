"""Between a use case and whoever asked for it: a person at a terminal, or a program that imports this package.

A use case decides and works; its front end is told what happens, and is asked where a person has to decide. No use case
prints, colours, measures a screen or handles a signal: each front end does as its own side needs.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hailuo_batch.adapters.local.stop_request import StopRequest
    from hailuo_batch.app.apply import ApplyEnding
    from hailuo_batch.app.consent import ApplyRequest, PaymentQuote, Proposal
    from hailuo_batch.core.engine.stop_reasons import StopReason
    from hailuo_batch.core.model.events import Event
    from hailuo_batch.core.model.runs import Run
    from hailuo_batch.core.model.settings import Consent
    from hailuo_batch.errors import ExitCode
    from hailuo_batch.manifest import Diagnostic, LoadedManifest
    from hailuo_batch.report.model import Report
    from hailuo_batch.runtime.observer import Observer
    from hailuo_batch.runtime.ports import ClockLike


class Frontend(Protocol):
    """Whoever asked for a use case. Texts may name commands with MANIFEST in place of the campaign."""

    @property
    def stop(self) -> "StopRequest":
        """The request to end the work early, which may come at any time."""

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody who can answer a question."""

    def ask(self, question: str) -> bool:
        """Ask; only an explicit yes means yes. Raises KeyboardInterrupt."""

    def warn(self, text: str, *below: str) -> None:
        """Pass on a warning, with lines below it."""

    def warn_of_many(self, text: str, lines: Sequence[str]) -> None:
        """Pass on a warning with a list that may be long."""

    def remark(self, text: str) -> None:
        """Pass on what is good to know."""

    def detail(self, text: str) -> None:
        """Pass on what only those care for who want to know everything."""

    def render_finding(self, found: "Diagnostic") -> str:
        """A finding about a manifest as text."""

    def show_findings(self, path: Path, loaded: "LoadedManifest") -> None:
        """Show what was found in a manifest. Its errors are raised besides, as one text."""

    def counting(self, total: int, noun: str, announcement: str = "") -> AbstractContextManager[Callable[[], None]]:
        """While so many items are worked on: a function to call for each that is done.

        The announcement, if any, is a remark where nobody sees them counted.
        """

    def stoppable(self) -> AbstractContextManager[None]:
        """While the ledger is being changed: a request to stop lets each request be recorded before the end."""

    def observing(self, clock: "ClockLike", received: Callable[[], int]) -> "AbstractContextManager[Observer]":
        """While requests are made: who is told how it goes. `received` gives the bytes that came so far."""

    def on_recorded(self, run: "Run", event: "Event") -> None:
        """An event is in the ledger; the run is as it is after it."""


class ApplyFrontend(Frontend, Protocol):
    """Whoever asked for an apply."""

    def show_nothing_to_do(self, request: "ApplyRequest", proposal: "Proposal", text: str) -> None:
        """Show that there is nothing to request, to download or to pay for."""

    def show_proposal(self, request: "ApplyRequest", proposal: "Proposal") -> None:
        """Show what is about to be done, before anybody has agreed to it."""

    def refuse_payment(self, quote: "PaymentQuote", consent: "Consent", reason: "StopReason", note: str) -> None:
        """Runs that are due will not be paid for, as the reason says, and what the note says is done all the same.

        Whatever this raises ends the apply, and nothing was sent.
        """

    def show_nothing_begun(self, report: "Report") -> None:
        """Show the campaign of which nothing was ever sent, and nothing is now."""

    def show_ending(self, ending: "ApplyEnding") -> "tuple[ExitCode, ...]":
        """Show how the apply ended. Returns the exit codes of failures to show it: the apply itself is done."""

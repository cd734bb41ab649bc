"""The terminal as the front end of a use case: what is printed where, what is asked, and how a signal stops it.

Decides which words go to which stream, at which verbosity; the words themselves are in `ui` and where things happen.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hailuo_batch.adapters.local.stop_request import StopRequest
from hailuo_batch.errors import ExitCode, StreamError
from hailuo_batch.manifest import Diagnostic, LoadedManifest, Severity, render_diagnostic
from hailuo_batch.ui.console import Console, Verbosity, columns_of

if TYPE_CHECKING:
    from hailuo_batch.app.apply import ApplyEnding
    from hailuo_batch.app.consent import ApplyRequest, PaymentQuote, Proposal
    from hailuo_batch.core.engine.stop_reasons import StopReason
    from hailuo_batch.core.model.events import Event
    from hailuo_batch.core.model.runs import Run
    from hailuo_batch.core.model.settings import Consent, Settings
    from hailuo_batch.report.model import Report
    from hailuo_batch.runtime.observer import Observer
    from hailuo_batch.runtime.ports import ClockLike
    from hailuo_batch.ui.progress import ProgressView

_MOST_LINES = 12


@dataclass
class Terminal:
    """The front end of a command; see `ApplyFrontend`."""

    console: Console
    _shown: "list[Observer]" = field(default_factory=list)

    @property
    def stop(self) -> StopRequest:
        """The user's request to stop."""
        return self.console.stop

    @property
    def can_ask(self) -> bool:
        """Whether a question can be asked and answered."""
        return self.console.is_interactive

    def ask(self, question: str) -> bool:
        """Ask a question. Raises KeyboardInterrupt."""
        return self.console.ask(question)

    def warn(self, text: str, *below: str) -> None:
        """Print a warning, also if quiet."""
        self.console.print_warning(text, *below)

    def warn_of_many(self, text: str, lines: Sequence[str]) -> None:
        """Print a warning and the first lines of its list; all of them if verbose."""
        shown = lines if self.console.is_verbose else lines[:_MOST_LINES]
        more = [f"  ... and {len(lines) - len(shown):,} more; -v shows them"] if len(shown) < len(lines) else []
        self.console.print_warning(text, *shown, *more)

    def remark(self, text: str) -> None:
        """Print a message, unless quiet."""
        self.console.print_info(text)

    def detail(self, text: str) -> None:
        """Print a message if verbose, above the progress if that is shown."""
        if not self.console.is_verbose:
            return
        if self._shown:
            from hailuo_batch.core.engine.notices import Notice

            self._shown[-1].notice(Notice(text))
        else:
            self.console.print_info(text)

    def render_finding(self, found: Diagnostic) -> str:
        """The finding as it is printed on stderr."""
        return render_diagnostic(found, self.console.palette(sys.stderr), columns_of(sys.stderr))

    def show_findings(self, path: Path, loaded: LoadedManifest) -> None:
        """Print the warnings about a manifest that can be used. With `--json` all findings of another are the document:
        its errors are printed where they end the command."""
        if loaded.campaign is None:
            if self.console.as_json:
                from hailuo_batch.manifest.findings import findings_document

                # rule findings_json
                self.console.print_json(findings_document([(path, loaded)]))
            return
        warnings = [self.render_finding(found) for found in loaded.diagnostics if found.severity is Severity.WARNING]
        # rule warnings_shown
        if warnings:
            self.console.print_verbatim("\n".join(warnings))

    @contextmanager
    def counting(self, total: int, noun: str, announcement: str = "") -> Iterator[Callable[[], None]]:
        """Draw a bar that counts, on a terminal and unless quiet. Elsewhere print the announcement, if any."""
        from hailuo_batch.ui.progress import counting_bar

        # rule image_bar
        columns = None if self.console.verbosity is Verbosity.QUIET else columns_of(sys.stderr)
        if announcement and columns is None:
            self.console.print_info(announcement)
        with counting_bar(sys.stderr, columns, total, noun) as step:
            yield step

    def stoppable(self) -> AbstractContextManager[None]:
        """While it lasts, a signal or a lost reader requests the stop."""
        from hailuo_batch.runtime.signals import stop_on_signals

        return stop_on_signals(self.stop)

    @contextmanager
    def observing(self, clock: "ClockLike", received: Callable[[], int]) -> "Iterator[Observer]":
        """Show the progress on stderr, which nothing waits for that was paid for."""
        from hailuo_batch.adapters.local.streams import never_blocking
        from hailuo_batch.ui.progress import GroupingObserver

        observer = GroupingObserver(self._make_view(clock, received), clock.now, self.console.with_full_commands)
        with never_blocking():
            self._shown.append(observer)
            try:
                yield observer
            finally:
                self._shown.pop()

    def on_recorded(self, run: "Run", event: "Event") -> None:
        """Show nothing: the progress and the notices tell all."""

    def show_nothing_to_do(self, request: "ApplyRequest", proposal: "Proposal", text: str) -> None:  # noqa: ARG002
        """Print that there is nothing to do."""
        self.console.print_info(text)

    def show_proposal(self, request: "ApplyRequest", proposal: "Proposal") -> None:
        """Print the plan on stderr, unless quiet."""
        self.console.print_info_in_colour(render_proposal(proposal, request.settings, self.console, sys.stderr))

    def refuse_payment(self, quote: "PaymentQuote", consent: "Consent", reason: "StopReason", note: str) -> None:  # noqa: ARG002
        """Print why nothing is paid for."""
        self.console.print_warning(reason.text + note)

    def show_nothing_begun(self, report: "Report") -> None:
        """With `--json`, print the document of a campaign of which nothing was ever sent."""
        if self.console.as_json:
            from hailuo_batch.report.render_json import report_document

            self.console.print_json(report_document(report))

    def show_ending(self, ending: "ApplyEnding") -> tuple[ExitCode, ...]:
        """Print the summary, and the document with `--json`. Returns the exit code of a failure to print that."""
        from hailuo_batch.app.workspace import short_path
        from hailuo_batch.ui.in_doubt import render_in_doubt
        from hailuo_batch.ui.summary import Ending, render_summary
        from hailuo_batch.ui.text import layout_lines

        console, where = self.console, ending.where
        stream = sys.stderr if console.as_json else sys.stdout
        columns = columns_of(stream)
        doubts = render_in_doubt(ending.snapshot, where.command_line("resolve"), columns)
        later = "\n".join(layout_lines(list(ending.later), columns))
        page = "not written" if ending.page is None else short_path(ending.page)
        end = Ending(page, ending.resume, where.command_line("status"), later, ending.took, ending.remedy)
        summary = render_summary(ending.report, ending.unfinished, doubts, end, columns, console.palette(stream))
        codes: tuple[ExitCode, ...] = ()
        if console.as_json:
            codes = self._print_document(ending.report)
            console.print_info_in_colour(console.with_full_commands(summary))
        else:
            console.print_summary(summary)
        if doubts and console.verbosity is Verbosity.QUIET:
            console.print_verbatim(console.with_full_commands("\n".join(doubts)))  # money at risk is never kept quiet
        return codes

    def _print_document(self, report: "Report") -> tuple[ExitCode, ...]:
        from hailuo_batch.report.render_json import report_document

        try:
            self.console.print_json(report_document(report))
        except StreamError as error:
            self.console.print_warning(str(error))
            return (error.exit_code,)
        return ()

    def _make_view(self, clock: "ClockLike", received: Callable[[], int]) -> "ProgressView":
        from hailuo_batch.ui.progress import BarView, LineView, QuietView
        from hailuo_batch.ui.screen.timed_log import TimedLog

        is_quiet = self.console.verbosity is Verbosity.QUIET
        stream = sys.stderr
        if stream.isatty():
            palette = self.console.palette(stream)
            return QuietView(stream) if is_quiet else BarView(stream, clock.now, received, palette)
        log = TimedLog(stream, clock.wall)
        return QuietView(log) if is_quiet else LineView(log, clock.now)


def render_proposal(
    proposal: "Proposal", settings: "Settings", console: Console, stream: TextIO, *, resolve: str = ""
) -> str:
    """The proposal as lines for this stream; if quiet, only what it comes to.

    `resolve` is the command that settles requests in doubt; empty where the summary shows them at the end.
    """
    from hailuo_batch.ui.plan import render_plan, render_plan_totals
    from hailuo_batch.ui.request_text import View

    view = View(columns_of(stream), console.is_verbose, console.palette(stream))
    plan, cap = proposal.plan, settings.cap_micro_usd
    parts = (plan, proposal.snapshot, proposal.estimate, proposal.time, view)
    if console.verbosity is Verbosity.QUIET:
        return render_plan_totals(*parts, cap_micro_usd=cap)
    return render_plan(
        *parts,
        cap_micro_usd=cap,
        resolve=resolve,
        retry=console.with_full_commands("`hailuo-batch retry MANIFEST`").strip("`"),
    )

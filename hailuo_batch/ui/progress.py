"""The progress of an apply: a bar on a terminal, a line from time to time elsewhere, or nothing.

Never reads a clock: `now`, a monotonic clock in seconds, is passed in. On a terminal the bar changes at least once a
second and never wraps.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Never, Protocol, TextIO

from hailuo_batch.adapters.local.streams import terminal_columns
from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.text import PLAIN, Palette, display_width, one_line, wrap
from hailuo_batch.ui.countdown import Countdown
from hailuo_batch.ui.notice_groups import NoticeGroups
from hailuo_batch.ui.screen.colour import fit_to, has_symbols
from hailuo_batch.ui.screen.paint import Style, paint_text, styled
from hailuo_batch.ui.screen.timed_log import LineWriter
from hailuo_batch.values import format_estimated_duration, format_usd

if TYPE_CHECKING:
    from tqdm import tqdm

LINE_INTERVAL_S = 10.0
_LEAST_BAR = 6
RIGHT_MARGIN = 3  # room for the `^C` that a terminal echoes
MINIMUM_ROWS = 24  # the bar needs one row; tqdm draws nothing on a terminal that does not report its height
_RATE_OVER_S = 3.0
_GONE_WRONG = (TakeState.FAILED, TakeState.REJECTED, TakeState.LOST, TakeState.ABANDONED)


class ProgressView(Protocol):
    """Shows the progress of an apply. Texts are ready to be shown."""

    def update(self, progress: Progress) -> None:
        """Show the progress. Called at least four times a second, also if nothing changed."""

    def notice(self, text: str) -> None:
        """Show a notice, which is one line."""

    def close(self) -> None:
        """End the display. May be called more than once."""


class GroupingObserver:
    """An observer that shows notices about many takes in groups.

    `now` is a monotonic clock in seconds; `typeable` completes the commands that a notice names.
    """

    def __init__(self, view: ProgressView, now: Callable[[], float], typeable: Callable[[str], str] = str) -> None:
        self._view = view
        self._now = now
        self._typeable = typeable
        self._groups = NoticeGroups()

    def update(self, progress: Progress) -> None:
        """Show the notices held long enough, and the progress."""
        self._show(self._groups.due(self._now()))
        self._view.update(progress)

    def notice(self, notice: Notice) -> None:
        """Show the notice, or hold it to be shown with others of its group."""
        self._show(self._groups.add(notice, self._now()))

    def close(self) -> None:
        """Show the notices still held, and close the view."""
        self._show(self._groups.flush())
        self._view.close()

    def _show(self, texts: Sequence[str]) -> None:
        for text in texts:
            self._view.notice(one_line(self._typeable(text)))


class QuietView:
    """Shows notices only."""

    def __init__(self, stream: LineWriter) -> None:
        self._stream = stream

    def update(self, progress: Progress) -> None:
        """Show nothing."""

    def notice(self, text: str) -> None:
        """Print the notice at once."""
        self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Do nothing."""


class LineView(QuietView):
    """Prints a line when something changed, at most every few seconds: for logs and pipes."""

    def __init__(self, stream: LineWriter, now: Callable[[], float]) -> None:
        super().__init__(stream)
        self._now = now
        self._countdown = Countdown()
        self._latest = ""
        self._left: list[str] = []
        self._shown = ""
        self._next_at = float("-inf")

    def update(self, progress: Progress) -> None:
        """Print a line if one is due and differs from the last."""
        self._latest = ", ".join([*_done_parts(progress, " of "), *_status_parts(progress, _unmarked)])
        self._left = _time_left_parts(self._countdown.show(progress.time_left_s, self._now()))
        if self._now() >= self._next_at:
            self._show()

    def close(self) -> None:
        """Print the final state, unless it was printed already."""
        self._left = []
        self._show()

    def _show(self) -> None:
        if self._latest != self._shown:
            self._shown = self._latest
            self._next_at = self._now() + LINE_INTERVAL_S
            self.notice(", ".join([self._latest, *self._left]))


class BarView:
    """Draws a bar on a terminal. `received` returns the bytes downloaded so far."""

    def __init__(
        self, stream: TextIO, now: Callable[[], float], received: Callable[[], int], palette: Palette = PLAIN
    ) -> None:
        self._stream = stream
        self._palette = palette
        self._now = now
        self._received = received
        self._began_at = now()
        self._samples: deque[tuple[float, int]] = deque([(self._began_at, received())])
        self._countdown = Countdown()
        self._bar: tqdm[Never] | None = None

    def update(self, progress: Progress) -> None:
        """Draw the bar."""
        bar = self._bar or self._create_bar(progress)
        columns = terminal_columns(self._stream) - RIGHT_MARGIN
        elapsed_s = int(self._now() - self._began_at)
        left = _time_left_parts(self._countdown.show(progress.time_left_s, self._now()))
        bar.total, bar.n = max(progress.takes, 1), progress.states.get(TakeState.DONE, 0)
        bar.ncols = columns
        bar_format = _bar_format(progress, elapsed_s, left, self._bytes_per_s(), columns)
        bar.bar_format = paint_text(bar_format, self._palette)
        bar.refresh()

    def notice(self, text: str) -> None:
        """Print the notice above the bar, wrapped at whole words."""
        wrapped = fit_to(self._stream, wrap(text, terminal_columns(self._stream)))
        if self._bar is not None:
            self._bar.write(wrapped, file=self._stream)
        else:
            self._stream.write(wrapped + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Remove the bar, and leave the cursor at the start of an empty line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _create_bar(self, progress: Progress) -> "tqdm[Never]":
        from tqdm import tqdm

        total = max(progress.takes, 1)
        ascii_only = not has_symbols(self._stream)
        self._bar = bar = tqdm(
            total=total,
            file=self._stream,
            leave=False,
            bar_format="{bar}",
            ncols=1,
            nrows=MINIMUM_ROWS,
            ascii=ascii_only,
        )
        return bar

    def _bytes_per_s(self) -> float:
        now = self._now()
        self._samples.append((now, self._received()))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _RATE_OVER_S:
            self._samples.popleft()
        (since, before), (_, after) = self._samples[0], self._samples[-1]
        return (after - before) / (now - since) if now > since else 0.0


def format_rate(bytes_per_s: float) -> str:
    """A transfer rate, such as `1.5 MB/s`."""
    for unit, size in (("GB/s", 1e9), ("MB/s", 1e6), ("kB/s", 1e3)):
        if bytes_per_s >= size:
            return f"{bytes_per_s / size:.1f} {unit}"
    return f"{bytes_per_s:.0f} B/s"


def _bar_format(progress: Progress, elapsed_s: int, left: Sequence[str], bytes_per_s: float, columns: int) -> str:
    """tqdm's format: as many facts as leave room for the bar, the most important first."""
    head = "".join(f"{styled(Style.DONE, done)} " for done in _done_parts(progress, "/"))
    rate = [format_rate(bytes_per_s)] if progress.active_downloads and bytes_per_s > 0 else []
    facts = [_format_elapsed(elapsed_s), *left, *rate, *_status_parts(progress, styled)]
    room = columns - display_width(head) - _LEAST_BAR - 3
    tail = ""
    for fact in facts:
        longer = f"{tail}  {fact}" if tail else fact
        if display_width(longer) > room:
            break
        tail = longer
    return f"{head}|{{bar}}| {tail}"


def _done_parts(progress: Progress, of: str) -> list[str]:
    """How many takes are done; empty if no take was asked for."""
    return [f"{progress.states.get(TakeState.DONE, 0)}{of}{progress.takes} done"] if progress.takes else []


def _time_left_parts(left_s: float | None) -> list[str]:
    """The estimated time left, or that it is not known yet."""
    if left_s is None:
        return []
    return ["time left: not known yet"] if left_s == inf else [f"~{format_estimated_duration(left_s)} left"]


def _unmarked(_style: Style, text: str) -> str:
    """The text as it is, for a log."""
    return text


def _status_parts(progress: Progress, mark: Callable[[Style, str], str]) -> list[str]:
    states = progress.states
    wrong = sum(states.get(state, 0) for state in _GONE_WRONG)
    in_doubt = states.get(TakeState.IN_DOUBT, 0)
    facts = [f"{progress.open_runs} in flight"]
    facts += [mark(Style.ERROR, f"{wrong} failed")] if wrong else []
    facts += [mark(Style.DOUBT, f"{in_doubt} in doubt")] if in_doubt else []
    facts.append(f"{format_usd(progress.charged_micro_usd - progress.refunded_micro_usd)} spent")
    facts += [f"{progress.active_downloads} downloading"] if progress.active_downloads else []
    return facts


def _format_elapsed(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def counting_bar(stream: TextIO, columns: int | None, total: int, noun: str) -> Iterator[Callable[[], None]]:
    """Show a bar that counts items. Yields a function to call for each item that is done.

    `columns` is the width of the terminal behind the stream, None if it is not a terminal: then nothing is shown.
    """
    if total == 0 or columns is None:
        yield _silently
        return
    from tqdm import tqdm

    layout = f"{noun} {{n_fmt}}/{{total_fmt}} |{{bar}}| {{elapsed}}"
    width = columns - RIGHT_MARGIN
    with tqdm(total=total, file=stream, leave=False, bar_format=layout, ncols=width, nrows=MINIMUM_ROWS) as bar:

        def step() -> None:
            # rule bar_step
            bar.update()

        yield step


def _silently() -> None:
    """Show nothing."""

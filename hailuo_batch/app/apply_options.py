"""What `apply` is asked beyond the manifest, and the command line that asks the same again.

Whoever continues an apply pastes a command that this program printed: it must never pay for more than the one that was
given. So what decides what is paid for is in it again, and a wish that is fulfilled, or recorded in the ledger, is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hailuo_batch.app.config import Bounds, parse_option
from hailuo_batch.app.image_preflight import Reach
from hailuo_batch.app.workspace import Whereabouts, command_line
from hailuo_batch.errors import UsageError
from hailuo_batch.text import quote
from hailuo_batch.values import parse_duration


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """What `apply` is asked beyond the manifest.

    `yes` answers the question before paying beforehand; `accept_price` pays whatever a run turns out to cost.
    `check_images` is None where it is left to whether this is a rehearsal; `plan_file` holds the plan to follow. `wait`
    and `max_duration` are durations as they were written.
    """

    bounds: Bounds = field(default_factory=Bounds)
    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    in_doubt: str = "hold"
    yes: bool = False
    accept_price: bool = False
    new_ledger: bool = False
    require_ledger: bool = False
    no_sidecar: bool = False
    check_images: bool | None = None
    plan_file: Path | None = None
    wait: str | None = None
    max_duration: str | None = None

    @property
    def reach(self) -> Reach | None:
        """How far images are looked after, None where the user does not say."""
        # rule no-check-images
        return None if self.check_images is None else Reach.WEB if self.check_images else Reach.NOTHING

    @property
    def wait_s(self) -> float:
        """How long to wait for another's lock. Raises UsageError for what is no duration."""
        return 0.0 if self.wait is None else parse_option("--wait", self.wait, parse_duration)

    @property
    def max_duration_s(self) -> float:
        """How long the apply may last, infinity where nothing bounds it. Raises UsageError for what is no duration."""
        if self.max_duration is None:
            return float("inf")
        return parse_option("--max-duration", self.max_duration, parse_duration)


def check_options(options: ApplyOptions) -> None:
    """Raises UsageError where options contradict each other, or hold no duration."""
    if options.require_ledger and options.new_ledger:
        raise UsageError(
            "--require-ledger and --new-ledger contradict each other: one wants a ledger that is there, the other "
            "begins a new one. Nothing was sent."
        )
    _ = options.wait_s, options.max_duration_s


def again(where: Whereabouts, options: ApplyOptions, *, paid: bool, replacing: bool) -> str:
    """The command that continues this apply, as it can be pasted into a shell.

    `paid` says that the user has agreed, so that the wishes are recorded. Then `--in-doubt resubmit` is left out:
    repeated, it would take up what has come to be in doubt since. So is `--replace` unless it is still under way
    (`replacing`): repeated, it would be a new wish. `--new-ledger` is never repeated.
    """
    bounds = options.bounds
    words = [
        *_repeated("--only", options.only),
        # rule same-replace-next
        *_repeated("--replace", options.replace if replacing or not paid else ()),
        # rule in-doubt-once
        *_valued("--in-doubt", None if paid or options.in_doubt == "hold" else options.in_doubt),
        # rule same-cap-next
        *_valued("--max-spend", bounds.max_spend),
        *_valued("--plan", options.plan_file),
        *_flags({"--check-images": options.check_images is True, "--no-check-images": options.check_images is False}),
        *_valued("--max-in-flight", bounds.max_in_flight),
        *_valued("--run-timeout", bounds.run_timeout),
        *_valued("--rate-limit", bounds.rate_limit),
        *_valued("--max-duration", options.max_duration),
        *_valued("--wait", options.wait),
        *_flags(
            {
                "--accept-price": options.accept_price,
                "--require-ledger": options.require_ledger,
                "--no-sidecar": options.no_sidecar,
                "--yes": options.yes,
            }
        ),
    ]
    return " ".join([command_line("apply", where), *map(quote, words)])


def _repeated(name: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (name, value)]


def _valued(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _flags(given: dict[str, bool]) -> list[str]:
    return [name for name, is_given in given.items() if is_given]

"""What an apply is asked and is about to do, shown to the user, and the yes to it.

Nothing is written here. With a yes beforehand, and in a rehearsal, nobody is asked.
"""

import sys
from dataclasses import dataclass

from hailuo_batch.app.apply_options import ApplyOptions
from hailuo_batch.app.config import read_key
from hailuo_batch.app.consent import Offer, ask_consent, offer_of, unpaid
from hailuo_batch.app.image_preflight import Reach, check_images
from hailuo_batch.app.manifest_input import Manifest
from hailuo_batch.app.plan_file import SavedPlan
from hailuo_batch.app.workspace import SANDBOX, Whereabouts, command_line
from hailuo_batch.core.engine.stop_reasons import Halt
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.settings import Consent, Settings
from hailuo_batch.core.planning.estimate import Estimate
from hailuo_batch.core.planning.history import Experience
from hailuo_batch.core.planning.plan import Plan, Wishes
from hailuo_batch.core.planning.replacements import is_repeated
from hailuo_batch.core.planning.time_needed import TimeNeeded
from hailuo_batch.core.planning.work_left import collects, has_work
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.plan import render_plan
from hailuo_batch.values import Campaign

_FINISHES = (
    "This finishes the --replace that was interrupted before, and begins no other one. Once it is finished, the same "
    "command makes these takes again."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """All that one apply is asked. `saved` is the plan from a file that it follows, None where it makes its own."""

    where: Whereabouts
    options: ApplyOptions
    manifest: Manifest
    endpoint: str
    wishes: Wishes
    settings: Settings
    saved: SavedPlan | None

    @property
    def campaign(self) -> Campaign:
        """What the manifest asks for."""
        return self.manifest.campaign

    @property
    def remedy(self) -> str:
        """The command that makes a new plan."""
        return f"{command_line('plan', self.where)} --out FILE"

    @property
    def reach(self) -> Reach:
        """A rehearsal needs no network, unless the user wants it."""
        # rule apply-checks-images
        return self.options.reach or (Reach.LOCAL if self.is_rehearsal else Reach.WEB)

    @property
    def is_rehearsal(self) -> bool:
        """Whether no payment is real."""
        return self.endpoint == SANDBOX

    @property
    def retried(self) -> frozenset[str] | None:
        """The takes that are made again where a run fails; None for all."""
        return None if self.saved is None else frozenset(self.saved.made)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an apply is about to do, before anybody has agreed to it."""

    plan: Plan
    snapshot: Snapshot
    estimate: Estimate
    time: TimeNeeded
    experience: Experience


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the user has agreed. `unpaid` is how that makes the apply end where it leaves undone what the plan would
    pay for, else None."""

    consent: Consent
    unpaid: Halt | None = None


def agree(asked: Asked, proposal: Proposal, console: Console) -> Verdict:
    """Show the proposal and have the user agree to what it pays. Says what is left undone where nobody does.

    Raises AccountError without a key, UsageError for an image that cannot be used, KeyboardInterrupt at the question.
    """
    plan, snapshot = proposal.plan, proposal.snapshot
    if asked.saved is None and is_repeated(snapshot, asked.wishes.replace, asked.wishes.only):
        console.say(_FINISHES)
    if not has_work(plan, snapshot):
        console.say("Nothing to do: nothing is to be sent, downloaded or paid.")
        return Verdict(Consent.MISSING)  # and nothing is left that could need one
    if not asked.is_rehearsal:
        read_key()
    _show(asked, proposal, console)
    offer = offer_of(plan, snapshot, proposal.estimate, asked.settings, asked.retried)
    consent = _consent(asked, proposal, offer, console)
    undone = unpaid(offer, consent)
    if undone is not None:
        still = " What is paid for already is still collected." if collects(plan, snapshot) else ""
        console.warn(undone.text + still)
    return Verdict(consent, undone)


def _show(asked: Asked, proposal: Proposal, console: Console) -> None:
    console.lay_out(
        render_plan(
            proposal.plan,
            proposal.snapshot,
            proposal.estimate,
            proposal.time,
            cap_micro_usd=asked.settings.cap_micro_usd,
            resolve=command_line("resolve", asked.where),
            columns=columns_of(sys.stderr),
            show_all=console.is_verbose,
        )
    )
    if asked.is_rehearsal:
        console.say("This is a rehearsal on the sandbox: no key, no real money.")


def _consent(asked: Asked, proposal: Proposal, offer: Offer, console: Console) -> Consent:
    has_yes = asked.is_rehearsal or asked.options.yes
    if not (has_yes or console.is_interactive):
        # rule nobody-to-ask
        return Consent.MISSING  # and nothing of what would be paid for is looked at
    # rule images-looked-at
    warnings = asked.manifest.warnings + check_images(asked.manifest, proposal.plan, asked.reach, console)
    return Consent.GIVEN if has_yes else ask_consent(offer, warnings, console)

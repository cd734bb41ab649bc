"""Facts, in the past tense: all that can happen to a run, and what came of an action that changed nothing.

Two kinds share this file. *Events* move a run along the transition table and are recorded in the ledger.
*Outcomes* below them are answers that change no run; the engine alone hears those. Neither holds a run's key:
it travels beside them. Times are seconds since the epoch, UTC; money is integer micro-USD, None where unknown.
"""

from dataclasses import dataclass
from enum import StrEnum

from hailuo_batch.core.model.obstacles import Obstacle


class Refusal(StrEnum):
    """Why the API refused a request, by what the refusal touches. Nothing was made or paid."""

    RATE = "rate"  # 429 RATE_LIMITED: wait, then ask again
    BALANCE = "balance"  # 402: all creates; reads go on
    KEY_SPEND = "key_spend"  # 403 api_key_spend_limit_exceeded: all creates; reads may go on
    ACCOUNT = "account"  # 401, ip_not_allowed, USAGE_EXCEEDED: the whole batch
    MODEL = "model"  # 400 model_not_found: every take of that model
    ADDRESS = "address"  # 404 on a create: not the API we know; the whole batch
    PROTOCOL = "protocol"  # 400 for a malformed request: a bug of ours; the whole batch


class Responder(StrEnum):
    """Who gave an answer that says nothing of a run: by it one knows whether the API is there at all."""

    NOBODY = "nobody"  # no answer came, or one of the API that it cannot stand by: ask again
    API = "api"  # an error body of the API's own, about something else than the run
    GATEWAY = "gateway"  # a 5xx that is not the API's: whoever stands before it says that it is away
    OTHER = "stranger"  # anything else that is not the API's: a proxy, a firewall, a login page, a wrong address


# --- events of a create ---


@dataclass(frozen=True, slots=True)
class CreateStarted:
    """The intent: recorded before the first byte of a create leaves. `create_id` is unique to this one request."""

    create_id: str


@dataclass(frozen=True, slots=True)
class CreateNotSent:
    """The connection provably never stood: nothing was paid, the create may be repeated."""

    reason: str


@dataclass(frozen=True, slots=True)
class CreateRefused:
    """The API refused the create for a reason that lies outside this take: nothing was paid."""

    refusal: Refusal
    code: str
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class InputRejected:
    """The API refused this take's input: nothing was paid, and repeating it would not help."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class CreateUnanswered:
    """No readable answer came: the run may exist and be paid for."""

    reason: str


@dataclass(frozen=True, slots=True)
class RunCreated:
    """The API named the run: it exists and is paid for. `cost_note` says why the cost is None, else it is empty."""

    run_id: str
    cost_micro_usd: int | None
    cost_note: str = ""


# --- events of a run ---


@dataclass(frozen=True, slots=True)
class RunQueued:
    """The run is `pending`."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run is `processing`."""


@dataclass(frozen=True, slots=True)
class StatusUnknown:
    """The API gave a status that is not documented: treated as unfinished. `error` is what it says beside it, if
    anything."""

    status: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunSucceeded:
    """The run is finished and its outputs can be fetched; `urls` may be empty, which is the API's fault, and `error` is
    then what it says beside that, if anything."""

    urls: tuple[str, ...]
    cost_micro_usd: int | None = None
    created_at: float | None = None
    completed_at: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run failed; the API refunds it in full."""

    error: str
    cost_micro_usd: int | None = None
    created_at: float | None = None
    completed_at: float | None = None


@dataclass(frozen=True, slots=True)
class RunLost:
    """The API has answered again and again that it does not know the run."""


@dataclass(frozen=True, slots=True)
class RunNamed:
    """The user named the run that a create in doubt, or a run that is lost, really is."""

    run_id: str
    cost_micro_usd: int | None


@dataclass(frozen=True, slots=True)
class RunAbandoned:
    """The user gave the run up; whatever it cost still counts."""

    reason: str


# --- events of a file ---


@dataclass(frozen=True, slots=True)
class FileSaved:
    """Output `index` is on disk at `path`: relative to the output folder, with `/` between its parts.

    `note` says what the user should know of how it got there, and `flaw` what is wrong with the file itself, which
    came so every time; each is empty where there is nothing to say.
    """

    index: int
    path: str
    bytes: int
    sha256: str
    note: str = ""
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class FileMoving:
    """Output `index` is about to be renamed to `path`."""

    index: int
    path: str


@dataclass(frozen=True, slots=True)
class FileMoved:
    """Output `index` now lies at `path`."""

    index: int
    path: str


@dataclass(frozen=True, slots=True)
class FileMissed:
    """Output `index` was saved once and is no longer on disk."""

    index: int


Event = (
    CreateStarted
    | CreateNotSent
    | CreateRefused
    | InputRejected
    | CreateUnanswered
    | RunCreated
    | RunQueued
    | RunStarted
    | StatusUnknown
    | RunSucceeded
    | RunFailed
    | RunLost
    | RunNamed
    | RunAbandoned
    | FileSaved
    | FileMoving
    | FileMoved
    | FileMissed
)


# --- outcomes that change no run ---


@dataclass(frozen=True, slots=True)
class RunMissing:
    """One answer of 404: the API says that it does not know the run."""


@dataclass(frozen=True, slots=True)
class ReadRefused:
    """The API refused to read the run, for a reason that lies outside it."""

    refusal: Refusal
    code: str
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class ReadUnanswered:
    """No answer came to a read that says anything of the run. Harmless: it may be asked again."""

    reason: str
    responder: Responder = Responder.NOBODY


@dataclass(frozen=True, slots=True)
class ReadNotSent:
    """The connection for a read never stood. `obstacle` is what kept it, `setting` what names the proxy in between."""

    reason: str
    obstacle: Obstacle = Obstacle.PASSING
    setting: str = ""


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """A download broke; nothing stands under the final name. `gone` is 403, 404 or 410: the link is dead.

    `is_blocked` says that the output folder is in the way, so that to try again is of no use until somebody mends it.
    """

    reason: str
    gone: bool = False
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class DiskFull:
    """There is no room for an output. `for_any` says that there is none for any other either."""

    reason: str
    for_any: bool = False


@dataclass(frozen=True, slots=True)
class FetchCancelled:
    """The download was stopped because the program is stopping."""


@dataclass(frozen=True, slots=True)
class MoveFailed:
    """A rename did not happen; the file lies where it lay."""

    reason: str


CreateOutcome = CreateNotSent | CreateRefused | InputRejected | CreateUnanswered | RunCreated
ReadOutcome = (
    RunQueued
    | RunStarted
    | RunSucceeded
    | RunFailed
    | StatusUnknown
    | RunMissing
    | ReadRefused
    | ReadUnanswered
    | ReadNotSent
)
FetchOutcome = FileSaved | FetchFailed | DiskFull | FetchCancelled
MoveOutcome = FileMoved | MoveFailed
Outcome = CreateOutcome | ReadOutcome | FetchOutcome | MoveOutcome

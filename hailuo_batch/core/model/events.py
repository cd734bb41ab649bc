"""Facts, in the past tense: all that can happen to a run, and the results of actions that change no run.

*Events* move a run along the transition table and are recorded in the ledger. *Outcomes* below them change no run, and
only the engine needs them. Neither holds a run's key: it travels beside them. Times are seconds since the epoch, UTC;
money is integer micro-USD, None where unknown.

The names of the event classes and of their fields are written into the ledger's journal and the receipts: they are a
file format, so a rename here would make older files unreadable.
"""

from dataclasses import dataclass
from enum import StrEnum

from hailuo_batch.core.model.obstacles import Obstacle


class Refusal(StrEnum):
    """Why the API refused a request, named for what the refusal affects. Nothing was made or paid."""

    RATE = "rate"  # 429 RATE_LIMITED: wait, then ask again
    BALANCE = "balance"  # 402: all creates; reads continue
    KEY_SPEND = "key_spend"  # 403 api_key_spend_limit_exceeded: all creates; reads continue
    ACCOUNT = "account"  # 401, ip_not_allowed, USAGE_EXCEEDED: the whole batch
    MODEL = "model"  # 400 model_not_found: every take of that model
    ADDRESS = "address"  # 404 on a create: not the API we know; the whole batch
    PROTOCOL = "protocol"  # 400 for a malformed request: a bug of ours; the whole batch


class Responder(StrEnum):
    """Who sent a response that says nothing about the run. It shows whether the API can be reached at all."""

    NOBODY = "nobody"  # no response, or one of the API's that may change: ask again
    API = "api"  # an error body of the API's own, about something other than the run
    GATEWAY = "gateway"  # a 5xx that is not the API's: a server in front of it reports that it is away
    OTHER = "stranger"  # anything else that is not the API's: a proxy, a firewall, a login page, a wrong address


# --- events of a create ---


@dataclass(frozen=True, slots=True)
class CreateStarted:
    """A create is about to be sent: recorded before its first byte leaves. `create_id` is unique to this request;
    `api_key` is the number of the key that it is sent with, None in a journal of the time before keys had numbers."""

    create_id: str
    api_key: int | None = None


@dataclass(frozen=True, slots=True)
class CreateNotSent:
    """The connection was provably never established: nothing was paid, and the create may be repeated."""

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
class RunTakenOver:
    """The API knows the run by this key, whose number is not the one on record: from now on it is read with it."""

    api_key: int


@dataclass(frozen=True, slots=True)
class RunQueued:
    """The API reports the run as `pending`."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The API reports the run as `processing`."""


@dataclass(frozen=True, slots=True)
class StatusUnknown:
    """The API reported a status that is not documented: the run counts as unfinished. `error` is the API's own text."""

    status: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunSucceeded:
    """The run finished and its outputs can be downloaded. `urls` may be empty, which is the API's fault; `error` is
    then the API's own text, if it sent any."""

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
    """The API has answered repeatedly that it does not know the run."""


@dataclass(frozen=True, slots=True)
class RunNamed:
    """The user gave the run ID that belongs to a create in doubt, or to a run that is lost or abandoned."""

    run_id: str
    cost_micro_usd: int | None


@dataclass(frozen=True, slots=True)
class RunAbandoned:
    """The user gave up the run. Whatever it cost, or may have cost, still counts."""

    reason: str


# --- events of a file ---


@dataclass(frozen=True, slots=True)
class FileSaved:
    """Output `index` is on disk at `path`: relative to the output folder, with `/` between its parts.

    `note` is what the user should know about the download, and `flaw` what is wrong with the file itself, which was the
    same each time it was downloaded. Both are empty where there is nothing to report.
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
    """Output `index` was renamed to `path`."""

    index: int
    path: str


@dataclass(frozen=True, slots=True)
class FileMissed:
    """Output `index` was saved before and is not on disk."""

    index: int


Event = (
    CreateStarted
    | CreateNotSent
    | CreateRefused
    | InputRejected
    | CreateUnanswered
    | RunCreated
    | RunTakenOver
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
    """The API answered once, with a 404, that it does not know the run."""


@dataclass(frozen=True, slots=True)
class ReadRefused:
    """The API refused to read the run, for a reason that lies outside this run."""

    refusal: Refusal
    code: str
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class ReadUnanswered:
    """A read brought no answer about the run. Reads cost nothing, so it may be repeated."""

    reason: str
    responder: Responder = Responder.NOBODY


@dataclass(frozen=True, slots=True)
class ReadNotSent:
    """The connection for a read was never established, because of `obstacle`. `setting` is the environment variable
    that names the proxy, empty without one."""

    reason: str
    obstacle: Obstacle = Obstacle.PASSING
    setting: str = ""


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """A download failed, and there is no file under the final name. `gone` is 403, 404 or 410: the link is dead.

    `is_blocked` means that something in the output folder is in the way: trying again is useless until it is removed.
    """

    reason: str
    gone: bool = False
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class DiskFull:
    """There is no space for this output; with `for_any`, for no other one either."""

    reason: str
    for_any: bool = False


@dataclass(frozen=True, slots=True)
class FetchCancelled:
    """The download ended because the program is stopping."""


@dataclass(frozen=True, slots=True)
class MoveFailed:
    """A rename failed; the file is still at its old path."""

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

"""What the engine wants done next, in the imperative; each action is carried out by one call of the executor.

An action holds all that its doer needs. `api_key` is the number of the key that a request is sent with. Paths are
relative to the output folder, with `/` between their parts.
"""

from dataclasses import dataclass

from hailuo_batch.core.model.api_keys import ONLY_KEY
from hailuo_batch.core.model.runs import Run


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Send the create request of this attempt, which pays for a run. Its intent is already on disk."""

    run: Run
    api_key: int = ONLY_KEY.number


@dataclass(frozen=True, slots=True)
class ReadRun:
    """Ask the API for the run's status. A read of the run that cannot exist only shows whether the API answers."""

    run: Run
    api_key: int = ONLY_KEY.number


@dataclass(frozen=True, slots=True)
class FetchFile:
    """Download output `index` of a run to `stem` plus the extension that fits the file."""

    run: Run
    index: int
    url: str
    stem: str


@dataclass(frozen=True, slots=True)
class MoveFile:
    """Rename a saved output."""

    run: Run
    index: int
    source: str
    target: str


Action = CreateRun | ReadRun | FetchFile | MoveFile

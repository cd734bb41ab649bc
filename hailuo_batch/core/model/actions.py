"""Orders, in the imperative: what the engine wants done next, each carried out by one call of the executor.

An action holds all that its doer needs. Paths are relative to the output folder, with `/` between their parts.
"""

from dataclasses import dataclass

from hailuo_batch.core.model.runs import Run


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Pay for a run: send the create of this attempt, whose intent is already on disk."""

    run: Run


@dataclass(frozen=True, slots=True)
class ReadRun:
    """Ask the API where the run stands. Of the one that stands for no run, only whether it is the API that answers."""

    run: Run


@dataclass(frozen=True, slots=True)
class FetchFile:
    """Download output `index` of a run to `stem` plus the extension that fits what comes."""

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

"""The receipts: an append-only text file beside the ledger, so that no damage to it can make a paid run forgotten.

One JSON line for each create before it is sent, and one for what came of it: each line is on disk before the call
returns. A line that a crash cut short is passed over: cut short before a create, nothing was sent; cut short after
it, the create counts as unanswered. The API key is in no line.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hailuo_batch.core.events import Event
from hailuo_batch.core.receipt import Intent, Receipt, Result, parse_at, parse_result
from hailuo_batch.core.records import Run
from hailuo_batch.errors import LedgerError
from hailuo_batch.shell.disk import is_still_there, open_regular, sync, sync_path
from hailuo_batch.values import fingerprint


class Receipts:
    """The receipts of one campaign, open for appending. The caller holds the ledger's lock."""

    def __init__(self, path: Path) -> None:
        """Raises LedgerError where the file cannot be opened for writing."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            size = os.fstat(self._file).st_size
            self._torn = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
            sync_path(path.parent)
        except OSError as error:
            raise self._unwritable(error) from error

    def write_intents(self, runs: Sequence[Run]) -> None:
        """These creates are about to be sent. Raises LedgerError where that cannot be written."""
        self._append(_intent_line(run) for run in runs)

    def write_results(self, results: Sequence[tuple[str, Event]], at: float) -> None:
        """This came of these creates, by their IDs. Raises LedgerError where that cannot be written."""
        self._append(_result_line(create_id, event, at) for create_id, event in results)

    def check_in_place(self) -> None:
        """Raises LedgerError where the file is no longer what bears its name: nobody would find what is written."""
        if not is_still_there(self._file, self.path):
            raise LedgerError(f"{self.path}: it was removed, moved or replaced while this was at work.")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        data = (("\n" if self._torn else "") + text).encode("utf-8")
        try:
            self._torn = True
            while data:
                data = data[os.write(self._file, data) :]
            sync(self._file)
            self._torn = False
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"{self.path}: the receipts cannot be written ({error.strerror}). Look at the folder's permissions and at "
            "the free space."
        )


def load_receipts(path: Path) -> tuple[Receipt, ...]:
    """Every whole line of the file, in order; none where there is no file. Raises LedgerError if it is unreadable."""
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise LedgerError(f"{path}: the receipts cannot be read ({error.strerror}). Nothing was sent.") from error
    parsed = (_parse(line) for line in text.split("\n"))
    return tuple(receipt for receipt in parsed if receipt is not None)


def _intent_line(run: Run) -> dict[str, Any]:
    whole = fingerprint(run.model, run.input_json) == run.fingerprint
    return {
        "create": run.create_id,
        "at": run.submitted_at,
        "take": run.take_id,
        "attempt": run.attempt,
        "model": run.model,
        "input": json.loads(run.input_json),
        "images_sha256": run.images_sha256,
        **({} if whole else {"fingerprint": run.fingerprint}),
    }


def _result_line(create_id: str, event: Event, at: float) -> dict[str, Any]:
    return {"create": create_id, "at": at, "result": type(event).__name__, **asdict(event)}


def _parse(line: str) -> Receipt | None:
    try:
        data = json.loads(line)
        if "result" in data:
            outcome = parse_result(data)
            return None if outcome is None else Result(str(data["create"]), parse_at(data["at"]), outcome)
        return Intent.parse(data)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None

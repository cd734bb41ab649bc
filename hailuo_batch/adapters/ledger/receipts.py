"""The receipts: an append-only text file beside the ledger, so that no damage to the ledger can lose a paid run.

One JSON line for each create before it is sent, and one for its result. Each line is on disk before the call returns.
A line that a crash cut short is ignored: if it was the intent, nothing was sent; if it was the result, the create
counts as unanswered and its take is in doubt. The API key is in no line.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from hailuo_batch.adapters.ledger.side_files import check_open_file, foreign_error
from hailuo_batch.adapters.local.fs import open_regular, open_to_read, sync, sync_path, write_all
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.recovery import CreateIntent, CreateResult, Receipt
from hailuo_batch.errors import LedgerError
from hailuo_batch.values import compute_fingerprint

_LINE_START = b'{"create":'  # every line of ours starts so
_MAX_LINE_BYTES = 1 << 28  # more than a manifest with all its tables; no request is that long
_CHUNK = 1 << 16


class Receipts:
    """The receipts of one campaign, open for appending. The caller holds the ledger's lock."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises LedgerError where it is foreign or cannot be written."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            size = os.fstat(self._file).st_size
            self._is_last_line_torn = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
            is_foreign = not _is_ours(os.pread(self._file, len(_LINE_START), 0))
            sync_path(path.parent)  # a new file's name must survive a power cut too, or its lines would be lost
        except OSError as error:
            raise self._unwritable_error(error) from error
        if is_foreign and not load_receipts(path):
            self.close()
            raise foreign_error(path, "the receipts")

    def write_intents(self, runs: Sequence[Run]) -> None:
        """Record creates that are about to be sent. Only once this returns may they be sent. Raises LedgerError."""
        self._append(_intent_line(run) for run in runs)

    def write_results(self, results: Sequence[tuple[str, Event]], at: float) -> None:
        """Record the results of creates, by their IDs. Raises LedgerError."""
        self._append(_result_line(create_id, event, at) for create_id, event in results)

    def check_in_place(self) -> None:
        """Raise LedgerError where the file was removed, moved or replaced: nobody would find what is written."""
        check_open_file(self._file, self.path)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        # Every line stands alone: after a failed write, the next one starts on a line of its own, so that the torn rest
        # cannot swallow it. `_is_last_line_torn` is cleared only after the sync, since an unsynced write may be torn.
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        data = (("\n" if self._is_last_line_torn else "") + text).encode("utf-8")
        try:
            self._is_last_line_torn = True
            write_all(self._file, data)
            sync(self._file)
            self._is_last_line_torn = False
        except OSError as error:
            raise self._unwritable_error(error) from error

    def _unwritable_error(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"{self.path}: the receipts cannot be written ({error.strerror}). Check the folder's permissions and the "
            "free space."
        )


def _is_ours(beginning: bytes) -> bool:
    """Whether receipts may start so: a power cut leaves part of a line or zeros, a full disk parts of lines."""
    lines = (line.strip(b"\0") for line in beginning.split(b"\n"))
    return all(line.startswith(_LINE_START) or _LINE_START.startswith(line) for line in lines)


def load_receipts(path: Path) -> tuple[Receipt, ...]:
    """Load every complete line, in order; nothing where there is no file. Raises LedgerError if it is unreadable."""
    try:
        with open_to_read(path) as file:
            return tuple(_receipts_in(file))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise LedgerError(f"{path}: the receipts cannot be read ({error.strerror}). Nothing was sent.") from error


def _receipts_in(file: BinaryIO) -> Iterator[Receipt]:
    at = 0.0
    for line in _lines(file):
        receipt = _parse(line.decode("utf-8", errors="replace"), at)
        if receipt is not None:
            at = receipt.at
            yield receipt


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines, skipping those longer than any of ours without holding them in memory."""
    while line := file.readline(_MAX_LINE_BYTES):
        if line.endswith(b"\n") or len(line) < _MAX_LINE_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(_CHUNK)


def _intent_line(run: Run) -> dict[str, Any]:
    whole = compute_fingerprint(run.model, run.input_json) == run.fingerprint
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


def _parse(line: str, before: float) -> Receipt | None:
    try:
        data = json.loads(line)
        if "result" in data:
            return CreateResult.parse(data, before)
        return CreateIntent.parse(data, before)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None

"""The receipts: an append-only text file beside the ledger, so that no damage to it can make a paid run forgotten.

One JSON line for each create before it is sent, and one for what came of it: each line is on disk before the call
returns. A line that a crash cut short is passed over: cut short before a create, nothing was sent; cut short after
it, the create counts as unanswered. The API key is in no line.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from hailuo_batch.adapters.local.fs import is_in_place, open_regular, open_to_read, sync, sync_path
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.recovery import CreateIntent, CreateResult, Receipt
from hailuo_batch.errors import LedgerError
from hailuo_batch.values import compute_fingerprint

_LINE_START = b'{"create":'  # what every line of ours begins with
_MAX_LINE_BYTES = 1 << 28  # of a line: a manifest with all its tables may have as much, and no request has
_CHUNK = 1 << 16


class Receipts:
    """The receipts of one campaign, open for appending. The caller holds the ledger's lock."""

    def __init__(self, path: Path) -> None:
        """Raises LedgerError where the file cannot be opened for writing."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            size = os.fstat(self._file).st_size
            self._is_last_line_torn = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
            is_foreign = not _is_ours(os.pread(self._file, len(_LINE_START), 0))
            sync_path(path.parent)
        except OSError as error:
            raise self._unwritable_error(error) from error
        if is_foreign and not load_receipts(path):
            self.close()
            raise LedgerError(
                f"{path}: this file holds something that hailuo-batch has not written, so that it is not taken for the "
                "receipts, and was left as it is. Nothing was sent, nothing was paid. Move it away, or give another "
                "--state-dir."
            )

    def write_intents(self, runs: Sequence[Run]) -> None:
        """These creates are about to be sent. Raises LedgerError where that cannot be written."""
        self._append(_intent_line(run) for run in runs)

    def write_results(self, results: Sequence[tuple[str, Event]], at: float) -> None:
        """This came of these creates, by their IDs. Raises LedgerError where that cannot be written."""
        self._append(_result_line(create_id, event, at) for create_id, event in results)

    def check_in_place(self) -> None:
        """Raises LedgerError where the file is no longer what bears its name: nobody would find what is written."""
        if not is_in_place(self._file, self.path):
            raise LedgerError(f"{self.path}: it was removed, moved or replaced while this was at work.")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        data = (("\n" if self._is_last_line_torn else "") + text).encode("utf-8")
        try:
            self._is_last_line_torn = True
            while data:
                data = data[os.write(self._file, data) :]
            sync(self._file)
            self._is_last_line_torn = False
        except OSError as error:
            raise self._unwritable_error(error) from error

    def _unwritable_error(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"{self.path}: the receipts cannot be written ({error.strerror}). Look at the folder's permissions and at "
            "the free space."
        )


def _is_ours(beginning: bytes) -> bool:
    """Whether the file may begin like this: a power cut leaves a part of a line, or zeros, and a full disk a part of a
    line each time that it is written to."""
    lines = (line.strip(b"\0") for line in beginning.split(b"\n"))
    return all(line.startswith(_LINE_START) or _LINE_START.startswith(line) for line in lines)


def load_receipts(path: Path) -> tuple[Receipt, ...]:
    """Every whole line of the file, in order; none where there is no file. Raises LedgerError if it is unreadable."""
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
    """The lines of the file, but for those longer than any of ours: they are never held whole."""
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

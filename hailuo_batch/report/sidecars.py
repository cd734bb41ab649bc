"""The sidecars: a file `<video>.json` beside each video, so that a video that leaves its folder can still be traced.

They are made from a snapshot, and written only if missing or different. A sidecar keeps the manifest's hash that it was
first written with, wherever its video moves, and its variables where the ledger does not have those of its run. If its
video is gone, it is removed. JSON files of others, and sidecars of videos that the ledger no longer has, are left
alone.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hailuo_batch.adapters.local.fs import remove_stale_temporaries, write_without_sync
from hailuo_batch.core.model.runs import Output, Run, Snapshot, TakeRecord
from hailuo_batch.errors import OutputError
from hailuo_batch.report.encoding import encode_indented
from hailuo_batch.report.fields import format_time
from hailuo_batch.report.folder_scan import SUFFIX, FolderScan, read_bounded, scan_folder
from hailuo_batch.report.read_back import LARGEST_SIDECAR, SIDECAR
from hailuo_batch.report.verified_files import Mark, VerifiedFiles

VERSION = 1

_HEAD = encode_indented({"kind": SIDECAR}).removesuffix("\n}").encode("ascii")
"""The first bytes of every sidecar."""
_LONGEST_REFERENCE = 2_000


@dataclass(frozen=True, slots=True)
class _ExistingSidecar:
    """A sidecar on disk: its text and its data, both empty if the disk has lost them."""

    text: str
    sidecar: Mapping[str, Any]


def update_sidecars(snapshot: Snapshot, folder: Path) -> frozenset[str]:
    """Write, rewrite and remove sidecars to match the videos on disk. Raises OutputError if that fails.

    Returns the sidecars that exist afterwards, by their paths in the folder.
    """
    try:
        names = scan_folder(folder).names
        found = {name: sidecar for name in names if (sidecar := _read(folder, name))}
        described = {f"{path}{SUFFIX}": facts for path, facts in _saved_files(snapshot) if path in names}
        before = {_identity(old.sidecar): old.sidecar for old in found.values() if old.sidecar}
        for name, facts in described.items():
            if name in names and name not in found:
                continue  # a file of somebody else
            kept = before.get(_identity(facts), {})
            manifest_sha256 = kept.get("manifest_sha256") or snapshot.manifest_sha256 or None
            text = _text({**_with_variables(facts, kept), "manifest_sha256": manifest_sha256})
            if name not in found or found[name].text != text:
                write_without_sync(folder / name, text.encode("utf-8"))
        for name in found.keys() - described.keys():
            if found[name].sidecar and name.removesuffix(SUFFIX) not in names:
                (folder / name).unlink(missing_ok=True)
        remove_stale_temporaries(folder, names)
        return frozenset(described.keys() - (names - found.keys()))
    except OSError as error:
        raise OutputError(
            f"The sidecars beside the videos in {folder} could not be written: {error.strerror or error}. The ledger "
            "and the videos are intact. Free some space or make the folder writable, then run `hailuo-batch report "
            "MANIFEST`."
        ) from error


def verify_sidecars(folder: Path, mark: Mark, names: Collection[str]) -> VerifiedFiles:
    """The cache entry for these sidecars, which were just updated. `mark` is the end of the ledger's journal."""
    seen = scan_folder(folder)
    return VerifiedFiles(
        mark, _names_hash(seen), {name: stamp for name, stamp in seen.sidecars.items() if name in names}
    )


def are_sidecars_current(verified: VerifiedFiles | None, folder: Path, mark: Mark) -> bool:
    """Whether the sidecars are known to match the ledger and the videos on disk, and are unchanged since."""
    if verified is None or verified.mark != mark:
        return False
    try:
        seen = scan_folder(folder)
    except OSError:
        return False
    untouched = all(seen.sidecars.get(name) == stamp for name, stamp in verified.files.items())
    return untouched and verified.content_hash == _names_hash(seen)


def _names_hash(seen: FolderScan) -> str:
    """A hash of which videos are on disk: the sidecars depend on it, and the journal does not show it."""
    names = "\n".join(sorted(seen.names))
    return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()


def _saved_files(snapshot: Snapshot) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every saved file with its sidecar's fields, except the manifest's hash."""
    for record in snapshot.takes:
        for run in record.runs:
            for output in run.outputs:
                if output.path is not None:
                    yield output.path, _facts(snapshot, record, run, output)


def _facts(snapshot: Snapshot, record: TakeRecord, run: Run, output: Output) -> dict[str, Any]:
    given: dict[str, Any] = json.loads(run.input_json)
    images = given.pop("image_urls", [])
    take = record.take
    # what the take asks for now may come from another row than this run did
    has_variables = record.knows_variables and run.fingerprint == take.fingerprint
    return {
        "kind": SIDECAR,
        "version": VERSION,
        "file": PurePosixPath(output.path or "").name,
        "bytes": output.bytes,
        "sha256": output.sha256,
        "campaign": snapshot.campaign,
        "endpoint": snapshot.endpoint,
        "take": run.take_id,
        "tags": list(take.tags),
        "variables": {name: _reference(value) for name, value in take.variables.items()} if has_variables else None,
        "prompt": given.pop("prompt", None),
        "image_urls": [_reference(image) for image in images] if isinstance(images, list) else [],
        **({"input": given} if given else {}),
        "model": run.model,
        "run_id": run.run_id,
        "attempt": run.attempt,
        "output": output.index + 1,
        "superseded": run.is_superseded,
        "cost_micro_usd": run.cost_micro_usd,
        "submitted_at": format_time(run.submitted_at),
        "completed_at": format_time(run.completed_at),
        "fingerprint": run.fingerprint,
        **({"flaw": output.flaw} if output.flaw is not None else {}),
    }


def _with_variables(facts: dict[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with their variables; where the ledger does not know them, with those of the sidecar as it was.

    Without any the field is left out: a sidecar from before there were variables is right as it is.
    """
    variables = facts["variables"]
    if variables is None:
        before = kept.get("variables")
        is_ours = isinstance(before, dict) and all(isinstance(value, str) for value in before.values())
        variables = before if is_ours else {}
    return {name: value for name, value in (facts | {"variables": variables}).items() if name != "variables" or value}


def _reference(image: object) -> object:
    """The image's URL; an embedded image is replaced by its hash, so that the sidecar stays small."""
    if not isinstance(image, str) or len(image) <= _LONGEST_REFERENCE:
        return image
    digest = hashlib.sha256(image.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{image[:40]}… ({len(image)} characters, SHA-256 {digest})"


def _identity(facts: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(facts.get(name)) for name in ("run_id", "output", "sha256"))


def _text(facts: Mapping[str, Any]) -> str:
    return encode_indented(facts) + "\n"


def _read(folder: Path, name: str) -> _ExistingSidecar | None:
    """The sidecar in this file, None if it is not one of ours."""
    content = read_bounded(f"{folder}/{name}", LARGEST_SIDECAR) if name.endswith(SUFFIX) else None
    if content is None:
        return None
    try:
        text = content.decode("utf-8")
        value = json.loads(text)
    except (ValueError, RecursionError):
        # what a power cut leaves: an empty file, zeros, or the beginning of a sidecar
        is_lost = content.startswith(_HEAD) or not content.strip(b"\0")
        return _ExistingSidecar("", {}) if is_lost else None
    ours = isinstance(value, dict) and value.get("kind") == SIDECAR
    return _ExistingSidecar(text, value) if ours else None

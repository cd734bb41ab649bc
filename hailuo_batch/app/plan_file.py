"""Plan files: what `plan --out` writes and `apply --plan` reads.

The file is the document of `plan --json`. Beside what a person reviews, it records what the plan was made from: the
SHA-256 of the manifest, of each table, of each local copy of an image and of all takes, the endpoint, the options, and
the position of the ledger's journal. Its `id` is the SHA-256 of everything else: the same plan of the same state has
the same ID, and a file that was edited is no longer that plan. Nothing here reads a ledger.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hailuo_batch.adapters.ledger import JournalPosition
from hailuo_batch.adapters.local.fs import open_to_read, write_pieces_without_sync
from hailuo_batch.app.manifest_input import Manifest
from hailuo_batch.core.picks.picks import Mark, Pick
from hailuo_batch.core.planning.estimate import Basis
from hailuo_batch.core.planning.plan import FOLLOWED, PAYING, InDoubtPolicy, Plan, PlanAction, PlanRequest
from hailuo_batch.errors import UsageError
from hailuo_batch.json_fields import (
    get_bool,
    get_count,
    get_object,
    get_objects,
    get_text,
    get_text_map,
    get_texts,
    parse_strict_json,
)
from hailuo_batch.values import CampaignSpec, canonical_json, compute_fingerprint, json_pieces

_MOST_BYTES = 1 << 29


@dataclass(frozen=True, slots=True)
class Sources:
    """What a manifest's takes are made from, as SHA-256 in hex.

    Tables are by their paths from the manifest's folder, images by their URLs; `takes` covers all takes.
    """

    manifest: str
    takes: str
    tables: Mapping[str, str]
    images: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LedgerState:
    """The position of the ledger's journal. `restored` is set for a backup that no apply has reconciled yet."""

    mark: JournalPosition = field(default_factory=JournalPosition)
    restored: bool = False


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan read from a file.

    `paying` maps the ID of each take that it pays for to the fingerprint of its request, `followed` that of each take
    whose run it follows. `prices` has the newest real cost of each model, in micro-USD, as the plan showed it.
    """

    path: Path
    id: str
    campaign: str
    endpoint: str
    plan_request: PlanRequest
    cap_micro_usd: int | None
    prices: Mapping[str, int]
    sources: Sources
    ledger: LedgerState
    paying: Mapping[str, str]
    followed: Mapping[str, str]

    @property
    def retryable(self) -> Mapping[str, str]:
        """The takes whose failed runs are tried again within `max_attempts`: those paid for or followed."""
        return {**self.followed, **self.paying}


def sources_of(manifest: Manifest) -> Sources:
    """The sources of the manifest's takes."""
    folder = manifest.path.resolve().parent
    tables = {
        Path(os.path.relpath(Path(path).resolve(), folder)).as_posix(): sha for path, sha in manifest.tables.items()
    }
    images = {url: picture.sha256 for url, picture in manifest.copies.items() if picture.sha256 is not None}
    return Sources(manifest.campaign.manifest_sha256, _takes_sha256(manifest.campaign), tables, images)


def complete_plan_document(
    document: Mapping[str, Any], request: PlanRequest, sources: Sources, ledger: LedgerState, plan: Plan
) -> dict[str, Any]:
    """The plan's document with its sources and its ID."""
    complete = {
        **document,
        "wishes": {
            "only": [*request.only],
            "replace": [*request.replace],
            "in_doubt": str(request.in_doubt),
            "limit": request.limit,
            "rerolls": [{"take": each.take_id, "run_id": each.run_id, "note": each.note} for each in request.rerolls],
        },
        "rests_on": {
            "manifest_sha256": sources.manifest,
            "takes_sha256": sources.takes,
            "tables": dict(sources.tables),
            "images": dict(sources.images),
            "ledger": {
                "journal": ledger.mark.number,
                "journal_sha256": ledger.mark.sha256 or None,
                "restored": ledger.restored,
                "steps": len(plan.ledger_changes),
            },
        },
    }
    return {"id": _id_of(complete), **complete}


def write_plan(path: Path, document: Mapping[str, Any]) -> None:
    """Write the document, completely or not at all. It replaces nothing but an earlier plan.

    Raises UsageError if it cannot be written, or if something else has that name.
    """
    try:
        real = _resolve_link(path)
        _refuse_to_replace(real)
        write_pieces_without_sync(real, (text.encode("ascii") for text in json_pieces(document)))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: the plan cannot be written ({why}). Nothing was sent.") from error


def read_plan(path: Path) -> SavedPlan:
    """The plan in the file. Raises UsageError if it is not a plan, was edited, or shows an input that is not the one
    that it pays for."""
    try:
        document = _parse(_read(path))
    except OSError as error:
        raise UsageError(f"{path}: the plan cannot be read ({error.strerror}). Nothing was sent.") from error
    except ValueError as error:
        raise _not_a_plan(path, str(error)) from error
    if not _is_plan(document):
        raise _not_a_plan(path, "it lacks fields of a plan, or they are invalid")
    id_ = document.pop("id", None)
    # rule plan_untouched
    if id_ != _id_of(document):
        raise UsageError(
            f"{path}: the plan was edited, or is incomplete. Nothing was sent, nothing was paid. Make a new one with "
            "`hailuo-batch plan MANIFEST --out FILE`."
        )
    try:
        plan, mismatch = _parse_plan(path, id_, document), _find_mismatch(document)
    except (KeyError, TypeError, ValueError) as error:
        raise _not_a_plan(path, "it lacks fields of a plan, or they are invalid") from error
    if mismatch is not None:
        raise UsageError(
            f"{path}: the plan was edited: the input that it shows for {mismatch!r} is not the one that would be sent. "
            "Nothing was sent, nothing was paid. Make a new one with `hailuo-batch plan MANIFEST --out FILE`."
        )
    return plan


def saved_plan(document: Mapping[str, Any]) -> SavedPlan:
    """The plan of which this is the complete document, for a program that has not let it out of its hands.

    Raises UsageError if it is not such a document, or was changed.
    """
    copy = json.loads(json.dumps(document))
    name = Path(f"plan {str(copy.get('id'))[:8]}")
    id_ = copy.pop("id", None)
    try:
        if id_ == _id_of(copy) and _find_mismatch(copy) is None:
            return _parse_plan(name, id_, copy)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{name}: this is no plan that can be applied. Nothing was sent.") from error
    raise UsageError(f"{name}: this plan was changed since it was made. Nothing was sent, nothing was paid.")


def _read(path: Path) -> bytes:
    """The file's bytes. A link is followed, but nothing is read that could block. Raises OSError, and ValueError for a
    file that is too large."""
    with open_to_read(Path(os.path.realpath(path))) as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError("it is too large")
    return data


def _parse(data: bytes) -> Any:
    """The document in these bytes. Raises ValueError that says what is wrong."""
    try:
        return parse_strict_json(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError("it is not JSON") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except MemoryError as error:
        raise ValueError("it is too large") from error


def _is_plan(document: Any) -> bool:
    return isinstance(document, dict) and document.get("version") == 1 and "rests_on" in document


def _resolve_link(path: Path) -> Path:
    """The path of the plan itself: a link to a plan is kept. Raises ValueError for a link that leads to no file.

    Such a link, perhaps to a terminal or a pipe, belongs to somebody else.
    """
    if not path.is_symlink():
        return path
    real = Path(os.path.realpath(path))
    if not real.is_file():
        raise ValueError("this is a symbolic link that leads to no plan")
    return real


def _refuse_to_replace(path: Path) -> None:
    """Raises ValueError if the path is something other than a plan, such as a manifest, and OSError if it is
    unreadable."""
    try:
        is_plan = _is_plan(_parse(_read(path)))
    except FileNotFoundError:
        return
    except ValueError:
        is_plan = False
    if not is_plan and path.stat().st_size:
        raise ValueError("there is a file that is not a plan; it was not changed")


def _parse_plan(path: Path, id_: str, document: Mapping[str, Any]) -> SavedPlan:
    """The plan in the document. Raises KeyError, TypeError or ValueError for a missing or invalid field."""
    request, sources = get_object(document, "wishes"), get_object(document, "rests_on")
    ledger, paying, followed = get_object(sources, "ledger"), _takes(document, PAYING), _takes(document, FOLLOWED)
    limit = get_count(request, "limit") if request.get("limit") is not None else None  # older plans have none
    journal_sha256 = "" if ledger["journal_sha256"] is None else get_text(ledger, "journal_sha256")
    return SavedPlan(
        path=path,
        id=id_,
        campaign=get_text(document, "campaign"),
        endpoint=get_text(document, "endpoint"),
        plan_request=PlanRequest(
            get_texts(request, "only"),
            get_texts(request, "replace"),
            InDoubtPolicy(get_text(request, "in_doubt")),
            # not takes that are only followed: their runs may be done when the plan is applied again, and stay so
            frozenset(_takes(document, frozenset({PlanAction.REPLACE}))),
            limit,
            # applied again, the plan makes what it began with, and not the next takes of the manifest
            None if limit is None else frozenset({*followed, *paying}),
            _rerolls(request),
        ),
        cap_micro_usd=None if document["cap_micro_usd"] is None else get_count(document, "cap_micro_usd"),
        prices=_prices(get_object(document, "estimate")),
        sources=Sources(
            get_text(sources, "manifest_sha256"),
            get_text(sources, "takes_sha256"),
            get_text_map(sources, "tables"),
            get_text_map(sources, "images"),
        ),
        ledger=LedgerState(JournalPosition(get_count(ledger, "journal"), journal_sha256), get_bool(ledger, "restored")),
        paying=paying,
        followed=followed,
    )


def _rerolls(request: Mapping[str, Any]) -> tuple[Pick, ...]:
    """The re-rolls that the plan was made with. Older plans have none."""
    listed = get_objects(request, "rerolls") if "rerolls" in request else ()
    texts = ([get_text(each, name) for name in ("take", "run_id", "note")] for each in listed)
    return tuple(Pick(take, run_id, Mark.REROLL, note) for take, run_id, note in texts)


def _prices(estimate: Mapping[str, Any]) -> dict[str, int]:
    models = get_objects(estimate, "models")
    known = [each for each in models if get_text(each, "basis") == Basis.LEDGER]
    return {get_text(each, "model"): get_count(each, "cost_micro_usd") for each in known}


def _takes(document: Mapping[str, Any], actions: frozenset[PlanAction]) -> dict[str, str]:
    takes = get_objects(document, "takes")
    ids = [get_text(take, "id") for take in takes]
    if len(set(ids)) != len(ids):
        raise ValueError("a take is listed twice")
    chosen = [take for take in takes if PlanAction(get_text(take, "action")) in actions]
    return {get_text(take, "id"): get_text(take, "fingerprint") for take in chosen}


def _find_mismatch(document: Mapping[str, Any]) -> str | None:
    """The first take whose input is not what its fingerprint stands for, None if there is none.

    The reviewer has read the inputs, and the apply compares fingerprints: only together do they say what is paid for.
    Plans of earlier versions show no inputs. Raises KeyError, TypeError or ValueError for an invalid field.
    """
    takes = get_objects(document, "takes")
    shows_inputs = any("input" in take for take in takes)
    for take in takes:
        is_paid = PlanAction(get_text(take, "action")) in PAYING
        if shows_inputs and (is_paid or take["input"] is not None):
            shown = canonical_json(get_object(take, "input"))
            # rule input_is_paid_for
            if compute_fingerprint(get_text(take, "model"), shown) != get_text(take, "fingerprint"):
                return get_text(take, "id")
    return None


def _id_of(document: Mapping[str, Any]) -> str:
    """The SHA-256, in hex, of the canonical JSON of the document, of which a list is never written as a whole."""
    digest = hashlib.sha256()
    for number, (key, value) in enumerate(sorted(document.items())):
        digest.update(f"{',' if number else '{'}{canonical_json(key)}:".encode())
        for piece in _canonical_pieces(value):
            digest.update(piece.encode("utf-8", "surrogatepass"))
    digest.update(b"}" if document else b"{}")
    return digest.hexdigest()


def _canonical_pieces(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not value:
        yield canonical_json(value)
        return
    for number, item in enumerate(value):
        yield f"{',' if number else '['}{canonical_json(item)}"
    yield "]"


def _takes_sha256(campaign: CampaignSpec) -> str:
    """One digest over all takes in their order, and over the manifest's limits."""
    # the repr of Limits is part of the plan file's format: with another one, every plan made before is out of date
    digest = hashlib.sha256(repr(campaign.limits).encode("utf-8"))
    for take in campaign.takes:
        digest.update(f"{take.id} {take.fingerprint} {take.images_sha256}\n".encode())
    return digest.hexdigest()


def _not_a_plan(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path}: this is not a plan file of `hailuo-batch plan MANIFEST --out FILE`: {why}. Nothing was sent."
    )

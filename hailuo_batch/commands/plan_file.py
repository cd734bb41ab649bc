"""A plan kept in a file: what `plan --out` writes, and what `apply --plan` reads.

The file is the document of `plan --json`. Beside what a person reviews it holds what the plan rests on: the SHA-256 of
the manifest, of each table and of each local copy of an image, one over all wanted takes, the endpoint, the wishes, and
the mark at which the ledger's journal ended. Its `id` is the SHA-256 of all the rest: the same plan of the same state
has the same ID, and a file that was changed by hand is not that plan any more. Nothing here looks at a ledger.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hailuo_batch.commands.estimate import Basis
from hailuo_batch.commands.loading import Manifest
from hailuo_batch.core.plan import PAYING, InDoubt, Plan, PlanAction, Wishes
from hailuo_batch.errors import UsageError
from hailuo_batch.shell.ledger import Mark
from hailuo_batch.values import Campaign, canonical_json

_MOST_BYTES = 1 << 29
_FOLLOWED = frozenset({PlanAction.RESUME, PlanAction.DOWNLOAD})


@dataclass(frozen=True, slots=True)
class Sources:
    """What a manifest's takes are made from: SHA-256 in hex, tables by their paths from the manifest's folder, images
    by their URLs, `takes` over all that is wanted."""

    manifest: str
    takes: str
    tables: Mapping[str, str]
    images: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LedgerState:
    """How the ledger stood; `restored` where it was a backup put back, and no apply had looked at it since."""

    mark: Mark = field(default_factory=Mark)
    restored: bool = False


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan read from a file.

    `paying` has the request's fingerprint of each take that is to be paid for, `followed` that of each whose run is
    followed, both by take ID; `prices` the newest real cost of each model, in micro-USD, as the plan showed it.
    """

    path: Path
    id: str
    campaign: str
    endpoint: str
    wishes: Wishes
    cap_micro_usd: int | None
    prices: Mapping[str, int]
    sources: Sources
    ledger: LedgerState
    paying: Mapping[str, str]
    followed: Mapping[str, str]

    @property
    def made(self) -> Mapping[str, str]:
        """The takes that are made anew within `max_attempts` where their runs fail: those paid for or followed."""
        return {**self.followed, **self.paying}


def sources_of(manifest: Manifest) -> Sources:
    """What the manifest's takes are made from."""
    folder = manifest.path.resolve().parent
    tables = {
        Path(os.path.relpath(Path(path).resolve(), folder)).as_posix(): sha for path, sha in manifest.tables.items()
    }
    images = {url: picture.sha256 for url, picture in manifest.copies.items() if picture.sha256 is not None}
    return Sources(manifest.campaign.manifest_sha256, _takes_sha256(manifest.campaign), tables, images)


def complete_document(
    document: Mapping[str, Any], wishes: Wishes, sources: Sources, ledger: LedgerState, plan: Plan
) -> dict[str, Any]:
    """The plan's document with what it rests on, and its ID."""
    complete = {
        **document,
        "wishes": {"only": [*wishes.only], "replace": [*wishes.replace], "in_doubt": str(wishes.in_doubt)},
        "rests_on": {
            "manifest_sha256": sources.manifest,
            "takes_sha256": sources.takes,
            "tables": dict(sources.tables),
            "images": dict(sources.images),
            "ledger": {
                "journal": ledger.mark.number,
                "journal_sha256": ledger.mark.sha256 or None,
                "restored": ledger.restored,
                "steps": len(plan.steps),
            },
        },
    }
    return {"id": _id_of(complete), **complete}


def write_plan(path: Path, document: Mapping[str, Any]) -> None:
    """Write the document, whole or not at all. Raises UsageError where it cannot be written."""
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_text(json.dumps(document, ensure_ascii=True, allow_nan=False, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: the plan cannot be written ({why}). Nothing was sent.") from error


def read_plan(path: Path) -> SavedPlan:
    """The plan in the file. Raises UsageError where there is none, or where it was changed by hand."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _no_plan(path, "it is far too large")
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: the plan cannot be read ({error.strerror}). Nothing was sent.") from error
    except (ValueError, RecursionError) as error:
        raise _no_plan(path, "it is no JSON") from error
    if not isinstance(document, dict) or document.get("version") != 1 or "rests_on" not in document:
        raise _no_plan(path, "that command writes another form")
    id_ = document.pop("id", None)
    if id_ != _id_of(document):
        raise UsageError(
            f"{path}: the plan was changed after it was written, or only half of it is there. Nothing was sent, "
            "nothing was paid. Make a new one with `hailuo-batch plan MANIFEST --out FILE`."
        )
    try:
        return _parsed(path, id_, document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no_plan(path, "that command writes another form") from error


def _parsed(path: Path, id_: str, document: Mapping[str, Any]) -> SavedPlan:
    asked, rests, models = document["wishes"], document["rests_on"], document["estimate"]["models"]
    ledger = rests["ledger"]
    return SavedPlan(
        path=path,
        id=id_,
        campaign=document["campaign"],
        endpoint=document["endpoint"],
        wishes=Wishes(tuple(asked["only"]), tuple(asked["replace"]), InDoubt(asked["in_doubt"])),
        cap_micro_usd=document["cap_micro_usd"],
        prices={each["model"]: each["cost_micro_usd"] for each in models if each["basis"] == Basis.LEDGER},
        sources=Sources(rests["manifest_sha256"], rests["takes_sha256"], dict(rests["tables"]), dict(rests["images"])),
        ledger=LedgerState(Mark(ledger["journal"], ledger["journal_sha256"] or ""), ledger["restored"]),
        paying=_takes(document, PAYING),
        followed=_takes(document, _FOLLOWED),
    )


def _takes(document: Mapping[str, Any], actions: frozenset[PlanAction]) -> dict[str, str]:
    return {take["id"]: take["fingerprint"] for take in document["takes"] if PlanAction(take["action"]) in actions}


def _id_of(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(document).encode("utf-8", "surrogatepass")).hexdigest()


def _takes_sha256(campaign: Campaign) -> str:
    """One digest over all that is wanted, in its order, and over what bounds it."""
    digest = hashlib.sha256(repr(campaign.limits).encode("utf-8"))
    for take in campaign.takes:
        digest.update(f"{take.id} {take.fingerprint} {take.images_sha256}\n".encode())
    return digest.hexdigest()


def _no_plan(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path}: this is no plan that `hailuo-batch plan MANIFEST --out FILE` has written: {why}. Nothing was sent."
    )

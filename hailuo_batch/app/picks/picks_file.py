"""A file of picks, as the contact sheet exports it: read, checked, and compared with the campaign that it is used for.

The file comes from somebody else, perhaps by mail. It is bounded in size, every field is looked at before it is
believed, and what it says reaches a terminal escaped. A pick names a run, and nothing that the ledger does not know is
paid for or copied because of it. Fields that a later version may add are ignored.
"""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hailuo_batch.adapters.local.fs import open_to_read
from hailuo_batch.app.workspace import CampaignContext
from hailuo_batch.core.picks.picks import Mark, Pick, Picks
from hailuo_batch.errors import UsageError
from hailuo_batch.json_fields import get_objects, get_text, parse_strict_json
from hailuo_batch.report.advice import SANDBOX
from hailuo_batch.ui.text import clean, elide

SCHEMA = "hailuo-batch/picks"
_VERSION = 1
_MOST_BYTES = 1 << 26
_LONGEST_NAME = 200
_LONGEST_NOTE = 10_000
_LONGEST_ENDPOINT = 2_000
_SHOWN = 60
_ELSEWHERE = "A browser saves exports among its downloads: give the file's path there, such as ~/Downloads/{name}."
_HINT = "Export it in the report's page (report.html), or see `hailuo-batch schema picks`."


def load_picks(path: Path, context: CampaignContext) -> Picks:
    """The picks in the file. Raises UsageError if it is no file of picks, or one of another campaign."""
    try:
        picks = parse_picks(_read(path))
    except OSError as error:
        where = _ELSEWHERE.format(name=path.name) if isinstance(error, FileNotFoundError) else _HINT
        raise UsageError(f"{path}: the picks cannot be read ({error.strerror}). Nothing was sent. {where}") from error
    except (KeyError, TypeError, ValueError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"{path}: this is not a file of picks: {why}. Nothing was sent. {_HINT}") from error
    _check_campaign(path, picks, context)
    return picks


def parse_picks(data: bytes) -> Picks:
    """The picks in these bytes. Raises KeyError, TypeError or ValueError that says what is wrong."""
    document = _parse_json(data)
    if not isinstance(document, dict):
        raise TypeError("it is not a JSON object")
    if document.get("schema") != SCHEMA:
        raise ValueError(f"its `schema` is not {SCHEMA!r}")
    version = document.get("version")
    if isinstance(version, bool) or version != _VERSION:
        raise ValueError(f"its `version` is not {_VERSION}; a newer one needs a newer hailuo-batch")
    picks = [_parse_pick(item, number) for number, item in enumerate(get_objects(document, "picks"), 1)]
    _check_duplicates(picks)
    endpoint = _bounded(document, "endpoint", _LONGEST_ENDPOINT) if "endpoint" in document else ""
    campaign = _bounded(document, "campaign", _LONGEST_NAME)
    return Picks(campaign, endpoint, tuple(picks), _parse_time(document.get("exported_at")))


def _read(path: Path) -> bytes:
    """The file's bytes. A link is followed, but nothing is read that could block. Raises OSError, and ValueError for a
    file that is too large."""
    with open_to_read(Path(os.path.realpath(path))) as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MB")
    return data


def _parse_json(data: bytes) -> Any:
    try:
        return parse_strict_json(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON (line {error.lineno}, column {error.colno})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _parse_pick(item: Mapping[str, Any], number: int) -> Pick:
    try:
        mark = _parse_mark(get_text(item, "mark")) if "mark" in item else None
        note = _bounded(item, "note", _LONGEST_NOTE) if "note" in item else ""
        take_id, run_id = _bounded(item, "take", _LONGEST_NAME), _bounded(item, "run_id", _LONGEST_NAME)
        return Pick(take_id, run_id, mark, note)
    except KeyError as error:
        raise ValueError(f"pick {number:,} has no {error}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"in pick {number:,}, {error}") from error


def _parse_time(value: Any) -> float | None:
    """The time of an export, None where the file has none that can be read: it is only shown."""
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def _parse_mark(text: str) -> Mark:
    if text not in {*Mark}:
        raise ValueError(f"`mark` is {_shown(text)}, and not one of {', '.join(Mark)}")
    return Mark(text)


def _bounded(fields: Mapping[str, Any], name: str, most: int) -> str:
    text = get_text(fields, name)
    if not 1 <= len(text) <= most:
        raise ValueError(f"`{name}` has {len(text):,} characters, and should have 1 to {most:,}")
    return text


def _check_duplicates(picks: Sequence[Pick]) -> None:
    """Raise ValueError where two picks speak of one run: which of them the user meant, nobody can say."""
    seen: dict[str, Pick] = {}
    for pick in picks:
        other = seen.setdefault(pick.run_id, pick)
        if other is not pick:
            marks = " and ".join(each.mark or "no mark" for each in (other, pick))
            raise ValueError(
                f"it has two picks for {_shown(pick.run_id)} of {_shown(pick.take_id)} ({marks}). Keep one of them"
            )


def _check_campaign(path: Path, picks: Picks, context: CampaignContext) -> None:
    campaign = context.campaign.name
    if picks.campaign != campaign:
        raise UsageError(
            f"{path}: these picks are for the campaign {_shown(picks.campaign)}, and {context.where.manifest} is "
            f"{campaign}. Nothing was sent. Export them in this campaign's report."
        )
    if picks.endpoint in {"", context.endpoint}:
        return
    if picks.endpoint == SANDBOX:
        problem = "these picks are for the practice run of this campaign. Add --sandbox to use them there"
    elif context.is_sandbox:
        problem = "these picks are for the real campaign, and not for the practice run. Leave --sandbox out"
    else:
        problem = f"these picks are for runs at {_shown(picks.endpoint)}, and this campaign is at {context.endpoint}"
    raise UsageError(f"{path}: {problem}. Nothing was sent.")


def _shown(text: str) -> str:
    """Text of the file, short and on one line."""
    return repr(clean(elide(text, _SHOWN)))

"""The images of takes that are to be created, looked at before anything is paid for.

Only those: a campaign with nothing to create looks at nothing. Local copies and `data:` URLs are judged where they lie;
the rest is fetched as far as needed, each distinct URL once. What cannot work stops the command, all of it told at
once; what is only suspicious is said.
"""

import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from urllib.parse import urlsplit

from hailuo_batch.app.manifest_input import Manifest
from hailuo_batch.core.planning.plan import Plan
from hailuo_batch.errors import UsageError
from hailuo_batch.preflight.verdict import Finding, judge_copy, judge_data_url, judge_look
from hailuo_batch.ui.console import Console, Verbosity, columns_of
from hailuo_batch.ui.progress import tally
from hailuo_batch.ui.text import clean, count, elide

_TAKES_NAMED = 2
_WARNED = 12
_URL_SHOWN = 120


class Reach(Enum):
    """How far images are looked after."""

    NOTHING = "nothing"
    LOCAL = "local"  # what lies on this machine or in the manifest: nothing is sent
    WEB = "web"


def check_images(manifest: Manifest, plan: Plan, reach: Reach, console: Console) -> int:
    """Look at the images of all takes that the plan pays for, and say what is suspicious: of how many images.

    Raises UsageError, naming every image that cannot work and whose takes.
    """
    if reach is Reach.NOTHING or not plan.paying:
        return 0
    users = _users(manifest, plan)
    found = {url: _findings_here(url, manifest) for url in users}
    if reach is Reach.WEB:
        for url, seen in _findings_there(manifest, users, console).items():
            found[url] += seen
    # rule image_warnings
    warnings = _lines(found, users, fatal=False)
    fatal = _lines(found, users, fatal=True)
    if warnings:
        _warn(warnings, console)
    # rule image_errors
    if fatal:
        # rule all_image_errors
        raise UsageError(f"{count(len(fatal), 'image')} cannot be used, so that nothing is created:", *fatal, _REMEDY)
    return len(warnings)


_REMEDY = (
    "Nothing was sent to Runbase, nothing was paid. Put the images where the manifest says, or correct it; `--only` "
    "makes other takes without them, and `--no-check-images` has apply send everything as it stands."
)


def _users(manifest: Manifest, plan: Plan) -> dict[str, list[str]]:
    """The images of takes that are to be paid for, each with those takes, in the manifest's order."""
    paying = {line.take_id for line in plan.paying}
    users: dict[str, list[str]] = {}
    for take in manifest.campaign.takes:
        # rule paying_images
        if take.id in paying and "image_urls" in take.input_json:
            urls = take.input.get("image_urls")
            for url in urls if isinstance(urls, list) else ():
                users.setdefault(str(url), []).append(take.id)
    return users


def _findings_here(url: str, manifest: Manifest) -> tuple[Finding, ...]:
    """What can be known of an image without sending anything."""
    if _is_data(url):
        return judge_data_url(url)
    copy = manifest.copies.get(url)
    if copy is None or copy.file is None:
        return ()
    from hailuo_batch.preflight.fetch import read_copy

    try:
        return judge_copy(*read_copy(copy.file))
    except OSError as error:
        return (Finding(f"cannot be read in its local copy ({error.strerror})", fatal=True),)


def _findings_there(
    manifest: Manifest, users: Mapping[str, Sequence[str]], console: Console
) -> Mapping[str, tuple[Finding, ...]]:
    """What a look at the web tells of those images that are there."""
    from hailuo_batch.preflight.fetch import Scout  # which brings all of HTTP with it

    urls = [url for url in users if not _is_data(url)]
    # rule own_host
    scout = Scout(urlsplit(manifest.image_base).hostname or "")
    is_quiet = console.verbosity is Verbosity.QUIET
    # rule image_bar
    with tally(sys.stderr, None if is_quiet else columns_of(sys.stderr), len(urls), "images") as step:
        looks = scout.look_at(urls, step)
    return {url: judge_look(look, _copy_size(url, manifest)) for url, look in looks.items()}


def _copy_size(url: str, manifest: Manifest) -> int | None:
    copy = manifest.copies.get(url)
    try:
        return None if copy is None or copy.file is None else copy.file.stat().st_size
    except OSError:
        return None


def _lines(found: Mapping[str, Sequence[Finding]], users: Mapping[str, Sequence[str]], *, fatal: bool) -> list[str]:
    """A line for each image that there is something of this weight to say of."""
    told = {url: [each.what for each in findings if each.fatal is fatal] for url, findings in found.items()}
    return [f"  {_shown(url)} {'; '.join(whats)} ({_named(users[url])})" for url, whats in told.items() if whats]


def _warn(lines: Sequence[str], console: Console) -> None:
    shown = lines if console.is_verbose else lines[:_WARNED]
    more = [f"  ... and {len(lines) - len(shown):,} more; -v shows them"] if len(shown) < len(lines) else []
    console.warn(f"{count(len(lines), 'image')} may not work:", *shown, *more)


def _shown(url: str) -> str:
    return elide(clean(url), _URL_SHOWN)


def _named(take_ids: Sequence[str]) -> str:
    more = len(take_ids) - _TAKES_NAMED
    return ", ".join(take_ids[:_TAKES_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _is_data(url: str) -> bool:
    return url[:5].lower() == "data:"

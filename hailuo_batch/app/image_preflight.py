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
from hailuo_batch.preflight.verdict import Finding, judge_copy, judge_data_url, judge_fetch
from hailuo_batch.ui.console import Console, Verbosity, columns_of
from hailuo_batch.ui.progress import counting_bar
from hailuo_batch.ui.text import clean, count, elide

_TAKES_NAMED = 2
_MOST_WARNINGS_SHOWN = 12
_URL_SHOWN = 120


class ImageCheckLevel(Enum):
    """How far images are looked after."""

    NONE = "nothing"
    LOCAL = "local"  # what lies on this machine or in the manifest: nothing is sent
    ONLINE = "web"


def check_images(manifest: Manifest, plan: Plan, level: ImageCheckLevel, console: Console) -> int:
    """Look at the images of all takes that the plan pays for, and say what is suspicious: of how many images.

    Raises UsageError, naming every image that cannot work and whose takes.
    """
    if level is ImageCheckLevel.NONE or not plan.paying:
        return 0
    takes_by_url = _takes_by_url(manifest, plan)
    found = {url: _local_findings(url, manifest) for url in takes_by_url}
    if level is ImageCheckLevel.ONLINE:
        for url, findings in _online_findings(manifest, takes_by_url, console).items():
            found[url] += findings
    # rule image_warnings
    warnings = _finding_lines(found, takes_by_url, fatal=False)
    fatal = _finding_lines(found, takes_by_url, fatal=True)
    if warnings:
        _print_warnings(warnings, console)
    # rule image_errors
    if fatal:
        # rule all_image_errors
        raise UsageError(f"{count(len(fatal), 'image')} cannot be used, so that nothing is created:", *fatal, _REMEDY)
    return len(warnings)


_REMEDY = (
    "Nothing was sent to Runbase, nothing was paid. Put the images where the manifest says, or correct it; `--only` "
    "makes other takes without them, and `--no-check-images` has apply send everything as it stands."
)


def _takes_by_url(manifest: Manifest, plan: Plan) -> dict[str, list[str]]:
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


def _local_findings(url: str, manifest: Manifest) -> tuple[Finding, ...]:
    """What can be known of an image without sending anything."""
    if _is_data(url):
        return judge_data_url(url)
    copy = manifest.copies.get(url)
    if copy is None or copy.file is None:
        return ()
    from hailuo_batch.preflight.fetch import read_local_copy

    try:
        return judge_copy(*read_local_copy(copy.file))
    except OSError as error:
        return (Finding(f"cannot be read in its local copy ({error.strerror})", fatal=True),)


def _online_findings(
    manifest: Manifest, takes_by_url: Mapping[str, Sequence[str]], console: Console
) -> Mapping[str, tuple[Finding, ...]]:
    """What a look at the web tells of those images that are there."""
    from hailuo_batch.preflight.fetch import ImageFetcher  # which brings all of HTTP with it

    urls = [url for url in takes_by_url if not _is_data(url)]
    # rule own_host
    fetcher = ImageFetcher(urlsplit(manifest.image_base).hostname or "")
    is_quiet = console.verbosity is Verbosity.QUIET
    # rule image_bar
    with counting_bar(sys.stderr, None if is_quiet else columns_of(sys.stderr), len(urls), "images") as step:
        responses = fetcher.fetch_all(urls, step)
    return {url: judge_fetch(look, _copy_size(url, manifest)) for url, look in responses.items()}


def _copy_size(url: str, manifest: Manifest) -> int | None:
    copy = manifest.copies.get(url)
    try:
        return None if copy is None or copy.file is None else copy.file.stat().st_size
    except OSError:
        return None


def _finding_lines(
    found: Mapping[str, Sequence[Finding]], takes_by_url: Mapping[str, Sequence[str]], *, fatal: bool
) -> list[str]:
    """A line for each image that there is something of this weight to say of."""
    messages = {url: [each.what for each in findings if each.fatal is fatal] for url, findings in found.items()}
    return [
        f"  {_display_url(url)} {'; '.join(whats)} ({_take_names(takes_by_url[url])})"
        for url, whats in messages.items()
        if whats
    ]


def _print_warnings(lines: Sequence[str], console: Console) -> None:
    shown = lines if console.is_verbose else lines[:_MOST_WARNINGS_SHOWN]
    more = [f"  ... and {len(lines) - len(shown):,} more; -v shows them"] if len(shown) < len(lines) else []
    console.print_warning(f"{count(len(lines), 'image')} may not work:", *shown, *more)


def _display_url(url: str) -> str:
    return elide(clean(url), _URL_SHOWN)


def _take_names(take_ids: Sequence[str]) -> str:
    more = len(take_ids) - _TAKES_NAMED
    return ", ".join(take_ids[:_TAKES_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _is_data(url: str) -> bool:
    return url[:5].lower() == "data:"

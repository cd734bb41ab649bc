"""The manifest of a use case: its findings are shown to the user, and its images are checked before anything is paid.

Warnings about images on this machine come with the manifest's own. Those on the web are fetched as far as needed, each
once, and only for takes that are about to be paid for. An unusable image of such a take stops the command.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hailuo_batch.app.config import read_endpoint
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.workspace import CampaignContext, CampaignLocation, locate
from hailuo_batch.core.planning.plan import Plan
from hailuo_batch.errors import ManifestError, UsageError
from hailuo_batch.image_files.findings import Finding, ImageLimits, judge_content, limits_of
from hailuo_batch.manifest import (
    Diagnostic,
    LoadedManifest,
    ManifestText,
    ResolvedImage,
    Severity,
    load_manifest,
    load_with_image_warnings,
)
from hailuo_batch.manifest.findings import diagnostic_fields
from hailuo_batch.preflight.verdict import judge_fetch
from hailuo_batch.ui.text import clean, count, elide, name_some
from hailuo_batch.values import CampaignSpec, Take
from hailuo_batch.warning_codes import WarningCode

_MOST_TAKES_NAMED = 2
_URL_SHOWN = 120

Load = Callable[[Path, Severity, ManifestText | None], LoadedManifest]
"""One of the manifest's loaders."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest without errors: its campaign, and the files that it was made from.

    `tables` maps each table's path to its SHA-256 in hex, `copies` the URLs of images whose content is known without a
    network to what is known. Relative references begin with `image_base`, which may be empty. `diagnostics` are the
    warnings, and `warnings` is how many were shown. `accepted` are the kinds of warnings that the whole manifest
    accepts, `accepted_by_shot` those that a shot accepts besides.
    """

    path: Path
    campaign: CampaignSpec
    tables: Mapping[str, str]
    copies: Mapping[str, ResolvedImage]
    image_base: str
    warnings: int = 0
    warning_severity: Severity = Severity.WARNING
    accepted: frozenset[WarningCode] = frozenset()
    accepted_by_shot: Mapping[str, frozenset[WarningCode]] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()


def load_context(where: CampaignLocation, frontend: Frontend) -> CampaignContext:
    """The campaign of the manifest, its endpoint and its paths. Raises ManifestError with every error."""
    manifest = read_manifest(where, frontend, Severity.WARNING, load_manifest)
    return context_of(where, manifest)


def context_of(where: CampaignLocation, manifest: Manifest) -> CampaignContext:
    """The manifest's campaign with its endpoint and its paths. Raises UsageError if the API's base URL is invalid."""
    campaign = manifest.campaign
    endpoint = read_endpoint(where.sandbox, where.access.base_url)
    return CampaignContext(where, campaign, endpoint, locate(where, campaign.name), manifest.copies)


def read_manifest(
    where: CampaignLocation,
    frontend: Frontend,
    severity: Severity = Severity.WARNING,
    load: Load = load_with_image_warnings,
) -> Manifest:
    """Read the manifest by `load` and show its warnings, which count as `severity`.

    Raises ManifestError with every error.
    """
    loaded = load(where.manifest, severity, where.text)
    frontend.show_findings(where.manifest, loaded)
    warnings = [found for found in loaded.diagnostics if found.severity is Severity.WARNING]
    errors = [found for found in loaded.diagnostics if found.severity is Severity.ERROR]
    if loaded.campaign is None:
        raise ManifestError("\n".join(map(frontend.render_finding, warnings + errors)))
    return Manifest(
        where.manifest,
        loaded.campaign,
        loaded.tables,
        loaded.local_images,
        loaded.image_base_url,
        len(warnings),
        severity,
        loaded.accepted,
        loaded.accepted_by_shot,
        loaded.diagnostics,
    )


_CORRECT_IMAGES = (
    "Nothing was sent to Runbase, nothing was paid. Put the images where the manifest says, or correct the manifest."
)
PLAN_IMAGE_REMEDY = f"{_CORRECT_IMAGES} To plan other takes without them, use `--only`."
"""What to do about unusable images, where nothing would be sent anyway."""
IMAGE_REMEDY = (
    f"{_CORRECT_IMAGES} To run other takes without them, use `--only`; to send everything unchecked, "
    "`--no-check-images`."
)
"""What to do about unusable images."""


class ImageCheckLevel(Enum):
    """How thoroughly images are checked."""

    NONE = "nothing"
    LOCAL = "local"  # files on this machine and `data:` URLs: nothing is sent
    ONLINE = "web"


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """What was found out about the images of the takes that a plan pays for, by their URLs.

    `takes` are those takes.
    """

    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    takes: Mapping[str, Sequence[Take]] = field(default_factory=dict)


def warning_fields(manifest: Manifest, check: ImageCheck) -> list[dict[str, Any]]:
    """The findings about a manifest without errors, and about its images on the web, as JSON data."""
    in_manifest = [{**diagnostic_fields(found), "url": None, "takes": None} for found in manifest.diagnostics]
    nowhere = dict.fromkeys(("path", "line", "column", "more", "origin", "source", "caret"))
    about_images = [
        {
            **nowhere,
            "severity": str(Severity.ERROR if finding.fatal else manifest.warning_severity),
            "code": None if finding.fatal else str(finding.code),
            "message": finding.what,
            "hint": finding.hint or None,
            "url": url,
            "takes": [take.id for take in check.takes[url]],
        }
        for url, findings in check.findings.items()
        for finding in findings
    ]
    return in_manifest + about_images


def check_images(manifest: Manifest, plan: Plan, level: ImageCheckLevel, frontend: Frontend) -> int:
    """Check the images of the takes that the plan pays for. Shows and counts those on the web with warnings.

    Raises UsageError that names every unusable image and its takes.
    """
    return judge_images(look_at_images(manifest, plan, level, frontend), manifest.warning_severity, frontend)


def look_at_images(manifest: Manifest, plan: Plan, level: ImageCheckLevel, frontend: Frontend) -> ImageCheck:
    """Look at the images of the takes that the plan pays for.

    Left out are accepted warnings, and those about images on this machine: they were printed with the manifest's.
    """
    if level is ImageCheckLevel.NONE or not plan.paying:
        return ImageCheck()
    takes = _takes_by_url(manifest, plan)
    found = {url: _local_findings(url, manifest) for url in takes}
    if level is ImageCheckLevel.ONLINE:
        for url, findings in _online_findings(manifest, takes, frontend).items():
            found[url] += tuple(each for each in findings if not _is_accepted(each, takes[url], manifest))
    return ImageCheck({url: findings for url, findings in found.items() if findings}, takes)


def judge_images(check: ImageCheck, severity: Severity, frontend: Frontend, remedy: str = IMAGE_REMEDY) -> int:
    """Show and count the images with warnings, which count as `severity`.

    Raises UsageError that names every unusable image and its takes.
    """
    is_strict = severity is Severity.ERROR
    # rule image_warnings
    warnings = [] if is_strict else _finding_lines(check, lambda finding: not finding.fatal)
    fatal = _finding_lines(check, lambda finding: finding.fatal or is_strict)
    if warnings:
        frontend.warn_of_many(f"{count(len(warnings), 'image')} may not work:", warnings)
    # rule image_errors
    if fatal:
        is_unusable = any(finding.fatal for findings in check.findings.values() for finding in findings)
        why = "cannot be used" if is_unusable else "may not work, which is an error with --strict"
        # rule all_image_errors
        raise UsageError(f"{count(len(fatal), 'image')} {why}, so nothing was requested:", *fatal, remedy)
    return len(warnings)


def _takes_by_url(manifest: Manifest, plan: Plan) -> dict[str, list[Take]]:
    """The image URLs of the takes about to be paid for, each with its takes, in the manifest's order."""
    paying = {line.take_id for line in plan.paying}
    takes_by_url: dict[str, list[Take]] = {}
    for take in manifest.campaign.takes:
        # rule paying_images
        if take.id in paying and "image_urls" in take.input_json:
            urls = take.input.get("image_urls")
            for url in urls if isinstance(urls, list) else ():
                takes_by_url.setdefault(str(url), []).append(take)
    return takes_by_url


def _local_findings(url: str, manifest: Manifest) -> tuple[Finding, ...]:
    """What keeps an image from being used whose content is known without a network."""
    known = manifest.copies.get(url)
    if known is None or known.content is None:
        return ()
    fatal = (finding for finding in judge_content(known.content, ImageLimits.GENERAL) if finding.fatal)
    if known.file is None:
        return tuple(fatal)
    return tuple(replace(finding, what=f"has a local copy that {finding.what}") for finding in fatal)


def _online_findings(
    manifest: Manifest, takes: Mapping[str, Sequence[Take]], frontend: Frontend
) -> Mapping[str, tuple[Finding, ...]]:
    """Findings about images that have to be fetched."""
    from hailuo_batch.preflight.fetch import ImageFetcher  # imports all of HTTP

    limits = {url: _limits_for(takes[url]) for url in takes if not _is_data(url)}
    copies = {url: copy.content for url, copy in manifest.copies.items()}
    # Hailuo's limits are about pixels, which no server states; a copy has told them already
    # rule measured_images
    measured = {url for url, whose in limits.items() if whose is ImageLimits.HAILUO and url not in copies}
    # rule own_host
    fetcher = ImageFetcher(urlsplit(manifest.image_base).hostname or "")
    with frontend.counting(len(limits), "images") as step:
        responses = fetcher.fetch_all(limits, step, measured=measured)
    return {url: judge_fetch(response, limits[url], copies.get(url)) for url, response in responses.items()}


def _limits_for(takes: Iterable[Take]) -> ImageLimits:
    """The limits for an image of these takes: Hailuo's, if one of them is made by a Hailuo model."""
    whose = {limits_of(take.model) for take in takes}
    return ImageLimits.HAILUO if ImageLimits.HAILUO in whose else ImageLimits.GENERAL


def _is_accepted(finding: Finding, takes: Iterable[Take], manifest: Manifest) -> bool:
    """Whether the manifest accepts this warning, at the top or in every shot that uses the image."""
    if finding.fatal:
        return False
    by_shot = manifest.accepted_by_shot
    # rule accepted_images
    return finding.code in manifest.accepted or all(finding.code in by_shot.get(take.shot, ()) for take in takes)


def _finding_lines(check: ImageCheck, is_meant: Callable[[Finding], bool]) -> list[str]:
    """One line for each image with findings that are meant, with all of these."""
    texts = {url: [each.text for each in findings if is_meant(each)] for url, findings in check.findings.items()}
    return [
        f"  {_display_url(url)} {'; '.join(found)} ({name_some([t.id for t in check.takes[url]], _MOST_TAKES_NAMED)})"
        for url, found in texts.items()
        if found
    ]


def _display_url(url: str) -> str:
    return elide(clean(url), _URL_SHOWN)


def _is_data(url: str) -> bool:
    return url[:5].lower() == "data:"

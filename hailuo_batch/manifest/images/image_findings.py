"""What speaks against the images whose content is known without a network, as findings of the manifest.

Comes after the expansion, when it is known which models get which images. Images with the same problem are one
finding, at the first place where it is not accepted.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hailuo_batch.image_files.findings import Finding, ImageLimits, judge_content, limits_of
from hailuo_batch.manifest.diagnostics import Diagnostics, Positioned
from hailuo_batch.manifest.images.references import ResolvedImage
from hailuo_batch.values import Shot

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Case:
    """One problem of one image, and where it is reported."""

    image: ResolvedImage
    finding: Finding
    place: Positioned


def warn_about_images(images: Mapping[str, ResolvedImage], shots: Iterable[Shot], diagnostics: Diagnostics) -> None:
    """Warn of what speaks against these images, by their URLs, as far as the shots use them."""
    for same in _cases(images, shots, lambda finding: not finding.fatal):
        finding = same[0].finding
        diagnostics.warn(same[0].place, finding.code, _message(same), finding.hint)


def refuse_images(images: Mapping[str, ResolvedImage], shots: Iterable[Shot], diagnostics: Diagnostics) -> None:
    """Report which of these images cannot be used. Raises FatalDiagnostic for too many errors."""
    for same in _cases(images, shots, lambda finding: finding.fatal):
        diagnostics.error(same[0].place, _message(same), same[0].finding.hint)


def _cases(
    images: Mapping[str, ResolvedImage], shots: Iterable[Shot], is_meant: Callable[[Finding], bool]
) -> Iterable[Sequence[_Case]]:
    """The problems of the images that are meant, those with one cause together."""
    doubtful = {url: image for url, image in images.items() if any(_judge(image, limits) for limits in ImageLimits)}
    if not doubtful:
        return ()  # the usual case: nothing more is looked at
    limits = _limits_by_url(shots)
    cases: dict[tuple[str, str], list[_Case]] = {}
    for url, image in doubtful.items():
        for finding in filter(is_meant, _judge(image, limits[url]) if url in limits else ()):
            place = _place_of(image, finding)
            if place is not None:
                cases.setdefault((finding.code, finding.cause), []).append(_Case(image, finding, place))
    return cases.values()


def _judge(image: ResolvedImage, limits: ImageLimits) -> tuple[Finding, ...]:
    return () if image.content is None else judge_content(image.content, limits)


def _place_of(image: ResolvedImage, finding: Finding) -> Positioned | None:
    """The first place where this is reported, None if it is accepted wherever the image is used."""
    return next((use.place for use in image.uses if finding.fatal or finding.code not in use.accepted), None)


def _limits_by_url(shots: Iterable[Shot]) -> dict[str, ImageLimits]:
    """The limits by which each image is judged: Hailuo's, if one of its models gets it."""
    found: dict[str, ImageLimits] = {}
    for take in (shot.takes[0] for shot in shots):
        urls = json.loads(take.input_json).get("image_urls") if "image_urls" in take.input_json else None
        limits = limits_of(take.model)
        for url in urls if isinstance(urls, list) else ():
            if isinstance(url, str) and found.get(url) is not ImageLimits.HAILUO:
                found[url] = limits
    return found


def _message(same: Sequence[_Case]) -> str:
    """What is wrong with images that have the same problem: the first is described, and others are named."""
    first, others = same[0], same[1:]
    names = [case.image.name.removeprefix("the image ") for case in others[:_MOST_NAMED]]
    unnamed = len(others) - len(names)
    rest = f" and {unnamed:,} more" if unnamed else ""
    alike = f" (the same: {', '.join(names)}{rest})" if names else ""
    return f"{first.image.name} {first.finding.what}{alike}"

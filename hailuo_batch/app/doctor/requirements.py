"""Whether the packages that the program needs are there, and new enough. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping

from hailuo_batch.app.doctor.finding import Finding, Level

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9]+(?:\.[0-9]+)*)\s*")
_NUMBERS = re.compile(r"[0-9]+")


def judge_packages(required: Iterable[str], installed: Mapping[str, str], python: str) -> Iterator[Finding]:
    """Compare what is required, such as `click>=8.4`, with the versions that are installed.

    `installed` has the lower-case name of each package that is there. `python` is the interpreter, as it is typed.
    """
    needed = dict(_parse(required))
    for name, least in needed.items():
        version = installed.get(name.lower())
        if version is not None and _numbers(version) >= _numbers(least):
            continue
        what = "is missing" if version is None else f"is {version}, which is too old"
        yield Finding(
            Level.PROBLEM,
            "packages",
            f"{name} {what}; {least} or newer is needed.",
            "To mend it:",
            (f"{python} -m pip install --upgrade '{name}>={least}'",),
        )
    if needed and all(_numbers(installed.get(name.lower(), "")) >= _numbers(low) for name, low in needed.items()):
        listed = ", ".join(f"{name} {installed[name.lower()]}" for name in needed)
        yield Finding(Level.OK, "packages", f"{listed}.")


def _parse(required: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and least version of each requirement; those of an extra have a condition and are left out."""
    for text in required:
        match = _REQUIREMENT.fullmatch(text)
        if match is not None:
            yield match[1], match[2]


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers at the start of a version: `8.4.0rc1` counts as 8.4.0."""
    release = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(map(int, _NUMBERS.findall(release[0]))) if release else ()

"""The use case `collect`: the videos that were chosen, in a folder of their own, under names that say what they are.

Reads the ledger and the output folder, and writes to neither. Everything that can be refused is refused before the
first file is copied: a name that is not known, two videos of one name, a folder that is the campaign's own.
"""

import errno
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from hailuo_batch.adapters.local.collecting import (
    Collected,
    SourceError,
    SourceMovedError,
    collect_copy,
    collect_link,
    remove_left_over,
)
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.picks.listing import ListedFile, read_listing, write_listing
from hailuo_batch.app.workspace import CampaignContext, short_path
from hailuo_batch.core.model.runs import Output, Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.picks.names import (
    DEFAULT_NAME,
    NameTemplate,
    file_name,
    find_collisions,
    parse_name_template,
    safe_name,
    values_of,
)
from hailuo_batch.core.picks.picks import Pick
from hailuo_batch.errors import OutputError, UsageError
from hailuo_batch.ui.text import clean, count, elide, name_some
from hailuo_batch.values import Take

_MOST_NAMED = 10
_LONGEST_NAME = 60
_BY_ID = parse_name_template(DEFAULT_NAME)
_WORDS = re.compile(r"\W+")
_QUOTES = (
    "No variable is in it: put the name in single quotes, as in --name '${take}'. In double quotes the shell takes "
    "its own variables for them."
)
_REPAIR = "`hailuo-batch verify MANIFEST --repair` downloads it again, at no cost"


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """A file of a chosen video, and the name that it gets."""

    pick: Pick
    take: Take
    run: Run
    output: Output
    name: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be collected, and a sentence for each pick of which something cannot be."""

    files: tuple[ChosenFile, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CollectResult:
    """How many files were copied or linked, how many were there already, and what could not be collected."""

    made: int
    there: int
    problems: tuple[str, ...]


def select_files(picks: Sequence[Pick], snapshot: Snapshot, template: NameTemplate) -> Selection:
    """The files of these picks, each with its name. Raises UsageError for a name that cannot be made, and for files
    that would have the same name."""
    owners = {run.run_id: (record.take, run) for record in snapshot.takes for run in record.runs if run.run_id}
    found = [(pick, *owners[pick.run_id]) for pick in picks if pick.run_id in owners]
    problems = [f"{_shown(pick)}: the ledger has no run {pick.run_id}" for pick in picks if pick.run_id not in owners]
    _check_names_known(template, [take for _, take, _ in found], snapshot.campaign)
    files: list[ChosenFile] = []
    for pick, take, run in found:
        saved = [output for output in run.outputs if output.path is not None and output.sha256 is not None]
        if len(saved) < max(1, len(run.outputs)):
            problems.append(f"{_shown(pick)}: {_why_not_saved(run)}")
        # by default the ID, also of a take whose row has a column of that name
        is_default = template == _BY_ID
        stem = safe_name(take.id) if is_default else template.fill(values_of(take, pick.run_id, snapshot.campaign))
        if not stem:
            remedy = _QUOTES if not template.names else "Add ${take} to it."
            raise UsageError(f"--name gives {take.id} no name at all. Nothing was copied. {remedy}")
        files += [ChosenFile(pick, take, run, each, file_name(stem, each.path or "", each.index)) for each in saved]
    _check_collisions(files, template)
    return Selection(tuple(files), tuple(problems))


def prepare_folder(folder: Path, context: CampaignContext) -> None:
    """Make the folder. Raises UsageError where it is the campaign's own, or a file, and OutputError where it cannot be
    made."""
    real = Path(os.path.realpath(folder))
    for own in (context.paths.outputs, context.paths.ledger.parent):
        if real.is_relative_to(os.path.realpath(own)):
            raise UsageError(
                f"{folder}: this is in {short_path(own)}, which belongs to the campaign: files there are renamed and "
                "moved by `apply`. Nothing was copied. Give another folder."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{folder}: there is a file in its place. Nothing was copied. Give a folder.") from None
    except OSError as error:
        raise _cannot_write(folder, error, 0) from error


def collect_files(
    selection: Selection, folder: Path, context: CampaignContext, step: Callable[[], None], *, as_links: bool
) -> CollectResult:
    """Copy or link the files, each compared with the ledger, and write their list. `step` is called for each of them.

    Raises UsageError where the list's name is taken, or links cannot be made, and OutputError where the folder cannot
    be written; files that were collected until then stay.
    """
    kept = read_listing(folder)
    files = OutputFiles(context.paths.outputs)
    listed: list[ListedFile] = []
    problems = list(selection.problems)
    made = 0
    try:
        remove_left_over(folder, [each.name for each in selection.files])
        for each in selection.files:
            how = _collect(each, folder / each.name, files, as_links=as_links)
            if isinstance(how, str):
                problems.append(f"{_shown(each.pick)}: {how}")
            else:
                made += how is Collected.MADE
                listed.append(_listed(each, context.campaign.name))
            step()
    except OSError as error:
        raise _cannot_write(folder, error, len(listed)) from error
    if listed or kept:
        write_listing(folder, kept, listed)
    return CollectResult(made, len(listed) - made, tuple(problems))


def _collect(file: ChosenFile, target: Path, files: OutputFiles, *, as_links: bool) -> Collected | str:
    """Collect one file. Returns how, or in words why not. Raises OSError where the target cannot be written."""
    path, sha256 = file.output.path or "", file.output.sha256 or ""
    try:
        source = files.open(path)
    except FileNotFoundError:
        return f"{path} is missing; {_REPAIR}"
    except (OSError, ValueError) as error:
        return f"{path} cannot be read ({getattr(error, 'strerror', None) or error})"
    with source:
        try:
            if as_links:
                return collect_link(source, files.path_of(path), target, sha256)
            return collect_copy(source, target, sha256)
        except SourceMovedError as error:
            return f"{path} {error}; the same command tries again"
        except SourceError as error:
            return f"{path} {error}; {_REPAIR}"
        except FileExistsError:
            return f"{target} is another file, which was left as it is; rename it, or collect into another folder"


def _check_names_known(template: NameTemplate, takes: Iterable[Take], campaign: str) -> None:
    """Raises UsageError for a variable that one of the takes does not have."""
    for take in takes:
        known = values_of(take, "", campaign)
        missing = [name for name in template.names if name not in known]
        if missing:
            near = get_close_matches(_WORDS.sub("_", missing[0]).lower(), known, n=1)
            hint = f" Did you mean {_written(near)}?" if near else " Of a row, what its shot uses is known."
            raise UsageError(
                f"--name: the take {take.id} has no {_written(missing)}. Nothing was copied. It has: {_written(known)}."
                f"{hint}"
            )
        bare = [name for name in template.bare_names if name in known]
        if bare:
            raise UsageError(
                f"--name: {{{clean(bare[0])}}} in it is text, and no variable. Nothing was copied. "
                f"Write {_written(bare)}."
            )


def _written(names: Iterable[str]) -> str:
    return ", ".join(f"${{{clean(name)}}}" for name in names)


def _check_collisions(files: Sequence[ChosenFile], template: NameTemplate) -> None:
    """Raises UsageError where several files would have one name, with what would tell them apart."""
    collisions = find_collisions((file.name, file) for file in files)
    if not collisions:
        return
    shown = [f"{clean(name)}: {_colliding(alike)}" for name, alike in [*collisions.items()][:_MOST_NAMED]]
    more = len(collisions) - len(shown)
    remedy = f"Add {_what_tells_apart([*collisions.values()])} to it." if template.names else _QUOTES
    raise UsageError(
        f"--name gives {count(len(collisions), 'name')} to several videos, so nothing was copied. {remedy}",
        *(f"  {line}" for line in shown),
        *([f"  ... and {more:,} more"] if more else []),
    )


def _what_tells_apart(collisions: Sequence[Sequence[ChosenFile]]) -> str:
    """The variables that give each of these files a name of its own."""
    if any(len({file.take.id for file in alike}) < len(alike) for alike in collisions):
        return "${take}_${run}"
    if any("take" in file.take.variables for alike in collisions for file in alike):
        return "${run}"
    of_one_shot = all(len({file.take.shot for file in alike}) == 1 for alike in collisions)
    hides = any("number" in file.take.variables for alike in collisions for file in alike)
    return "${number}" if of_one_shot and not hides else "${take}"


def _colliding(files: Sequence[ChosenFile]) -> str:
    is_one_take = len({file.take.id for file in files}) < len(files)
    names = [f"{file.take.id} ({file.pick.run_id})" if is_one_take else file.take.id for file in files]
    return name_some(names, _MOST_NAMED)


def _why_not_saved(run: Run) -> str:
    if run.state is RunState.SUCCEEDED:
        return "its video is not downloaded; `hailuo-batch apply MANIFEST` or `verify --repair` does that at no cost"
    return f"its run {run.run_id} has no video"


def _listed(file: ChosenFile, campaign: str) -> ListedFile:
    size, sha256 = file.output.bytes or 0, file.output.sha256 or ""
    return ListedFile(file.name, campaign, file.take, file.pick, sha256, size)


def _cannot_write(folder: Path, error: OSError, collected: int) -> OutputError | UsageError:
    if error.errno == errno.EXDEV:
        return UsageError(
            f"{folder}: hard links to the videos cannot be made there: it is on another file system, or on one without "
            "hard links. Leave --link out to copy them."
        )
    return OutputError(
        f"{folder}: it cannot be written ({error.strerror}). {count(collected, 'file')} of the chosen ones are there. "
        "The same command continues."
    )


def _shown(pick: Pick) -> str:
    return clean(elide(pick.take_id, _LONGEST_NAME))

"""What a take asks for, as indented lines below its line in the plan: prompt, images and the rest of its input.

Pure. Where another request was made before, its lines say what became of it: the words of the prompt that were removed
and added, image URLs and parameters as they were and as they are. What a user wrote is escaped, and data: URLs are
never shown whole.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from hailuo_batch.core.planning.diff import Change, Piece, RecordedRequest, diff_words, image_urls_of
from hailuo_batch.core.planning.plan import PlanLine
from hailuo_batch.text import PLAIN, Palette, clean, sanitize, wrap
from hailuo_batch.ui.screen.paint import paint
from hailuo_batch.ui.text import INDENT, count, elide, elide_middle
from hailuo_batch.ui.word_diff import render_short, render_whole
from hailuo_batch.values import canonical_json

BELOW = 2 * INDENT
"""Before the first line of what is said below a take."""
_FURTHER = 3 * INDENT
_PROMPT_LINES = 2
_DIFFERENCE_LINES = 6
_SHOWN_IMAGES = 2
_LONGEST = 500
"""The most columns of a shortened text where there is no terminal."""
_OF_THEIR_OWN = frozenset({"prompt", "image_urls"})
_COMPARED_BY_WORDS = 40


@dataclass(frozen=True, slots=True)
class View:
    """How a plan is shown: the terminal's width (None: there is none), whether in full, and its colours."""

    columns: int | None = None
    is_full: bool = False
    palette: Palette = PLAIN

    @property
    def width(self) -> int:
        """The columns of a shortened line below a take."""
        return _LONGEST if self.columns is None else max(20, self.columns - len(_FURTHER))


def request_lines(line: PlanLine, view: View) -> list[str]:
    """What the take asks for, and what is new about it."""
    before, now = _known_before(line), line.take.input
    lines = [
        *_model_lines(line, before, view),
        *_prompt_lines("prompt", before, now, view),
        *_image_lines(line, before, view),
        *_parameter_lines(before, now, view),
    ]
    return [*paint(lines, view.palette), *note_lines(line, view)]


def example_lines(line: PlanLine, view: View) -> list[str]:
    """The same of a take that stands for its group: its prompt bears the take's name."""
    before, now = _known_before(line), line.take.input
    lines = [
        *_prompt_lines(clean(line.take_id), before, now, view, 1),
        *_model_lines(line, before, view),
        *_image_lines(line, before, view),
        *_parameter_lines(before, now, view),
    ]
    return paint(lines, view.palette)


def note_lines(line: PlanLine, view: View, label: str = "note") -> list[str]:
    """What somebody noted about the video that is made again, whole in full, else in a line or two."""
    if not line.note.strip():
        return []
    return _whole(label, sanitize(line.note), view) if view.is_full else _short(label, clean(line.note), view, 2)


def words_changed(line: PlanLine) -> tuple[Piece, ...]:
    """The words of the prompt that were removed and added: where they are the same, two takes changed in one way."""
    before = _known_before(line)
    if before is None:
        return ()
    pieces = diff_words(_prompt_of(before.input), _prompt_of(line.take.input))
    return tuple(piece for piece in pieces if piece.change is not Change.KEPT)


def _known_before(line: PlanLine) -> RecordedRequest | None:
    """What the take was before. Of a request that is known only in part, nobody can say what changed."""
    return line.before if line.before is not None and line.before.is_whole else None


def shorten_url(url: str) -> str:
    """The URL on one line. Of a data: URL, which holds the image itself, its kind, its length and its SHA-256."""
    if url[:5].lower() != "data:":
        return clean(url)
    kind = clean(url.partition(",")[0])
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{elide(kind, 60)},… ({count(len(url), 'character')}, SHA-256 {digest}…)"


def _model_lines(line: PlanLine, before: RecordedRequest | None, view: View) -> list[str]:
    if before is not None and before.model != line.model:
        return [f"{BELOW}model: {clean(before.model)} -> {clean(line.model)}"]
    return [f"{BELOW}model: {clean(line.model)}"] if view.is_full else []


def _prompt_of(request_input: Mapping[str, Any]) -> str:
    prompt = request_input.get("prompt")
    return prompt if isinstance(prompt, str) else ""


def _prompt_lines(
    label: str, before: RecordedRequest | None, now: Mapping[str, Any], view: View, most: int = _PROMPT_LINES
) -> list[str]:
    prompt = _prompt_of(now)
    was = None if before is None else _prompt_of(before.input)
    if was is not None and was != prompt:
        return _difference(label, was, prompt, view)
    if not prompt:
        return []
    # rule prompt_shown
    return _whole(label, sanitize(prompt), view) if view.is_full else _short(label, clean(prompt), view, most)


def _difference(label: str, was: str, now: str, view: View) -> list[str]:
    pieces = diff_words(was, now)
    # rule words_compared
    if view.is_full:
        return _whole(label, render_whole(pieces), view)
    return _short(label, render_short(pieces, view.width), view, _DIFFERENCE_LINES)


def _image_lines(line: PlanLine, before: RecordedRequest | None, view: View) -> list[str]:
    """The images, and of those that changed the old one above the new one: they may differ in a signature only."""
    urls = image_urls_of(line.take.input)
    if view.is_full:
        old = urls if before is None else image_urls_of(before.input)
        return [text for was, now in zip_longest(old, urls, fillvalue="") for text in _image(was, now, view)]
    changed = line.image_urls
    shown = changed[:_SHOWN_IMAGES] if changed else [(url, url) for url in urls[:_SHOWN_IMAGES]]
    others = len(changed or urls) - len(shown)
    lines = [text for was, now in shown for text in _image(was, now, view)]
    return lines + ([f"{BELOW}... and {count(others, 'more image')}; -v shows them"] if others else [])


def _image(was: str, now: str, view: View) -> list[str]:
    was, now, width = shorten_url(was), shorten_url(now), view.width
    if was == now:
        return [f"{BELOW}image: {now if view.is_full else elide_middle(now, width - len('image: '))}"]
    pair = (was, now) if view.is_full else _side_by_side(was, now, width - len("now"))
    # rule was_and_now
    return [f"{BELOW}{when}  {url or 'none'}" for when, url in zip(("was", "now"), pair, strict=True)]


def _side_by_side(was: str, now: str, columns: int) -> tuple[str, str]:
    """Two texts shortened to fit, without losing where they differ: a signature is near the end of a URL."""
    differ = (at for at, (one, other) in enumerate(zip(was, now, strict=False)) if one != other)
    shared = next(differ, min(len(was), len(now)))
    start = shared - columns // 3 if shared > columns // 2 and max(len(was), len(now)) > columns else 0
    cut = "…" if start else ""
    return elide(cut + was[start:], columns), elide(cut + now[start:], columns)


def _parameter_lines(before: RecordedRequest | None, now: Mapping[str, Any], view: View) -> list[str]:
    """The rest of the input: what changed, and, in full, what did not."""
    old = now if before is None else before.input
    lines: list[str] = []
    for name in sorted((old.keys() | now.keys()) - _OF_THEIR_OWN):
        was, value = old.get(name), now.get(name)
        if name in old and name in now and was == value:
            if view.is_full:
                lines += _whole(clean(name), _value_text(value), view)
        elif isinstance(was, str) and isinstance(value, str) and min(len(was), len(value)) > _COMPARED_BY_WORDS:
            lines += _difference(clean(name), was, value, view)
        else:
            pair = [_value_text(each[name]) if name in each else "none" for each in (old, now)]
            texts = pair if view.is_full else [elide(text, view.width) for text in pair]
            lines += _whole(clean(name), " -> ".join(texts), view)
    return lines


def _value_text(value: Any) -> str:
    return clean(canonical_json(_without_data(value)))


def _without_data(value: Any) -> Any:
    """The value with each data: URL in it shortened."""
    match value:
        case str():
            return shorten_url(value) if value[:5].lower() == "data:" else value
        case list():
            return [_without_data(item) for item in value]
        case dict():
            return {name: _without_data(item) for name, item in value.items()}
        case _:
            return value


def _whole(label: str, text: str, view: View) -> list[str]:
    """The text, escaped already, with its own line breaks, and wrapped at whole words on a terminal."""
    lines = f"{label}: {text}".split("\n")
    if view.columns is not None:
        lines = [part for line in lines for part in (wrap(line, view.width).split("\n") if line.strip() else [""])]
    return _indented(lines)


def _short(label: str, text: str, view: View, most: int) -> list[str]:
    """The text, one line already, in so many lines at the most."""
    width = view.width
    if view.columns is None:
        return [f"{BELOW}{label}: {elide(text, width)}"]
    # so much more is wrapped that the last line shows that something is cut off
    lines = wrap(f"{label}: {elide(text, width * (most + 1))}", width).split("\n")
    if len(lines) > most:
        lines[most - 1 :] = [elide(f"{lines[most - 1]} {lines[most]}", width)]
    return _indented([elide(line, width) for line in lines])


def _indented(lines: Sequence[str]) -> list[str]:
    first, *further = lines
    return [BELOW + first, *((_FURTHER + line).rstrip() for line in further)]

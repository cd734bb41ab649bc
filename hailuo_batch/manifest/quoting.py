"""How the user's text and numbers appear in a message: on one line, short, and unable to hide or move anything."""

_MAX_SHOWN = 10**24


def quoted(text: str) -> str:
    """The text between back-ticks, shortened, with a space for whatever cannot be printed."""
    line = "".join(character if character.isprintable() else " " for character in text[:61])
    return f"`{line}`" if len(text) <= 60 else f"`{line[:57]}…`"


def join_quoted(words: list[str]) -> str:
    """The words as a list in a sentence, each between back-ticks: `a`, `b` and `c`."""
    *first, last = map(quoted, words)
    return f"{', '.join(first)} and {last}" if first else last


def format_count(number: int) -> str:
    """A number in digits, unless it has more than anybody reads: a product may have thousands."""
    return f"{number:,}" if number < _MAX_SHOWN else "more than a million billion billion"

"""How what is the user's appears in a message: on one line, short, and unable to hide or move anything."""

_MAX_SHOWN = 10**24


def quoted(text: str) -> str:
    """The text between back-ticks, shortened, with a space for whatever cannot be printed."""
    line = "".join(character if character.isprintable() else " " for character in text[:61])
    return f"`{line}`" if len(text) <= 60 else f"`{line[:57]}…`"


def join_quoted(words: list[str]) -> str:
    """Words as a person lists them, each between back-ticks: `a`, `b` and `c`."""
    shown = [quoted(word) for word in words]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def format_count(number: int) -> str:
    """A number in figures, as far as anybody reads them: a product may have thousands."""
    return f"{number:,}" if number < _MAX_SHOWN else "more than a million billion billion"

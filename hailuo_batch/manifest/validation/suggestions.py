"""Which known word was meant by an unknown one. Pure; knows no word of its own."""

import difflib

from hailuo_batch.manifest.quoting import quoted

MAX_CANDIDATES = 200  # how many words a suggestion looks at: a file of a million strange keys is not worth more


def closest_match(word: str, known: list[str]) -> str | None:
    """The known word that was probably meant; None if none is close."""
    by_plain = {_plain(each): each for each in known[:MAX_CANDIDATES]}
    close = difflib.get_close_matches(_plain(word), by_plain, n=1, cutoff=0.6)
    return by_plain[close[0]] if close else None


def similarity(word: str, known: str) -> float:
    """How much the two have in common, from 0 to 1."""
    return difflib.SequenceMatcher(None, _plain(word), _plain(known)).ratio()


def suggest(word: str, known: list[str]) -> str:
    """The hint for an unknown word: the known one that was probably meant, else some of the known ones."""
    meant = closest_match(word, known)
    # rule nearest_key
    return f"did you mean {quoted(meant)}?" if meant is not None else list_known(known)


def list_known(known: list[str]) -> str:
    """The hint that names the known words, or some of them."""
    return "known: " + ", ".join(map(quoted, known[:12])) + (", …" if len(known) > 12 else "") if known else ""


def _plain(word: str) -> str:
    return word[:100].lower().replace("-", "_")

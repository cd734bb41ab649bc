"""Text from strangers, made fit for a terminal, a ledger and a log: one printable line of bounded length."""


def printable(text: str, limit: int = 300) -> str:
    """Return the text on one line without control, bidirectional or broken characters, at most `limit` long."""
    flat = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * limit]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"

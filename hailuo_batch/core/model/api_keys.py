"""An API key as ledger and messages know it: a number and a tag. Its text is known to the adapters alone."""

from dataclasses import dataclass

TAG_CHARS = 4
"""How much of a key's hash is shown: enough to tell a handful of keys apart."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`number` is the ledger's own for the key and never changes. `tag` is the end of a salted hash of it, by which the
    user can tell keys apart; empty where there is only one."""

    number: int
    tag: str = ""

    def __str__(self) -> str:
        return f"key {self.number} (…{self.tag})"


ONLY_KEY = ApiKey(1)
"""The key of a campaign that has one."""

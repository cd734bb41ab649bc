"""Which account a key belongs to, and whose runs an account knows.

An account goes by its name; a key that was given none is an account of its own, and goes by the key. Run IDs carry the
mark of the account that they were made for.

Invariant: an account knows the runs that were made for it, and those that its keys made before they were put into it;
and no others.
"""

import hashlib
from collections.abc import Iterable

from hailuo_batch.sandbox.world.run_ids import NO_ACCOUNT, account_from

DEFAULT_KEY = "sk-sandbox"
"""The key that practice runs use. It has made runs since before run IDs carried a mark, and knows those."""


class Accounts:
    """The accounts of all keys; `named` puts keys, each with the name of its account, into the same one."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        self._name_of = dict(named)
        self._marks: dict[str, set[int]] = {}
        for key, name in self._name_of.items():
            self._marks.setdefault(name, {mark_of(name)}).add(mark_of(key))

    def of(self, key: str) -> str:
        """The account of a key."""
        return self._name_of.get(key, key)

    def is_named(self, key: str) -> bool:
        """Whether this key was put into an account."""
        return key in self._name_of

    def knows(self, account: str, mark: int) -> bool:
        """Whether this account knows the runs with this mark."""
        marks = self._marks.get(account)
        return mark == mark_of(account) if marks is None else mark in marks


def mark_of(account: str) -> int:
    """The mark of an account in run IDs."""
    return NO_ACCOUNT if account == DEFAULT_KEY else account_from(hashlib.sha256(account.encode()).digest())

"""Run IDs that contain everything about their run, sealed so that none can be invented.

An ID is `run_` and 40 characters of a-z and 2-7, safe in any file name: 25 bytes, of which the first 6 are an HMAC of
the other 19, which are scrambled so that consecutive IDs look unrelated. Half of the HMAC is mixed with the mark of an
account: whoever opens the ID learns whose run it is. This is no security: the key is the seed.

Invariant: `open(seal(facts)) == facts` for all facts in range, in any process with the same seed.
"""

import base64
import hmac
import re
import struct
from dataclasses import dataclass

PREFIX = "run_"
PENDING_PARTS = 255
MAX_DURATION_MS = 2**32 - 1
_NAME = re.compile(r"[a-z2-7]{40}")
_TAG_BYTES = 6
_ACCOUNT_BYTES = 3
_MOST_NUMBER = 0x7FFFFF
_BODY = struct.Struct(">IBBI")
NO_ACCOUNT = 0
"""The mark in an ID that was made before there were marks."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Everything about a run, including its future. Times are in ms since the epoch, money in micro-USD.

    `number` counts the creates of the world that made it (23 bits), `model` is the place in that world's price list
    (6 bits), `account` the mark of an account (24 bits), and `pending_parts` says how many 255ths of its duration it
    spends queued. A `sensitive` run fails because of what it shows.
    """

    number: int
    created_ms: int
    duration_ms: int
    pending_parts: int
    cost_micro_usd: int
    failed: bool
    account: int
    model: int
    sensitive: bool = False

    @property
    def started_ms(self) -> int:
        """When `pending` turns into `processing`."""
        return self.created_ms + self.duration_ms * self.pending_parts // PENDING_PARTS

    @property
    def completed_ms(self) -> int:
        """When it succeeds or fails."""
        return self.created_ms + self.duration_ms


class RunIds:
    """Encodes and decodes the run IDs of one seed."""

    def __init__(self, seed: int) -> None:
        self._key = b"runbase sandbox, seed %d" % seed

    def seal(self, facts: RunFacts) -> str:
        """Encode these facts as a run ID."""
        flags = int(facts.failed) | facts.model << 2  # bit 1 is 0 in every ID of this form
        plain = (
            facts.created_ms.to_bytes(6, "big", signed=True)
            + _BODY.pack(facts.duration_ms, facts.pending_parts, flags, facts.cost_micro_usd)
            + (facts.number & _MOST_NUMBER | facts.sensitive << 23).to_bytes(3, "big")
        )
        tag = _mixed(self._tag(plain), facts.account)
        return PREFIX + base64.b32encode(tag + self._scrambled(tag, plain)).decode("ascii").lower()

    def open(self, run_id: str) -> RunFacts | None:
        """Decode a run ID; None for one that this seed never produced."""
        if not run_id.startswith(PREFIX) or _NAME.fullmatch(run_id, len(PREFIX)) is None:
            return None
        sealed = base64.b32decode(run_id[len(PREFIX) :].upper())
        tag = sealed[:_TAG_BYTES]
        plain = self._scrambled(tag, sealed[_TAG_BYTES:])
        unmixed = self._tag(plain)
        if tag[:-_ACCOUNT_BYTES] != unmixed[:-_ACCOUNT_BYTES]:
            return None
        created_ms = int.from_bytes(plain[:6], "big", signed=True)
        duration_ms, pending_parts, flags, cost_micro_usd = _BODY.unpack(plain[6:16])
        number = int.from_bytes(plain[16:], "big")
        return RunFacts(
            number & _MOST_NUMBER,
            created_ms,
            duration_ms,
            pending_parts,
            cost_micro_usd,
            bool(flags & 1),
            account_from(tag[-_ACCOUNT_BYTES:]) ^ account_from(unmixed[-_ACCOUNT_BYTES:]),
            flags >> 2,
            bool(number >> 23),
        )

    def _tag(self, plain: bytes) -> bytes:
        return hmac.digest(self._key, plain, "sha256")[:_TAG_BYTES]

    def _scrambled(self, tag: bytes, text: bytes) -> bytes:
        veil = hmac.digest(self._key, tag, "sha256")[: len(text)]
        return (int.from_bytes(veil, "big") ^ int.from_bytes(text, "big")).to_bytes(len(text), "big")


def account_from(digest: bytes) -> int:
    """The mark that the first bytes of a digest make."""
    return int.from_bytes(digest[:_ACCOUNT_BYTES], "big")


def _mixed(tag: bytes, account: int) -> bytes:
    return (int.from_bytes(tag, "big") ^ account).to_bytes(_TAG_BYTES, "big")

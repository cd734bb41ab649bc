"""Whether the API key is the one that made a campaign's runs, without ever writing the key down.

The ledger keeps a mark: a random salt, and a slow hash of salt and key. Another key may belong to another account,
which would not know the runs: an apply then asks about one of them before anything else.
"""

import hashlib
import hmac
import secrets

from hailuo_batch.adapters.ledger import Ledger

_KEY_HASH_FACT = "key_mark"
_ROUNDS = 100_000


def is_new_key(ledger: Ledger, key: str) -> bool:
    """Whether another key made the runs that the ledger knows, or may have: none is marked in a rebuilt ledger."""
    recorded = ledger.fact(_KEY_HASH_FACT)
    salt = recorded.partition(":")[0]
    return not (recorded and hmac.compare_digest(recorded, _salted_hash(salt, key)))


def record_key(ledger: Ledger, key: str) -> None:
    """From now on, this is the key that makes the campaign's runs. For a key that is known to know them."""
    if is_new_key(ledger, key):
        ledger.record_fact(_KEY_HASH_FACT, _salted_hash(secrets.token_hex(16), key))


def _salted_hash(salt: str, key: str) -> str:
    digest = hashlib.pbkdf2_hmac("sha256", key.encode("utf-8", "surrogateescape"), salt.encode("ascii"), _ROUNDS)
    return f"{salt}:{digest.hex()}"

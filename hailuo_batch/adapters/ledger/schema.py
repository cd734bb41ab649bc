"""The ledger's tables, as ordered migrations that are recorded in a table of their own.

A released migration never changes, and imports nothing of the program, so that an old ledger always opens in the same
way. The schema's version is SQLite's `user_version`.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Mapping

APPLICATION_ID = 0x48424C31  # "HBL1": what a ledger's file header says it is


def _first(db: sqlite3.Connection) -> None:
    for statement in _FIRST.split(";\n"):
        if statement.strip():
            db.execute(statement)


_FIRST = """
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY,
    applied_at REAL NOT NULL  -- seconds since the epoch, UTC
);
CREATE TABLE facts (          -- what holds for the campaign as a whole
    name TEXT PRIMARY KEY,    -- campaign, endpoint, manifest_sha256, description, replacement, key_mark
    value TEXT NOT NULL
);
CREATE TABLE takes (
    id TEXT PRIMARY KEY,
    shot TEXT NOT NULL,
    number INTEGER NOT NULL,
    model TEXT NOT NULL,
    input_json TEXT NOT NULL,     -- canonical JSON, as it is wanted now
    fingerprint TEXT NOT NULL,
    images_sha256 TEXT,           -- NULL: the manifest names no local copies of its images
    tags TEXT NOT NULL,           -- a JSON array of strings
    position INTEGER NOT NULL,    -- its place in the manifest
    in_manifest INTEGER NOT NULL,
    state TEXT NOT NULL           -- what its live run makes of it; for people who look in here
);
CREATE TABLE runs (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    take_id TEXT NOT NULL REFERENCES takes (id),
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,
    model TEXT NOT NULL,
    input_json TEXT NOT NULL,     -- canonical JSON, as it was or will be sent
    fingerprint TEXT NOT NULL,
    images_sha256 TEXT,           -- NULL: no local copies of its images were known
    superseded_by TEXT,           -- NULL: it speaks for its take
    create_id TEXT UNIQUE,        -- NULL: no create was ever started for it
    run_id TEXT UNIQUE,           -- NULL: the API has not named it
    cost_micro_usd INTEGER,       -- NULL: not known, which is not nothing
    reason TEXT,                  -- NULL: nothing to say
    submitted_at REAL,            -- NULL: no create was ever started; seconds since the epoch, UTC
    completed_at REAL,            -- NULL: not finished
    forgotten INTEGER NOT NULL DEFAULT 0,  -- 1: the user had its take forgotten; only its money still counts
    UNIQUE (take_id, attempt)
);
CREATE TABLE files (
    run_key INTEGER NOT NULL REFERENCES runs (key),
    number INTEGER NOT NULL,      -- 0 for the first output
    url TEXT NOT NULL,
    path TEXT,                    -- NULL: not on disk; else relative to the output folder
    bytes INTEGER,                -- NULL: never saved
    sha256 TEXT,                  -- NULL: never saved
    moving_to TEXT,               -- NULL: no rename is under way
    PRIMARY KEY (run_key, number)
);
CREATE TABLE journal (            -- append-only: each change of state or money
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,             -- seconds since the epoch, UTC
    take_id TEXT NOT NULL,
    attempt INTEGER,              -- NULL: it concerns the take as a whole
    what TEXT NOT NULL,           -- the event's or the step's name
    state TEXT,                   -- the run's state afterwards; NULL: it concerns the take as a whole
    detail TEXT NOT NULL          -- a JSON object
)
"""

_KEPT_ALL_THE_SAME = re.compile(r"the video may not play: (.*?)\. It came twice with the same bytes and is kept")


def _second(db: sqlite3.Connection) -> None:
    """Give files a column for their flaw, which only the journal had before."""
    db.execute("ALTER TABLE files ADD COLUMN flaw TEXT")  # NULL: nothing is known to be wrong with the file as saved
    for sha256, flaw in flaws_in_journal(db).items():
        db.execute("UPDATE files SET flaw = ? WHERE sha256 = ?", (flaw, sha256))


def flaws_in_journal(db: sqlite3.Connection) -> Mapping[str, str]:
    """Return the flaws that the first version's journal records of saved files, by their SHA-256."""
    lines = db.execute("SELECT detail FROM journal WHERE what = 'FileSaved' AND detail LIKE '%the video may not play%'")
    flaws = {}
    for (text,) in lines:
        try:
            detail = json.loads(text)
            match = _KEPT_ALL_THE_SAME.match(detail["note"])
            if match is not None and isinstance(detail["sha256"], str):
                flaws[detail["sha256"]] = f"it is no whole MP4: {match[1]}"
        except (ValueError, TypeError, KeyError, RecursionError):
            continue  # an unreadable line says nothing; the ledger is checked elsewhere
    return flaws


def _third(db: sqlite3.Connection) -> None:
    """Number the creates in their order, which only the time of day told before."""
    # NULL: no create was ever started for it; else the number of the journal's line that tells of its newest one
    db.execute("ALTER TABLE runs ADD COLUMN create_number INTEGER")
    numbers = creates_in_journal(db)
    db.executemany("UPDATE runs SET create_number = ? WHERE create_id = ?", ((n, id_) for id_, n in numbers.items()))


def creates_in_journal(db: sqlite3.Connection) -> Mapping[str, int]:
    """Return, by the IDs of all creates, the numbers of their lines in the journal.

    A create without a line gets the number of the last such line: among the newest, the highest price counts.
    """
    lines = db.execute("SELECT number, detail FROM journal WHERE what IN ('CreateStarted', 'PutBack') ORDER BY number")
    numbers = {}
    for number, text in lines:
        try:
            detail = json.loads(text)
            numbers[str(detail["create_id"] if "create_id" in detail else detail["create"])] = int(number)
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    last = max(numbers.values(), default=1)
    creates = db.execute("SELECT create_id FROM runs WHERE create_id IS NOT NULL")
    return {str(create_id): numbers.get(str(create_id), last) for (create_id,) in creates}


def _fourth(db: sqlite3.Connection) -> None:
    """Give takes a column for what their shot uses of its row and its matrix."""
    # a JSON object of strings. NULL: not known, because the take was recorded before this was kept, or comes from a
    # receipt; the next apply that finds the take in its manifest fills it in
    db.execute("ALTER TABLE takes ADD COLUMN variables_json TEXT")


_KEY_HASH = re.compile(r"[0-9a-f]{32}:[0-9a-f]{64}")


def _fifth(db: sqlite3.Connection) -> None:
    """Number the API keys, and give runs a column for theirs. The one key of before had its hash among the facts."""
    db.execute(_API_KEYS)
    # NULL: not known, because the run comes from a receipt or another file; then each given key is asked about it
    db.execute("ALTER TABLE runs ADD COLUMN api_key INTEGER REFERENCES api_keys (number)")
    digest = key_hash_among_facts(db)
    if digest is not None:
        db.execute("INSERT INTO api_keys VALUES (1, ?)", (digest,))
        db.execute("UPDATE runs SET api_key = 1 WHERE run_id IS NOT NULL")


def key_hash_among_facts(db: sqlite3.Connection) -> str | None:
    """Return the hash of the one key that made, or knows, every run of a ledger before the fifth version."""
    row = db.execute("SELECT value FROM facts WHERE name = 'key_mark'").fetchone()
    known = row is not None and isinstance(row[0], str) and _KEY_HASH.fullmatch(row[0])
    return str(row[0]) if known else None


_API_KEYS = """
CREATE TABLE api_keys (           -- every key that the campaign was ever applied with
    number INTEGER PRIMARY KEY,   -- the key's name in messages and in runs
    hash TEXT NOT NULL UNIQUE     -- SALT:DIGEST, a salted and slow hash; never the key
)
"""

MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first, _second, _third, _fourth, _fifth)
VERSION = len(MIGRATIONS)
SINCE_CREATE_NUMBERS = 3
"""The first version in which a run has its `create_number`."""
SINCE_VARIABLES = 4
"""The first version in which a take has its `variables_json`."""
SINCE_API_KEYS = 5
"""The first version in which a run has its `api_key`."""


def is_current(db: sqlite3.Connection) -> bool:
    """Whether the ledger needs no migration."""
    return bool(db.execute("PRAGMA user_version").fetchone()[0] == VERSION)


def migrate(db: sqlite3.Connection, at: float) -> bool:
    """Migrate a ledger to VERSION in one transaction. Return whether it was an older one.

    `at` is seconds since the epoch, UTC.
    """
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return False
    db.execute("BEGIN IMMEDIATE")
    try:
        for number, migration in enumerate(MIGRATIONS[version:], version + 1):
            migration(db)
            db.execute("INSERT INTO migrations VALUES (?, ?)", (number, at))
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return True

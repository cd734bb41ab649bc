"""The real driver, engine and ledger in virtual time, against the sandbox's world."""

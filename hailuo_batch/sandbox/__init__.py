"""A local Runbase look-alike for practice runs: no key, no payment."""

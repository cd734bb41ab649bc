"""The use cases of a file of picks: reading it, re-rolling from it, collecting what it chose."""

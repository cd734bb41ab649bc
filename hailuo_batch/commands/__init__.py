"""One file per command: wire the parts, return an exit code."""

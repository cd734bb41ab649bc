"""The acting: clock, network, disk, ledger, threads."""

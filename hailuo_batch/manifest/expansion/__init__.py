"""From written shots to shots: rows, combinations, variables, IDs, sizes."""

"""From raw shots to takes: rows, combinations, variables, IDs, sizes."""

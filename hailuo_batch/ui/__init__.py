"""Words and layouts for a terminal: console, progress, plan, status, summary."""

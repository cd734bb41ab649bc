"""From a ledger snapshot to report.json, report.md and report.html."""

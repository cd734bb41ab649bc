"""What people type who know other programs, and what they mean by it here; and what the values of options look like."""

from collections.abc import Mapping

COMMANDS_MEANT: Mapping[str, str] = {
    "run": "apply",
    "start": "apply",
    "make": "apply",
    "resume": "apply",
    "continue": "apply",
    "check": "validate",
    "lint": "validate",
    "new": "init",
    "list": "status",
    "ls": "status",
    "show": "status",
    "diff": "plan",
    "preview": "plan",
    "dry-run": "plan",
    "diagnose": "doctor",
}
OPTIONS_MEANT: Mapping[str, str] = {
    "-y": "--yes",
    "--assume-yes": "--yes",
    "--auto-approve": "--yes",
    "--cap": "--max-spend",
    "--budget": "--max-spend",
    "--max-cost": "--max-spend",
    "-j": "--max-in-flight",
    "--jobs": "--max-in-flight",
    "--parallel": "--max-in-flight",
    "--concurrency": "--max-in-flight",
    "--filter": "--only",
    "--target": "--only",
    "--take": "--only",
    "-o": "--output-dir",
    "--output": "--output-dir",
    "--state": "--state-dir",
    "--practice": "--sandbox",
    "--no-colour": "--no-color",
}
PLAN_MEANT = frozenset({"-n", "--dry-run", "--dryrun", "--preview", "--what-if", "--diff"})
"""Options of other programs that show what would be done, and do nothing."""

EXAMPLES: Mapping[str, str] = {
    "--only": "'hero*'",
    "--replace": "hero",
    "--replace-from": "picks.json",
    "--to": "chosen",
    "--name": "'${take}'",
    "--limit": "3",
    "--max-spend": "5",
    "--in-doubt": "hold",
    "--plan": "plan.json",
    "--out": "plan.json",
    "--state-dir": "state",
    "--output-dir": "outputs",
    "--max-in-flight": "4",
    "--run-timeout": "45m",
    "--max-duration": "2h",
    "--wait": "30m",
    "--rate-limit": "20/10s",
    "--format": "csv",
    "--run-id": "run_0123456789abcdef",
    "--attempt": "1",
    "--port": "8080",
    "--latency": "0.2",
    "--fail-rate": "0.1",
    "--sensitive-rate": "0.1",
    "--balance": "5",
    "--seed": "7",
    "--speed": "10",
}
"""What the value of an option looks like."""

"""`plan`: shows what an apply would do and roughly cost, compared with the ledger. Requests nothing.

`--out` keeps the plan in a file for `apply --plan`.
"""

import sys

from hailuo_batch.app.manifest_input import PLAN_IMAGE_REMEDY, judge_images
from hailuo_batch.app.plan_campaign import PlanOptions
from hailuo_batch.app.plan_file import write_plan
from hailuo_batch.app.workspace import CampaignLocation, short_path
from hailuo_batch.commands.terminal import Terminal, render_proposal
from hailuo_batch.core.planning.estimate import changes_anything
from hailuo_batch.errors import ExitCode
from hailuo_batch.interface.work import CampaignWork
from hailuo_batch.text import quote
from hailuo_batch.ui.console import Console

# rule changes_code
EXIT_CHANGES = 2
"""The exit code with `--detailed-exitcode` if there is something to do."""


def run(where: CampaignLocation, options: PlanOptions, console: Console) -> int:
    """Show the plan. Returns an exit code, possibly EXIT_CHANGES.

    Raises what reading a manifest or a ledger raises, and UsageError for an unusable image.
    """
    terminal = Terminal(console)
    planned = CampaignWork(where, terminal).plan(options)
    plan, snapshot = planned.proposal.plan, planned.proposal.snapshot
    document = planned.document() if console.as_json or options.out is not None else {}
    if console.as_json:
        # rule plan_json
        console.print_json(document)
    resolve = where.command_line("resolve")
    console.print_result_in_colour(
        render_proposal(planned.proposal, planned.settings, console, sys.stdout, resolve=resolve)
    )
    if planned.context.is_sandbox:
        console.print_info("This is the plan of a practice run on the sandbox: no key, no real money.")
    judge_images(planned.images, planned.manifest.warning_severity, terminal, PLAN_IMAGE_REMEDY)
    if options.out is not None:
        write_plan(options.out, document)
        apply = f"{where.command_line('apply')} --plan {quote(str(options.out))}"
        console.print_info(f"Wrote {short_path(options.out)}. To apply exactly this plan: {apply}")
    # rule detailed_code
    return EXIT_CHANGES if options.detailed_exitcode and changes_anything(plan, snapshot) else ExitCode.DONE

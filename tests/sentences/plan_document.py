"""The plan as a document."""

from tests.sentences.rule import Breakage, rule

_CORE = "hailuo_batch/core"
_PLAN = "hailuo_batch/core/planning/plan.py"
_VIEW = "hailuo_batch/ui/plan.py"
_ESTIMATE = "hailuo_batch/core/planning/estimate.py"
_TIME = "hailuo_batch/core/planning/estimate.py"
_REASONS = "commands/test_plan_reasons.py"
_ESTIMATES = "app/test_plan_estimate.py"
_READERS = "commands/records/test_readers.py"

RULES = (
    rule(
        "a table of what will be created",
        Breakage(
            "hailuo_batch/ui/plan.py",
            'return "\\n".join([*rows, *([""] if rows else []),',
            'return "\\n".join([',
            "commands/records/test_readers.py::test_a_plan_creates_nothing_and_needs_no_key",
        ),
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            '    if record is None or not record.runs:\n        return Change("new")',
            '    if record is None or not record.runs:\n        return Change("")',
            "commands/test_plan_reasons.py::test_new_kept_and_not_asked_for",
        ),
    ),
    rule(
        "resumed",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            'return PlanAction.RESUME, f"resumes {run.run_id}"',
            'return PlanAction.KEEP, f"resumes {run.run_id}"',
            "commands/test_plan_reasons.py::test_a_run_under_way_is_resumed_by_its_id",
        ),
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            'return PlanAction.RESUME, f"resumes {run.run_id}"',
            'return PlanAction.RESUME, ""',
            "commands/test_plan_reasons.py::test_a_run_under_way_is_resumed_by_its_id",
        ),
    ),
    rule(
        "moved",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            'f"moved from {moved_from}; {reason}" if moved_from else reason',
            "reason",
            "commands/test_plan_reasons.py::test_renamed_and_swapped_takes_are_moved_with_their_files",
        ),
    ),
    rule(
        "replaced",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "self._line(\n                take, PlanAction.REPLACE,",
            "self._line(\n                take, PlanAction.CREATE,",
            "core/planning/test_plan_wishes.py::test_replace_makes_done_takes_anew_and_keeps_what_they_had",
        ),
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            'f"--replace; the video of {run.run_id} is kept as superseded"',
            '""',
            "commands/paying/test_replace.py::test_a_plan_shows_what_would_be_replaced_and_changes_nothing",
        ),
    ),
    rule(
        "kept",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            'return PlanAction.KEEP, "done"',
            'return PlanAction.KEEP, ""',
            "commands/test_plan_reasons.py::test_new_kept_and_not_asked_for",
        ),
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            'return PlanAction.KEEP, "done"',
            'return PlanAction.HOLD, "done"',
            "commands/test_plan_reasons.py::test_new_kept_and_not_asked_for",
        ),
    ),
    rule(
        "or is no longer in the manifest",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            'reason = f"no longer in the manifest; {_standing(live)[1]}"',
            "reason = _standing(live)[1]",
            "commands/test_plan_reasons.py::test_a_run_under_way_is_resumed_by_its_id",
        ),
    ),
    rule(
        "each with its reason in the table too",
        Breakage(
            "hailuo_batch/ui/plan.py",
            "cells.append((str(line.action), line.take_id, clean(line.reason)))",
            'cells.append((str(line.action), line.take_id, ""))',
            "commands/test_plan_reasons.py::test_a_signed_url_that_is_new_is_shown_beside_what_it_was",
        ),
    ),
    rule(
        "the number and the estimated cost of creates",
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            "total += price.creates * price.cost_micro_usd",
            "total += price.cost_micro_usd",
            "commands/records/test_readers.py::test_a_plan_creates_nothing_and_needs_no_key",
        ),
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            "counts = Counter(line.model for line in plan.paying)",
            "counts = Counter(line.model for line in plan.lines)",
            "commands/records/test_readers.py::test_the_newest_price_paid_beats_what_the_manifest_expects",
        ),
    ),
    rule(
        "from the newest real cost of that model",
        Breakage(
            "hailuo_batch/core/planning/spend.py",
            "newest[run.model] = max(teacher, newest.get(run.model, teacher))",
            "newest[run.model] = min(teacher, newest.get(run.model, teacher))",
            "core/planning/test_history.py::test_the_newest_known_cost_counts_over_all_ledgers",
        ),
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            "experience.cost_of(model), limits) for",
            "max((cost for _, cost in experience.costs.values()), default=None), limits) for",
            "app/test_plan_estimate.py::test_another_models_price_is_not_taken_for_it",
        ),
    ),
    rule(
        "in the workspace",
        Breakage(
            "hailuo_batch/app/ledger_access.py",
            "return joined([experience_of(snapshot.paid_runs), *(other for other in others if other is not None)])",
            "return joined([experience_of(snapshot.paid_runs)])",
            "app/test_plan_estimate.py::test_a_new_campaign_knows_what_another_one_of_the_workspace_has_paid",
        ),
    ),
    rule(
        "else from expected_cost_usd",
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            "if limits.expected_cost_micro_usd is not None:",
            "if False:",
            "commands/records/test_readers.py::test_a_plan_creates_nothing_and_needs_no_key",
        ),
    ),
    rule(
        "else it is unknown, and never 0",
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            "                return None\n",
            "                continue\n",
            "commands/records/test_readers.py::test_an_unknown_price_is_said_and_never_taken_for_nothing",
        ),
        Breakage(
            "hailuo_batch/ui/plan.py",
            'return "an unknown amount" if total is None else f"about {format_usd(total)}"',
            'return f"about {format_usd(total or 0)}"',
            "commands/records/test_readers.py::test_an_unknown_price_is_said_and_never_taken_for_nothing",
        ),
        Breakage(
            "hailuo_batch/ui/plan.py",
            '"micro_usd": estimate.micro_usd,',
            '"micro_usd": estimate.micro_usd or 0,',
            "commands/records/test_readers.py::test_an_unknown_price_is_said_and_never_taken_for_nothing",
        ),
        Breakage(
            "hailuo_batch/ui/plan.py",
            '"cost_micro_usd": price.cost_micro_usd,',
            '"cost_micro_usd": price.cost_micro_usd or 0,',
            "commands/records/test_readers.py::test_an_unknown_price_is_said_and_never_taken_for_nothing",
        ),
    ),
    rule(
        "about how long it will take under the request window",
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            "least_s = _window_s(2 * creates + resumed, settings) if creates else 0.0",
            "least_s = _window_s(creates + resumed, settings) if creates else 0.0",
            "app/test_plan_estimate.py::test_two_requests_for_each_create_have_to_fit_the_window",
        ),
        Breakage(
            "hailuo_batch/ui/plan.py",
            '*([f"Time: {describe_time(time)}."] if estimate.creates else []),',
            "",
            "app/test_plan_estimate.py::test_a_new_campaign_knows_what_another_one_of_the_workspace_has_paid",
        ),
    ),
    rule(
        "at least so long, while no run has finished yet",
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            "            return TimeNeeded(least_s, None)\n",
            "            return TimeNeeded(least_s, least_s)\n",
            "app/test_plan_estimate.py::test_a_plan_says_the_least_that_its_creates_will_take",
        ),
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            'return f"at least {format',
            'return f"about {format',
            "app/test_plan_estimate.py::test_time_in_words",
        ),
        Breakage(
            "hailuo_batch/ui/plan.py",
            '"at_least_s": time.least_s',
            '"at_least_s": time.about_s',
            "app/test_plan_estimate.py::test_a_plan_says_the_least_that_its_creates_will_take",
        ),
    ),
    rule(
        "--json: one document, and all else on stderr",
        Breakage(
            "hailuo_batch/ui/console.py",
            "        if not self.as_json:\n",
            "        if True:\n",
            "app/test_image_preflight.py::test_the_document_stays_one_document",
        ),
        Breakage(
            "hailuo_batch/commands/plan.py",
            "        console.document(document)\n",
            "        pass\n",
            "app/test_image_preflight.py::test_the_document_stays_one_document",
        ),
    ),
    rule(
        "--json gives the findings of a wrong manifest as data",
        Breakage(
            "hailuo_batch/app/manifest_input.py",
            "            console.document(findings_document([(path, loaded)]))\n",
            "            pass\n",
            "app/test_manifest_input.py::test_a_wrong_manifest_is_the_document_of_every_command[plan]",
        ),
    ),
    rule(
        "--detailed-exitcode: 0 for nothing to do",
        Breakage(
            "hailuo_batch/commands/plan.py",
            "if options.detailed_exitcode and changes_anything(plan, snapshot) else",
            "if options.detailed_exitcode else",
            "commands/test_plan_exit_code.py::test_the_detailed_exit_code_says_whether_there_is_anything_to_do",
        ),
    ),
    rule(
        "1 for any error",
        Breakage(
            "hailuo_batch/cli/error_boundary.py",
            "return ExitCode.UNFINISHED if DETAILED in arguments else code",
            "return code",
            "commands/test_plan_exit_code.py::test_with_a_detailed_exit_code_every_error_is_1",
        ),
    ),
    rule(
        "2 for something to do",
        Breakage(
            "hailuo_batch/commands/plan.py",
            "CHANGES = 2\n",
            "CHANGES = 1\n",
            "commands/test_plan_exit_code.py::test_the_detailed_exit_code_says_whether_there_is_anything_to_do",
        ),
        Breakage(
            "hailuo_batch/commands/plan.py",
            "if options.detailed_exitcode and changes_anything(plan, snapshot) else",
            "if options.detailed_exitcode and plan.steps else",
            "commands/apply/test_downloads.py::test_video_that_was_deleted_is_named_and_downloaded_again_and_not_paid_for_again",
        ),
    ),
)

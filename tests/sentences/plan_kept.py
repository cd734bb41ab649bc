"""A plan that is kept in a file, and applied from there."""

from tests.sentences.rule import Breakage, rule

_FILE = "hailuo_batch/app/plan_file.py"
_MARK = "hailuo_batch/app/plan_guard.py"
_FILES = "app/test_plan_file.py"
_MARKS = "app/test_plan_guard.py"

RULES = (
    rule(
        "apply --plan refuses where the manifest has changed",
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            "if was.manifest != sources.manifest:",
            "if False:",
            "app/test_plan_file.py::test_a_manifest_that_changed_is_refused_even_in_a_comment",
        ),
    ),
    rule(
        "where a table has",
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            '    changed += _differences("the table", was.tables, sources.tables)\n',
            "",
            "app/test_plan_file.py::test_a_table_or_an_image_that_changed_is_refused_by_name",
        ),
    ),
    rule(
        "where an image has",
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            '    changed += _differences("the local copy of", was.images, sources.images)\n',
            "",
            "app/test_plan_file.py::test_a_table_or_an_image_that_changed_is_refused_by_name",
        ),
    ),
    rule(
        "where the ledger has changed by anything but applying this plan",
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            "if changes and (not is_under_way or any(change.what in _FOREIGN for change in changes)):",
            "if False:",
            "app/test_plan_guard.py::test_the_same_changes_by_somebody_else_are_refused",
        ),
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            "if changes and (not is_under_way or any(change.what in _FOREIGN for change in changes)):",
            "if changes and not is_under_way:",
            "app/test_plan_guard.py::test_a_users_word_is_refused_even_where_the_plan_is_remembered",
        ),
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            "if now.restored and not saved.ledger.restored:",
            "if False:",
            "app/test_plan_guard.py::test_a_backup_put_back_is_refused_unless_it_was_planned_with",
        ),
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            '"ForgetRuns", "BackupPutBack"})',
            '"ForgetRuns"})',
            "app/test_plan_guard.py::test_a_backup_put_back_is_refused_too_once_another_command_has_put_it_in_order",
        ),
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            "if now.mark.number < was.number or ledger.mark(was.number) != was:",
            "if now.mark.number < was.number:",
            "app/test_plan_guard.py::test_another_ledger_of_the_same_length_is_refused",
        ),
        Breakage(
            "hailuo_batch/commands/apply.py",
            "        if asked.saved is None and (job.sends or job.plan.steps or moves_files(proposal.snapshot)):\n"
            '            ledger.remember(PLAN_FACT, "")\n',
            "",
            "app/test_plan_file.py::test_after_another_apply_an_interrupted_plan_is_not_taken_up_again",
        ),
    ),
    rule(
        "with exit code 2",
        Breakage(
            "hailuo_batch/errors.py",
            '"""Wrong usage; nothing was sent."""\n\n    exit_code = ExitCode.USAGE',
            '"""Wrong usage; nothing was sent."""\n\n    exit_code = ExitCode.UNFINISHED',
            "app/test_plan_file.py::test_a_manifest_that_changed_is_refused_even_in_a_comment",
        ),
    ),
    rule(
        "an interrupted apply --plan can be repeated",
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            "is_under_way = id_ == saved.id",
            "is_under_way = False",
            "app/test_plan_file.py::test_an_interrupted_plan_can_be_repeated",
        ),
    ),
    rule(
        "it applies exactly that plan",
        Breakage(
            "hailuo_batch/app/plan_guard.py",
            "    if beyond:\n",
            "    if False:\n",
            "app/test_plan_guard.py::test_no_more_is_paid_for_than_the_file_has",
        ),
        Breakage(
            "hailuo_batch/app/plan_file.py",
            "    if id_ != _id_of(document):\n",
            "    if False:\n",
            "app/test_plan_file_format.py::test_a_file_that_was_changed_by_hand_is_no_plan_any_more",
        ),
        Breakage(
            "hailuo_batch/commands/apply.py",
            "return Asked(where, options, manifest, endpoint, wishes, settings, None)\n    settings = replace(settings, cap_micro_usd=saved.cap_micro_usd)",
            "return Asked(where, options, manifest, endpoint, wishes, settings, None)",
            "app/test_plan_file.py::test_the_plans_own_cap_holds",
        ),
        Breakage(
            "hailuo_batch/commands/apply.py",
            "        asked.retried,\n",
            "        None,\n",
            "app/test_plan_file.py::test_a_run_that_the_plan_only_holds_in_doubt_is_followed_and_not_made_again",
        ),
    ),
)

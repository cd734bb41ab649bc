"""What decides whether a take is paid for again: which recorded run serves which wanted take."""

from tests.sentences.rule import Breakage, remark, rule

_CORE = "hailuo_batch/core"
_MATCHING = "core/planning/test_plan_matching.py"
_SPARE = "free = run is live or run.superseded_by is Supersession.EDIT"

RULES = (
    rule(
        "1. same take ID and same fingerprint: nothing to pay",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "            served[id_] = live\n",
            "            pass\n",
            "core/planning/test_plan_matching.py::test_a_run_superseded_by_replace_never_comes_back",
        ),
    ),
    rule(
        "the same take ID comes before all else",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "    spare = _spare(recorded.values(), {run.key for run in served.values()})\n",
            "    served.clear()\n    spare = _spare(recorded.values(), set())\n",
            "core/planning/test_plan_matching.py::test_equal_shots_are_two_takes_with_a_run_each",
        ),
    ),
    rule(
        "2. a wanted take still unmatched takes over a recorded run with its fingerprint",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "            pool.remove(taken)\n            served[id_] = taken\n",
            "            pool.remove(taken)\n",
            "core/planning/test_plan_matching.py::test_shots_that_swap_names_swap_their_runs",
        ),
    ),
    rule(
        "in the manifest's order",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "    for id_, take in wanted.items():\n        if id_ in served:",
            "    for id_, take in sorted(wanted.items()):\n        if id_ in served:",
            "core/planning/test_plan_matching.py::test_freed_runs_go_to_the_wanted_takes_in_the_manifests_order_newest_first",
        ),
    ),
    rule(
        "one that nobody wants any more: whose take ID has left the manifest, or has changed fingerprint",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            _SPARE,
            "free = run.superseded_by is Supersession.EDIT",
            "core/planning/test_plan_matching.py::test_shots_that_swap_names_swap_their_runs",
        ),
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            _SPARE,
            "free = not record.in_manifest or run.superseded_by is Supersession.EDIT",
            "core/planning/test_plan_matching.py::test_shots_that_swap_names_swap_their_runs",
        ),
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "if free and run.key not in used and",
            "if free and",
            "core/planning/test_plan_matching.py::test_raising_takes_makes_only_the_added_ones",
        ),
    ),
    rule(
        "newest first",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "return -(run.create_number or 0), -run.key",
            "return run.create_number or 0, run.key",
            "core/planning/test_plan_matching.py::test_freed_runs_go_to_the_wanted_takes_in_the_manifests_order_newest_first",
        ),
    ),
    rule(
        "runs superseded by an edit included, so that a prompt that is changed back costs nothing",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            _SPARE,
            "free = run is live",
            "core/planning/test_plan_matching.py::test_a_prompt_that_is_changed_back_costs_nothing",
        ),
    ),
    rule(
        "runs superseded by --replace never",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            _SPARE,
            "free = True",
            "core/planning/test_plan_matching.py::test_a_run_superseded_by_replace_never_comes_back",
        ),
    ),
    rule(
        "one run serves one take",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "            pool.remove(taken)\n",
            "",
            "core/planning/test_plan_matching.py::test_one_run_serves_one_take",
        ),
    ),
    rule(
        "in-doubt and running attempts move in the same way",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "if free and run.key not in used and run.state is not RunState.UNSENT:",
            "if free and run.key not in used and run.state not in {RunState.UNSENT, RunState.IN_DOUBT}:",
            "core/planning/test_plan_matching.py::test_a_renamed_shot_takes_its_run_along_whatever_its_state",
        ),
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "if free and run.key not in used and run.state is not RunState.UNSENT:",
            "if free and run.key not in used and run.state not in {RunState.UNSENT, RunState.PENDING, RunState.PROCESSING}:",
            "core/planning/test_plan_matching.py::test_a_renamed_shot_takes_its_run_along_whatever_its_state",
        ),
    ),
    rule(
        "files are renamed with it",
        Breakage(
            "hailuo_batch/core/model/file_layout.py",
            'return f"{run.take_id}{_number(index)}"',
            "return _stem(run.outputs[index].path or run.take_id)",
            "core/engine/test_engine_files.py::test_files_that_swap_names_are_renamed_one_after_the_other",
        ),
    ),
    rule(
        "through temporary names",
        Breakage(
            "hailuo_batch/core/model/file_layout.py",
            "return () if ring is None else (self._aside(ring),)",
            "return ()",
            "core/model/test_file_layout.py::test_two_files_swap_by_one_step_aside",
        ),
        Breakage(
            "hailuo_batch/core/model/file_layout.py",
            "possible = tuple(move for move in wanted if move.target not in self._taken)",
            "possible = tuple(wanted)",
            "core/model/test_file_layout.py::test_two_files_swap_by_one_step_aside",
        ),
    ),
    rule(
        "each rename in the journal",
        Breakage(
            "hailuo_batch/runtime/driver.py",
            "runs = self._ledger.record(((action.run.key, event),), self._clock.wall())",
            "runs = self._ledger.record((), self._clock.wall())",
            "runtime/test_driver.py::test_a_rename_is_in_the_ledger_before_it_begins",
        ),
    ),
    rule(
        "so that two shots that swap names survive a crash in between",
        Breakage(
            "hailuo_batch/adapters/local/output_files.py",
            "            return ev.FileMoved(output.index, output.moving_to)\n",
            "            return None\n",
            "adapters/local/test_output_files.py::test_a_crash_after_the_rename_ends_with_the_new_name",
        ),
        Breakage(
            "hailuo_batch/adapters/local/output_files.py",
            "return None if output.moving_to is None else ev.FileMoved(output.index, output.path)",
            "return None",
            "adapters/local/test_output_files.py::test_a_crash_before_the_rename_leaves_the_old_name",
        ),
    ),
    rule(
        "3. what then is left unmatched is new, and is paid for",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "            self.steps.append(st.AddAttempt(take.id))\n",
            "            pass\n",
            "core/planning/test_plan_matching.py::test_a_new_campaign_pays_for_every_take",
        ),
    ),
    rule(
        "a recorded take whose ID is wanted with another fingerprint: its old run becomes superseded",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "self.steps.append(st.SupersedeRun(live.key, Supersession.EDIT))",
            "pass",
            "core/planning/test_plan_matching.py::test_a_changed_prompt_is_paid_for_and_says_what_changed",
        ),
    ),
    rule(
        "one that is in doubt stays so, visible",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "            elif id_ in wanted:\n                self.steps.append(st.Supersede",
            "            elif id_ in wanted and live.state is RunState.IN_DOUBT:\n                self.steps.append(st.DropAttempt(live.key))\n            elif id_ in wanted:\n                self.steps.append(st.Supersede",
            "core/planning/test_plan_matching.py::test_an_edit_leaves_a_create_in_doubt_visible_and_counted",
        ),
        Breakage(
            "hailuo_batch/ui/in_doubt.py",
            "counting = [run for run in snapshot.runs if _counts(run)]",
            "counting = [run for run in snapshot.runs if _counts(run) and not run.superseded]",
            "commands/test_resolve.py::test_an_older_attempt_in_doubt_stays_open_to_every_way_but_being_made_again",
        ),
    ),
    rule(
        "counted",
        Breakage(
            "hailuo_batch/core/planning/spend.py",
            "        if is_in_doubt(run):\n            in_doubt += 1",
            "        if is_in_doubt(run) and not run.superseded:\n            in_doubt += 1",
            "core/planning/test_spend.py::test_what_a_run_costs_by_its_state_superseded_or_not",
        ),
    ),
    rule(
        "and open to resolve",
        Breakage(
            "hailuo_batch/core/planning/resolution.py",
            "run = next((run for run in record.runs if run.attempt == attempt), None)",
            "run = next((run for run in record.runs if run.attempt == attempt and not run.superseded), None)",
            "core/planning/test_resolution.py::test_the_live_attempt_is_meant_unless_another_is_named",
        ),
    ),
    rule(
        "no longer in the manifest: kept",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "            if not left:\n",
            "            if True:\n",
            "core/planning/test_plan_matching.py::test_lowering_takes_drops_nothing_that_was_paid_for",
        ),
    ),
    rule(
        "if it is still running it is still collected, since it is paid for",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "collected = scope if self.wishes.only else scope | recorded.keys()",
            "collected = scope",
            "core/planning/test_plan_matching.py::test_a_take_that_left_the_manifest_is_still_collected",
        ),
    ),
    rule(
        "raising takes makes only the added ones",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "served = match_runs(wanted, recorded)",
            "served = match_runs(wanted, recorded) if len(wanted) <= len(recorded) else {}",
            "core/planning/test_plan_matching.py::test_raising_takes_makes_only_the_added_ones",
        ),
    ),
    rule(
        "lowering it drops nothing",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "left = [run for run in record.runs if run.key not in used and run.state is not RunState.UNSENT]",
            "left = [run for run in record.runs if run.key not in used and run.state is RunState.SUCCEEDED]",
            "core/planning/test_plan_matching.py::test_lowering_takes_drops_nothing_that_was_paid_for",
        ),
    ),
    rule(
        "two shots with equal inputs are two takes with a run each",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "        taken = next((run for run in pool if serves(run, take) and _keeps(promise, run)), None)\n",
            "        taken = next((run for run in pool if serves(run, take) and _keeps(promise, run)), None)\n        if taken is None:\n            taken = next((run for run in served.values() if serves(run, take)), None)\n            pool = [taken]\n",
            "core/planning/test_plan_matching.py::test_one_run_serves_one_take",
        ),
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "wanted = {take.id: take for take in self.campaign.takes}",
            "wanted = {take.id: take for take in {each.fingerprint: each for each in self.campaign.takes}.values()}",
            "core/planning/test_plan_matching.py::test_equal_shots_are_two_takes_with_a_run_each",
        ),
    ),
    rule(
        "a finished take whose file was deleted is named",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "' again: its file is gone' if gone else ''",
            "'' if gone else ''",
            "commands/apply/test_downloads.py::test_video_that_was_deleted_is_named_and_downloaded_again_and_not_paid_for_again",
        ),
    ),
    rule(
        "downloaded again where the link still works",
        Breakage(
            "hailuo_batch/adapters/local/output_files.py",
            "            return ev.FileMissed(output.index)\n        return None if output.moving_to is None",
            "            return None\n        return None if output.moving_to is None",
            "adapters/local/test_output_files.py::test_a_file_that_is_gone_is_missed",
        ),
        Breakage(
            "hailuo_batch/core/engine/downloads.py",
            "(output.path is None and run.take_id in self._collected)",
            "(output.path is None and output.sha256 is None and run.take_id in self._collected)",
            "commands/apply/test_downloads.py::test_video_that_was_deleted_is_named_and_downloaded_again_and_not_paid_for_again",
        ),
    ),
    rule(
        "and never paid for again without --replace",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "    return run.fingerprint == take.fingerprint and not images_differ",
            "    gone = any(output.path is None and output.sha256 for output in run.outputs)\n    return run.fingerprint == take.fingerprint and not images_differ and not gone",
            "commands/apply/test_downloads.py::test_video_that_was_deleted_is_named_and_downloaded_again_and_not_paid_for_again",
        ),
    ),
    remark(
        "matching wanted takes with recorded ones, in this order:", "the three rules that follow say what is matched"
    ),
)

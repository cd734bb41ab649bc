"""The manifest's language: its commented example, line by line."""

from tests.sentences.rule import Breakage, remark, rule

_PACKAGE = "hailuo_batch"
_MANIFEST = "hailuo_batch/manifest"
_CAMPAIGN = "manifest/test_campaign.py"
_EXAMPLE = "manifest/test_example.py::test_the_example_of_the_language_asks_for_what_it_says"

RULES = (
    rule(
        "ledger and output folder are named after the campaign",
        Breakage(
            "hailuo_batch/app/workspace.py",
            'ledger=state / f"{name}.db",',
            'ledger=state / "ledger.db",',
            "app/test_workspace.py::test_folders_that_are_given_are_relative_to_the_current_one",
        ),
        Breakage(
            "hailuo_batch/app/workspace.py",
            "outputs=outputs / name,",
            "outputs=outputs,",
            "app/test_workspace.py::test_folders_that_are_given_are_relative_to_the_current_one",
        ),
    ),
    rule(
        "model: hailuo/pro is the default, and another one may be named",
        Breakage(
            "hailuo_batch/values.py",
            'DEFAULT_MODEL = "hailuo/pro"',
            'DEFAULT_MODEL = "hailuo/fast"',
            "manifest/test_campaign.py::test_the_smallest_manifest",
        ),
        Breakage(
            "hailuo_batch/manifest/document.py",
            'model = _model(self.node.get("model"))',
            "model = None",
            "manifest/test_campaign.py::test_a_model_without_a_schema_is_a_warning_only",
        ),
    ),
    rule(
        "description: free text",
        Breakage(
            "hailuo_batch/manifest/document.py",
            'return _text_or_empty(self.node.get("description")).strip()',
            'return ""',
            "manifest/test_campaign.py::test_the_description_is_trimmed",
        ),
    ),
    rule(
        "the description is shown in the report",
        Breakage(
            "hailuo_batch/app/run_campaign.py",
            "job.campaign.description)",
            '"")',
            "commands/test_report.py::test_the_description_is_shown_in_every_report_for_people",
        ),
    ),
    rule(
        "vars: text used as ${name} below",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "reader = ScopeReader(variables, library, report)",
            "reader = ScopeReader({}, library, report)",
            "manifest/test_values_put_in.py::test_variables_work_in_every_text_of_a_shot",
        ),
    ),
    rule(
        "max_spend_usd: a hard cap",
        Breakage(
            "hailuo_batch/core/planning/spend.py",
            "return self.committed_micro_usd + cost <= self.cap_micro_usd",
            "return self.committed_micro_usd <= self.cap_micro_usd",
            "core/planning/test_cap.py::test_creates_go_on_up_to_the_cap_and_not_beyond",
        ),
        Breakage(
            "hailuo_batch/manifest/document.py",
            'max_spend_micro_usd=_money(limits, "max_spend_usd", report),',
            "max_spend_micro_usd=None,",
            "manifest/test_campaign.py::test_limits_are_exact",
        ),
        Breakage(
            "hailuo_batch/app/config.py",
            "cap = limits.max_spend_micro_usd",
            "cap = None",
            "app/test_config.py::test_the_manifest_counts_where_nothing_else_is_said",
        ),
    ),
    rule(
        "the cap is on net spend: what is refunded makes room",
        Breakage(
            "hailuo_batch/core/planning/spend.py",
            "if not paid or run.state is RunState.FAILED:",
            "if not paid:",
            "core/planning/test_cap.py::test_a_refund_makes_room_and_what_is_lost_or_given_up_does_not",
        ),
    ),
    rule(
        "the cap is over all applies of the campaign",
        Breakage(
            "hailuo_batch/core/engine/engine.py",
            "        self._requests.cap.hear(run)\n        self._outputs.hear(run)",
            "        if before is not None:\n            self._requests.cap.hear(run)\n        self._outputs.hear(run)",
            "core/engine/test_engine_creates.py::test_the_cap_stops_creating_and_leaves_what_runs_to_be_collected",
        ),
    ),
    rule(
        "expected_cost_usd: per run, for the plan",
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            "if limits.expected_cost_micro_usd is not None:",
            "if False:",
            "app/test_plan_estimate.py::test_a_damaged_ledger_beside_it_is_passed_over",
        ),
    ),
    rule(
        "until the ledger has seen a real cost",
        Breakage(
            "hailuo_batch/core/planning/estimate.py",
            "if known is not None:",
            "if known is not None and limits.expected_cost_micro_usd is None:",
            "app/test_plan_estimate.py::test_a_new_campaign_knows_what_another_one_of_the_workspace_has_paid",
        ),
    ),
    rule(
        "max_attempts: a run that failed is made again up to this many runs",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "failures(runs, run.fingerprint) < self.campaign.limits.max_attempts:",
            "failures(runs, run.fingerprint) <= self.campaign.limits.max_attempts:",
            "core/planning/test_plan_wishes.py::test_a_failed_run_is_made_again_up_to_the_attempts_allowed",
        ),
        Breakage(
            "hailuo_batch/core/engine/engine.py",
            "and tried < self.settings.max_attempts",
            "and tried <= self.settings.max_attempts",
            "core/engine/test_engine_creates.py::test_a_failed_run_is_made_again_at_once_up_to_the_attempts_allowed",
        ),
    ),
    rule(
        "only a run that FAILED is",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "if run.state is RunState.FAILED and failures(",
            "if run.state in {RunState.FAILED, RunState.REJECTED} and failures(",
            "core/planning/test_plan_wishes.py::test_a_rejected_take_is_never_made_again_by_itself",
        ),
    ),
    rule(
        "max_attempts is 1 by default",
        Breakage(
            "hailuo_batch/values.py",
            "max_attempts: int = 1",
            "max_attempts: int = 2",
            "manifest/test_campaign.py::test_limits_have_defaults",
        ),
    ),
    rule(
        "max_in_flight: runs at Runbase at once",
        Breakage(
            "hailuo_batch/core/engine/create_queue.py",
            ">= self._most_open",
            "> self._most_open",
            "core/engine/test_engine_creates.py::test_no_more_runs_are_open_than_allowed",
        ),
        Breakage(
            "hailuo_batch/manifest/document.py",
            'max_in_flight=_whole(limits.get("max_in_flight")),',
            "max_in_flight=None,",
            "manifest/test_campaign.py::test_limits_are_exact",
        ),
    ),
    rule(
        "there is no limit by default but the rate",
        Breakage(
            "hailuo_batch/manifest/document.py",
            'max_in_flight=_whole(limits.get("max_in_flight")),',
            'max_in_flight=_whole(limits.get("max_in_flight")) or 200,',
            "manifest/test_campaign.py::test_limits_have_defaults",
        ),
    ),
    rule(
        "run_timeout: apply stops waiting when no run has finished for so long",
        Breakage(
            "hailuo_batch/core/engine/requests.py",
            "if self._standing.reach < Reach.REQUESTS and self._timeout.is_over(now, self._polling):",
            "if False:",
            "core/engine/test_engine_reads.py::test_every_run_that_finishes_grants_the_others_the_whole_time_again",
        ),
        Breakage(
            "hailuo_batch/core/engine/requests.py",
            "self._polling.close(run.key)\n        self._timeout.restart(now)\n",
            "self._polling.close(run.key)\n",
            "core/engine/test_run_timeout.py::test_a_run_that_finished_during_the_sleep_grants_the_others_the_whole_time_again",
        ),
        Breakage(
            "hailuo_batch/app/config.py",
            "timeout_s = limits.run_timeout_s",
            "timeout_s = 3600.0",
            "app/test_config.py::test_the_manifest_counts_where_nothing_else_is_said",
        ),
    ),
    rule(
        "all runs stay resumable then",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            'return PlanAction.RESUME, f"resumes {run.run_id}"',
            'return PlanAction.HOLD, f"resumes {run.run_id}"',
            "commands/test_plan_reasons.py::test_a_run_under_way_is_resumed_by_its_id",
        ),
    ),
    rule(
        "run_timeout is 60m by default",
        Breakage(
            "hailuo_batch/values.py",
            "run_timeout_s: float = 3600.0",
            "run_timeout_s: float = 2700.0",
            "manifest/test_campaign.py::test_limits_have_defaults",
        ),
    ),
    rule(
        "images.base_url: relative references become URLs below it",
        Breakage(
            "hailuo_batch/manifest/images/references.py",
            "url = self._base + parsed.rest",
            "url = parsed.rest",
            _EXAMPLE,
        ),
    ),
    rule(
        "images.dir: a folder that is checked to exist",
        Breakage(
            "hailuo_batch/manifest/images/references.py",
            "problem = copies.problem()",
            "problem = None",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[images-dir-missing]",
        ),
    ),
    rule(
        "images.dir is optional",
        Breakage(
            "hailuo_batch/manifest/images/references.py",
            "if self._base is None or (self._copies is None and self._has_folder):",
            "if self._base is None or self._copies is None:",
            "manifest/test_image_references.py::test_a_base_may_be_this_machine",
        ),
    ),
    rule(
        "defaults are merged into every shot that does not say otherwise",
        Breakage(
            "hailuo_batch/manifest/document.py",
            "return node.get(key) if key in node.entries else defaults.get(key)",
            "return node.get(key)",
            "manifest/test_campaign.py::test_defaults_give_way_to_the_shot",
        ),
        Breakage(
            "hailuo_batch/manifest/document.py",
            "return node.get(key) if key in node.entries else defaults.get(key)",
            "return defaults.get(key) if key in defaults.entries else node.get(key)",
            "manifest/test_campaign.py::test_defaults_give_way_to_the_shot",
        ),
    ),
    rule(
        "a matrix makes every combination, in the order written",
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "candidates = itertools.product(*self.values)",
            "candidates = zip(*self.values)",
            _EXAMPLE,
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "candidates = itertools.product(*self.values)",
            "candidates = iter(sorted(itertools.product(*self.values)))",
            "manifest/test_matrix.py::test_every_combination_in_the_order_written",
        ),
    ),
    rule(
        "rows makes one shot per row of a CSV file",
        Breakage(
            "hailuo_batch/manifest/expansion/variables.py",
            "return 1 if self.table is None else self.table.rows",
            "return 1",
            "manifest/test_rows.py::test_one_shot_for_every_row",
        ),
    ),
    rule(
        "its header row names the variables",
        Breakage(
            "hailuo_batch/manifest/files/csv_tables.py",
            "names = tuple(name.strip() for name in row)",
            'names = tuple(f"column{at}" for at, _ in enumerate(row))',
            "manifest/test_rows.py::test_one_shot_for_every_row",
        ),
    ),
    rule(
        "its path is relative to the manifest",
        Breakage(
            "hailuo_batch/manifest/files/file_cache.py",
            "path = self.folder / node.text",
            "path = Path(node.text)",
            "manifest/test_rows.py::test_a_table_may_lie_elsewhere",
        ),
        Breakage(
            "hailuo_batch/manifest/files/file_cache.py",
            "return manifest.resolve().parent if manifest.is_symlink() else manifest.parent",
            "return manifest.parent",
            "manifest/test_rows.py::test_a_table_may_lie_elsewhere",
        ),
    ),
    remark(
        "so that editors complete and explain it",
        "it is what titles, descriptions, examples and defaults are for; those are rules above",
    ),
)

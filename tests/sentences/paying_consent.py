"""Nothing is paid for without a yes, and no second command is at work on a campaign."""

from tests.sentences.rule import Breakage, rule

_APPLY = "hailuo_batch/commands/apply.py"
_CONSENT = "hailuo_batch/app/consent.py"
_OPTIONS = "hailuo_batch/app/config.py"
_PROPOSAL = "hailuo_batch/app/consent.py"
_RESOLVE = "hailuo_batch/commands/resolve.py"
_LOCK = "hailuo_batch/adapters/ledger/lock.py"
_TESTS = "commands/paying/test_consent.py"
_OFFERS = "commands/paying/test_offer.py"
_ENGINE = "core/engine/test_engine_consent.py"
_BUSY = "commands/apply/test_busy.py"
_LOCKS = "adapters/ledger/test_lock.py"
_HINTS = "commands/paying/test_continue.py"

RULES = (
    rule(
        "who says nothing has not agreed",
        Breakage(
            "hailuo_batch/core/model/settings.py",
            "    consent: Consent = Consent.MISSING",
            "    consent: Consent = Consent.GIVEN",
            "core/engine/test_engine_consent.py::test_who_says_nothing_has_not_agreed",
        ),
        Breakage(
            "hailuo_batch/app/consent.py",
            "    if not (has_yes or console.is_interactive):\n        return Consent.MISSING",
            "    if not (has_yes or console.is_interactive):\n        return Consent.GIVEN",
            "commands/paying/test_consent.py::test_what_runs_is_collected_and_reported_and_nothing_is_created",
        ),
    ),
    rule(
        "without a yes no create is sent, whatever waits",
        Breakage(
            "hailuo_batch/core/engine/requests.py",
            " and self._settings.consent is Consent.GIVEN",
            "",
            "core/engine/test_engine_consent.py::test_no_turn_among_those_who_use_the_key_is_asked_for",
        ),
        Breakage(
            "hailuo_batch/core/engine/requests.py",
            "            elif self._settings.consent is not Consent.GIVEN:",
            "            elif False:",
            "core/engine/test_engine_consent.py::test_nothing_is_created_and_what_runs_is_followed_and_downloaded",
        ),
    ),
    rule(
        "further attempts after a failure included",
        Breakage(
            "hailuo_batch/core/engine/engine.py",
            "        elif again and self.settings.consent is not Consent.GIVEN:",
            "        elif False:",
            "core/engine/test_engine_consent.py::test_a_run_that_fails_is_not_made_again_and_no_attempt_is_prepared",
        ),
        Breakage(
            "hailuo_batch/commands/apply.py",
            "replace(asked.campaign.limits, max_attempts=1)",
            "asked.campaign.limits",
            "commands/paying/test_consent.py::test_a_run_that_failed_before_is_not_made_again_without_one",
        ),
        Breakage(
            "hailuo_batch/app/consent.py",
            "return self.reached is None and (self.runs > 0 or self.open_runs > 0)",
            "return self.reached is None and self.runs > 0",
            "commands/paying/test_offer.py::test_runs_under_way_that_may_be_made_again_are_a_question_of_their_own",
        ),
    ),
    rule(
        "no wish is recorded that the next apply would pay for under another word",
        Breakage(
            "hailuo_batch/commands/apply.py",
            "proposal.snapshot, Wishes(asked.wishes.only))",
            "proposal.snapshot, asked.wishes)",
            "commands/paying/test_consent.py::test_a_replacement_without_one_leaves_no_wish_behind",
        ),
        Breakage(
            "hailuo_batch/commands/apply.py",
            "replace(proposal.plan, steps=(), collected",
            "replace(proposal.plan, collected",
            "commands/paying/test_consent.py::test_a_plans_wish_without_one_is_not_paid_for_by_an_apply_without_the_plan",
        ),
        Breakage(
            "hailuo_batch/commands/apply.py",
            "            if ledger is None:\n                return _leave_unbegun(asked, verdict.unpaid, clock, console)\n",
            "",
            "commands/paying/test_consent.py::test_a_campaign_that_never_began_leaves_nothing_behind",
        ),
    ),
    rule(
        "resolve --resubmit without a yes changes nothing",
        Breakage(
            "hailuo_batch/commands/resolve.py",
            "    if wish.way is Way.RESUBMIT and not (wish.yes or where.sandbox or console.is_interactive):",
            "    if False:",
            "commands/paying/test_consent.py::test_making_again_what_is_in_doubt_needs_one",
        ),
    ),
    rule(
        "the question names the most that can be paid",
        Breakage(
            "hailuo_batch/app/consent.py",
            "        left -= price or 0",
            "        left -= 0",
            "commands/paying/test_offer.py::test_it_names_the_most_that_can_be_paid",
        ),
        Breakage(
            "hailuo_batch/app/consent.py",
            "settings.cap_micro_usd - cap.committed_micro_usd)",
            "settings.cap_micro_usd)",
            "commands/paying/test_offer.py::test_it_names_the_most_that_can_be_paid",
        ),
    ),
    rule(
        "the lock cannot be had twice",
        Breakage(
            "hailuo_batch/adapters/ledger/lock.py",
            "            if self._guard_path is not None:\n                self._take_guard(self._guard_path)\n",
            "",
            "adapters/ledger/test_lock.py::test_the_guard_holds_where_the_locks_file_was_deleted",
        ),
        Breakage(
            "hailuo_batch/adapters/ledger/lock.py",
            "                if is_still_there(file, self.path):\n                    return file",
            "                return file",
            "adapters/ledger/test_lock.py::test_a_lock_whose_file_is_deleted_between_opening_and_locking_is_taken_again",
        ),
        Breakage(
            "hailuo_batch/commands/apply.py",
            "        lock.hold_guard()\n",
            "",
            "commands/apply/test_busy.py::test_a_deleted_lock_lets_no_second_apply_in",
        ),
    ),
    rule(
        "after a wait everything is read again",
        Breakage(
            "hailuo_batch/commands/apply.py",
            "        asked = _read_again(asked, console)",
            "        pass",
            "commands/apply/test_busy.py::test_it_waits_says_for_whom_and_then_looks_again",
        ),
    ),
    rule(
        "what is printed to be typed next pays for no more than what was given",
        Breakage(
            "hailuo_batch/app/config.py",
            '        *_valued("--max-spend", bounds.max_spend),\n',
            "",
            "commands/paying/test_continue.py::test_a_stopped_apply_is_continued_with_all_that_decided_what_it_pays",
        ),
        Breakage(
            "hailuo_batch/app/config.py",
            "options.replace if replacing or not paid else ()",
            "options.replace",
            "commands/paying/test_continue.py::test_a_replacement_under_way_is_named_and_a_finished_one_is_not",
        ),
        Breakage(
            "hailuo_batch/app/config.py",
            'None if paid or options.in_doubt == "hold" else options.in_doubt',
            'None if options.in_doubt == "hold" else options.in_doubt',
            "commands/paying/test_continue.py::test_what_was_in_doubt_is_made_again_once_and_what_is_so_since_is_not",
        ),
    ),
)

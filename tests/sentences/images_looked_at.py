"""What is looked at before anything is paid: images, and why an apply goes no further."""

from tests.sentences.rule import Breakage, rule

_COMMAND = "hailuo_batch/app/image_preflight.py"
_SCOUT = "hailuo_batch/preflight/fetch.py"
_JUDGE = "hailuo_batch/preflight/verdict.py"
_COMMANDS = "app/test_image_preflight.py"
_SHELL = "preflight/test_fetch.py"
_CHECK = "preflight/test_verdict.py"
_FATAL = "app/test_image_preflight.py::test_what_cannot_work_is_shown_all_at_once_with_its_takes_and_nothing_is_sent"

RULES = (
    rule(
        "plan --check-images looks at images, and plan alone does not",
        Breakage(
            "hailuo_batch/commands/plan.py",
            "Reach.WEB if options.check_images else Reach.NOTHING",
            "Reach.NOTHING",
            _FATAL,
        ),
        Breakage(
            "hailuo_batch/commands/plan.py",
            "Reach.WEB if options.check_images else Reach.NOTHING",
            "Reach.WEB",
            "app/test_image_preflight.py::test_nobody_is_asked_where_it_is_not_wanted",
        ),
    ),
    rule(
        "apply looks at them unless --no-check-images",
        Breakage(
            "hailuo_batch/app/consent.py",
            "(Reach.LOCAL if self.is_rehearsal else Reach.WEB)",
            "Reach.LOCAL",
            _FATAL,
        ),
        Breakage(
            "hailuo_batch/app/config.py",
            "Reach.WEB if self.check_images else Reach.NOTHING",
            "Reach.WEB",
            "app/test_image_preflight.py::test_nobody_is_asked_where_it_is_not_wanted",
        ),
    ),
    rule(
        "only for takes that are to be created",
        Breakage(
            "hailuo_batch/app/image_preflight.py",
            'if take.id in paying and "image_urls" in take.input_json:',
            'if "image_urls" in take.input_json:',
            "app/test_image_preflight.py::test_only_images_of_takes_that_are_to_be_made_are_looked_at",
        ),
    ),
    rule(
        "a finished campaign sends nothing",
        Breakage(
            "hailuo_batch/core/planning/plan.py",
            "return tuple(line for line in self.lines if line.action in PAYING)",
            "return self.lines",
            "app/test_image_preflight.py::test_a_finished_campaign_looks_at_nothing",
        ),
    ),
    rule(
        "each distinct image is fetched once",
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "wanted = list(dict.fromkeys(urls))",
            "wanted = list(urls)",
            "preflight/test_fetch.py::test_each_url_is_looked_at_once_and_remembered",
        ),
    ),
    rule(
        "results are remembered for the run",
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "for url in wanted if url not in self._known}",
            "for url in wanted}",
            "preflight/test_fetch.py::test_each_url_is_looked_at_once_and_remembered",
        ),
    ),
    rule(
        "HEAD, else a GET",
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            'return Looked(head) if says_enough(head) else Looked(head, self._ask("GET", url))',
            "return Looked(head)",
            "preflight/test_fetch.py::test_a_server_that_refuses_head_is_asked_for_the_first_bytes",
        ),
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            'return Looked(head) if says_enough(head) else Looked(head, self._ask("GET", url))',
            'return Looked(head, self._ask("GET", url))',
            "preflight/test_fetch.py::test_an_image_is_known_by_its_head_alone",
        ),
    ),
    rule(
        "which is ranged and short",
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            '({"Range": f"bytes=0-{START_BYTES - 1}"} if method == "GET" else {})',
            "{}",
            "preflight/test_fetch.py::test_a_server_that_refuses_head_is_asked_for_the_first_bytes",
        ),
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "while len(data) < START_BYTES and (piece := response.read(START_BYTES - len(data), decode_content=False)):",
            "while piece := response.read(1 << 20, decode_content=False):",
            "preflight/test_fetch.py::test_a_server_that_refuses_head_is_asked_for_the_first_bytes",
        ),
    ),
    rule(
        "its status is judged: a 404 cannot work",
        Breakage(
            "hailuo_batch/preflight/verdict.py",
            'return Finding(f"is not there (HTTP {status})", fatal=True)',
            'return Finding(f"is not there (HTTP {status})")',
            "preflight/test_verdict.py::test_what_cannot_work_is_fatal",
        ),
    ),
    rule(
        "its content type is judged: what is no image cannot work",
        Breakage(
            "hailuo_batch/preflight/verdict.py",
            'which is no image", fatal=True)',
            'which is no image")',
            "preflight/test_verdict.py::test_what_cannot_work_is_fatal",
        ),
        Breakage(
            "hailuo_batch/preflight/verdict.py",
            'and its bytes are none", fatal=True)',
            'and its bytes are none")',
            "preflight/test_verdict.py::test_what_cannot_work_is_fatal",
        ),
    ),
    rule(
        "its size is judged",
        Breakage(
            "hailuo_batch/preflight/verdict.py",
            "if size is not None and size > HUGE_BYTES:",
            "if False:",
            "preflight/test_verdict.py::test_what_may_work_is_a_warning",
        ),
        Breakage(
            "hailuo_batch/preflight/verdict.py",
            "elif size is not None and size < TINY_BYTES and not sides:",
            "elif False:",
            "preflight/test_verdict.py::test_what_may_work_is_a_warning",
        ),
    ),
    rule(
        "local copies are decoded as far as their header, for the size in pixels",
        Breakage(
            "hailuo_batch/preflight/verdict.py",
            "return tuple(_judge_size(head, size))",
            "return ()",
            "preflight/test_verdict.py::test_a_local_copy_is_judged_by_its_header",
        ),
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "start = file.read(ENOUGH_BYTES)",
            "start = file.read()",
            "preflight/test_fetch.py::test_a_copy_is_read_as_far_as_its_header",
        ),
    ),
    rule(
        "what is only suspicious is a warning",
        Breakage(
            "hailuo_batch/app/image_preflight.py",
            "warnings = _lines(found, users, fatal=False)",
            "warnings = []",
            "app/test_image_preflight.py::test_what_is_suspicious_is_said_and_paid_for",
        ),
        Breakage(
            "hailuo_batch/preflight/verdict.py",
            'yield Finding(f"is {head.kind} and sent as {_said(answer)}")',
            'yield Finding(f"is {head.kind} and sent as {_said(answer)}", fatal=True)',
            "app/test_image_preflight.py::test_what_is_suspicious_is_said_and_paid_for",
        ),
    ),
    rule(
        "what cannot work is an error before anything is paid, all of it at once",
        Breakage("hailuo_batch/app/image_preflight.py", "    if fatal:\n", "    if False:\n", _FATAL),
        Breakage(
            "hailuo_batch/app/image_preflight.py",
            'so that nothing is created:", *fatal,',
            'so that nothing is created:", fatal[0],',
            _FATAL,
        ),
        Breakage(
            "hailuo_batch/app/consent.py",
            "asked.manifest.warnings + check_images(asked.manifest, proposal.plan, asked.reach, console)",
            "asked.manifest.warnings",
            _FATAL,
        ),
    ),
    rule(
        "at most 8 at once",
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "AT_ONCE = 8",
            "AT_ONCE = 9",
            "preflight/test_fetch.py::test_no_more_than_eight_are_looked_at_at_once",
        ),
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "AT_ONCE = 8",
            "AT_ONCE = 7",
            "preflight/test_fetch.py::test_no_more_than_eight_are_looked_at_at_once",
        ),
    ),
    rule(
        "with a progress bar",
        Breakage(
            "hailuo_batch/app/image_preflight.py",
            "None if is_quiet else columns_of(sys.stderr)",
            "None",
            "app/test_image_preflight.py::test_on_a_terminal_a_bar_counts_the_images",
        ),
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "                on_look()\n",
            "",
            "preflight/test_fetch.py::test_each_url_is_looked_at_once_and_remembered",
        ),
        Breakage(
            "hailuo_batch/ui/progress.py",
            "            bar.update()\n",
            "            pass\n",
            "ui/test_tally.py::test_each_step_is_counted",
        ),
    ),
    rule(
        "no key",
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            '"Connection": "close",\n',
            '"Connection": "close",\n        "Authorization": "Bearer key",\n',
            "preflight/test_fetch.py::test_no_key_no_cookie_and_no_other_name_than_the_programs_is_sent",
        ),
    ),
    rule(
        "no private addresses",
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "return resolve(link.origin, allow_loopback=trusted)",
            "return (None,)",
            "preflight/test_fetch.py::test_private_addresses_are_left_alone_unless_the_manifest_itself_names_one",
        ),
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            'trusted = trusted and (urlsplit(url).hostname or "").lower() == self._trusted_host',
            "pass",
            "preflight/test_fetch.py::test_a_redirect_leads_from_the_trusted_host_to_no_other_private_one",
        ),
    ),
    rule(
        "unless the manifest's own base_url is one",
        Breakage(
            "hailuo_batch/app/image_preflight.py",
            'scout = Scout(urlsplit(manifest.image_base).hostname or "")',
            'scout = Scout("")',
            "app/test_image_preflight.py::test_each_image_is_looked_at_once_before_the_first_create",
        ),
    ),
    rule(
        "at most 3 redirects",
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "MAX_REDIRECTS = 3",
            "MAX_REDIRECTS = 4",
            "preflight/test_fetch.py::test_three_redirects_are_followed_and_no_fourth",
        ),
        Breakage(
            "hailuo_batch/preflight/fetch.py",
            "MAX_REDIRECTS = 3",
            "MAX_REDIRECTS = 2",
            "preflight/test_fetch.py::test_three_redirects_are_followed_and_no_fourth",
        ),
    ),
    rule(
        "a flood of wrong links ends the check of a manifest early",
        Breakage(
            "hailuo_batch/manifest/expansion/row_faults.py",
            "if is_new and len(self._groups) == ENOUGH:",
            "if False:",
            "manifest/test_diagnostics.py::test_a_thousand_wrong_texts_of_one_shot_end_its_expansion",
        ),
    ),
)

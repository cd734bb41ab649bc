"""What decides whether a take is paid for again: its fingerprint, and its images."""

from tests.sentences.rule import Breakage, rule

_CORE = "hailuo_batch/core"
_VALUES = "hailuo_batch/values.py"
_MATCHING = "core/planning/test_plan_matching.py"
_CAMPAIGN = "manifest/test_campaign.py"
_FINGERPRINT = "test_values.py::test_the_fingerprint_of_a_request_never_changes"
_CANONICAL = "test_values.py::test_canonical_json_has_sorted_keys_no_spaces_and_plain_unicode"
_DUMPS = 'return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)'

RULES = (
    rule(
        "the fingerprint is a SHA-256",
        Breakage(
            "hailuo_batch/values.py",
            'return hashlib.sha256(request_json(model, input_json).encode("utf-8")).hexdigest()',
            'return hashlib.sha3_256(request_json(model, input_json).encode("utf-8")).hexdigest()',
            _FINGERPRINT,
        ),
    ),
    rule(
        "of the canonical JSON: sorted keys",
        Breakage("hailuo_batch/values.py", _DUMPS, _DUMPS.replace("sort_keys=True, ", ""), _CANONICAL),
        Breakage(
            "hailuo_batch/values.py",
            'f\'{{"input":{input_json},"model":{_model_json(model)}}}\'',
            'f\'{{"model":{_model_json(model)},"input":{input_json}}}\'',
            _FINGERPRINT,
        ),
    ),
    rule(
        "no spaces",
        Breakage("hailuo_batch/values.py", _DUMPS, _DUMPS.replace('separators=(",", ":"), ', ""), _CANONICAL),
    ),
    rule(
        "UTF-8",
        Breakage(
            "hailuo_batch/values.py", _DUMPS, _DUMPS.replace("ensure_ascii=False", "ensure_ascii=True"), _CANONICAL
        ),
    ),
    rule(
        "of model and input",
        Breakage(
            "hailuo_batch/values.py",
            "hashlib.sha256(request_json(model, input_json).encode",
            "hashlib.sha256(input_json.encode",
            _FINGERPRINT,
        ),
        Breakage(
            "hailuo_batch/values.py",
            "hashlib.sha256(request_json(model, input_json).encode",
            "hashlib.sha256(model.encode",
            _FINGERPRINT,
        ),
    ),
    rule(
        "as it will be sent",
        Breakage(
            "hailuo_batch/adapters/runbase/client.py",
            "body = request_json(run_model, input_json)",
            "body = request_json(run_model, input_json.strip() + chr(32))",
            "adapters/runbase/test_creates.py::test_create_sends_exactly_what_was_hashed_and_the_key_in_one_header",
        ),
    ),
    rule(
        "order, comments, tags, descriptions and limits do not count",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "made_of = fingerprint(model, input_json)",
            'made_of = fingerprint(model, input_json + ",".join(tags))',
            "manifest/test_campaign.py::test_order_comments_and_tags_do_not_change_what_is_paid_for",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "made_of = fingerprint(model, input_json)",
            "made_of = fingerprint(model, input_json + str(self._part.written.node.line))",
            "manifest/test_campaign.py::test_order_comments_and_tags_do_not_change_what_is_paid_for",
        ),
    ),
    rule(
        "where images.dir gives local copies, their SHA-256 is kept beside the fingerprint",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "return _Made(input_, digest_of(copies) if copies else None)",
            "return _Made(input_, None)",
            "manifest/test_image_references.py::test_local_copies_are_hashed_into_the_take",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "return _Made(input_, digest_of(copies) if copies else None)",
            'return _Made(input_ | {"sha256": copies}, digest_of(copies) if copies else None)',
            "manifest/test_image_references.py::test_a_changed_image_changes_the_hash_and_not_the_fingerprint",
        ),
        Breakage(
            "hailuo_batch/adapters/ledger/rows.py",
            "SELECT id, ?, ?, model, input_json, fingerprint, images_sha256 FROM",
            "SELECT id, ?, ?, model, input_json, fingerprint, NULL FROM",
            "core/planning/test_plan_matching.py::test_a_new_attempt_carries_what_was_wanted_when_it_was_made",
        ),
    ),
    rule(
        "and compared only where both sides have one",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "images_differ = None not in (run.images_sha256, take.images_sha256) and run.images_sha256 != take.images_sha256",
            "images_differ = run.images_sha256 != take.images_sha256",
            "core/planning/test_plan_matching.py::test_local_images_count_only_where_both_sides_have_them",
        ),
    ),
    rule(
        "a changed image makes a new take",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "return run.fingerprint == take.fingerprint and not images_differ",
            "return run.fingerprint == take.fingerprint",
            "core/planning/test_plan_matching.py::test_local_images_count_only_where_both_sides_have_them",
        ),
    ),
    rule(
        "adding images.dir to a finished campaign does not",
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "images_differ = None not in (run.images_sha256, take.images_sha256) and",
            "images_differ = take.images_sha256 is not None and",
            "core/planning/test_plan_matching.py::test_local_images_count_only_where_both_sides_have_them",
        ),
    ),
    rule(
        "a signed URL that changes with every export changes the fingerprint: the plan says so",
        Breakage(
            "hailuo_batch/core/planning/diff.py",
            "if before.get(name) != after.get(name)]",
            'if before.get(name) != after.get(name) and name != "image_urls"]',
            "core/planning/test_plan_matching.py::test_a_change_of_images_shows_both_and_only_those_that_differ",
        ),
        Breakage(
            "hailuo_batch/core/planning/matching.py",
            "return run.fingerprint == take.fingerprint and",
            "return run.input_json.split('?')[0] == take.input_json.split('?')[0] and",
            "core/planning/test_plan_matching.py::test_a_change_of_images_shows_both_and_only_those_that_differ",
        ),
    ),
    rule(
        "and shows both",
        Breakage(
            "hailuo_batch/ui/plan.py",
            'for when, url in zip(("was", "now"),',
            'for when, url in zip(("now", "now"),',
            "commands/test_plan_reasons.py::test_a_signed_url_that_is_new_is_shown_beside_what_it_was",
        ),
        Breakage(
            "hailuo_batch/core/planning/diff.py",
            "tuple((was, now) for was, now in urls if was != now))",
            "())",
            "core/planning/test_plan_matching.py::test_a_change_of_images_shows_both_and_only_those_that_differ",
        ),
    ),
)

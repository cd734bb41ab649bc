"""The manifest's language: prompts and images."""

from tests.sentences.rule import Breakage, rule

_MANIFEST = "hailuo_batch/manifest"
_CAMPAIGN = "manifest/test_campaign.py"
_REFERENCES = "manifest/test_image_references.py"
_URLS = "manifest/test_images.py"
_GALLERY = "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages"

RULES = (
    rule(
        "a prompt is not blank after substitution",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "        if not filled:\n",
            "        if not text.node.text.strip():\n",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[rows-blank-prompts]",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "        if not filled:\n",
            "        if False:\n",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[blank-texts]",
        ),
    ),
    rule(
        "leading and trailing white space is trimmed",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "filled = text.pattern.filled(scope).strip()",
            "filled = text.pattern.filled(scope).rstrip()",
            "manifest/test_campaign.py::test_a_prompt_is_trimmed_and_keeps_its_inner_breaks",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "filled = text.pattern.filled(scope).strip()",
            "filled = text.pattern.filled(scope).lstrip()",
            "manifest/test_campaign.py::test_a_prompt_is_trimmed_and_keeps_its_inner_breaks",
        ),
    ),
    rule(
        "inner line breaks of a block scalar stay",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "filled = text.pattern.filled(scope).strip()",
            'filled = " ".join(text.pattern.filled(scope).split())',
            "manifest/test_campaign.py::test_a_prompt_is_trimmed_and_keeps_its_inner_breaks",
        ),
    ),
    rule(
        "after resolution each image is an absolute https:// URL",
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            'case "https:" | "http:":',
            'case "https:" | "http:" | "ftp:":',
            "manifest/test_images.py::test_a_url_is_wrong",
        ),
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            'if not host or "\\\\" in url:',
            "if False:",
            "manifest/test_images.py::test_a_url_is_wrong",
        ),
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            "            return _problem_with_web(url)\n        case other:",
            '            return _problem_with_web(url) or ("is whole", "")\n        case other:',
            "manifest/test_images.py::test_a_url_is_good",
        ),
    ),
    rule(
        "or http:// to a loopback address",
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            'if parts.scheme == "http" and not _is_loopback(host):',
            'if parts.scheme == "http":',
            "manifest/test_images.py::test_a_url_is_good",
        ),
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            'if parts.scheme == "http" and not _is_loopback(host):',
            "if False:",
            "manifest/test_images.py::test_a_url_is_wrong",
        ),
    ),
    rule(
        "or a data:image/... URI",
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            'return None if _DATA.fullmatch(url) else ("is no image"',
            'return ("is no image"',
            "manifest/test_images.py::test_a_url_is_good",
        ),
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            'r"data:image/[a-z0-9]',
            'r"data:[a-z]+/[a-z0-9]',
            "manifest/test_images.py::test_a_url_is_wrong",
        ),
    ),
    rule(
        "without credentials",
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            'if "@" in parts.netloc:',
            "if False:",
            "manifest/test_images.py::test_a_url_is_wrong",
        ),
    ),
    rule(
        "without spaces or control characters",
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            '        return " " in url\n',
            "        return False\n",
            "manifest/test_images.py::test_a_url_is_wrong",
        ),
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            '_INVISIBLE = frozenset({"Cc", ',
            "_INVISIBLE = frozenset({",
            "manifest/test_images.py::test_a_url_is_wrong",
        ),
    ),
    rule(
        "a relative reference without images.base_url is an error",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "    pictures.tell_homeless()\n",
            "",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[images-no-base-url]",
        ),
    ),
    rule(
        "and so is one that leaves the base",
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            'if any(part == ".." or',
            "if any(False or",
            "manifest/test_image_references.py::test_no_reference_leaves_the_base",
        ),
        Breakage(
            "hailuo_batch/manifest/images/urls.py",
            'if reference.startswith("/") or "\\\\" in reference:',
            "if False:",
            "manifest/test_image_references.py::test_no_reference_leaves_the_base",
        ),
    ),
    rule(
        "with images.dir, each relative reference must be a readable file there",
        Breakage(
            "hailuo_batch/manifest/images/references.py",
            "        digest = self._copies.sha256(parsed.parts)\n        if isinstance(digest, tuple):",
            '        digest = self._copies.sha256(parsed.parts)\n        if isinstance(digest, tuple) and "is not in" in digest[0]:\n            return Picture(url)\n        if isinstance(digest, tuple):',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[images-local]",
        ),
        Breakage(
            "hailuo_batch/manifest/images/local_copies.py",
            '        except Unreadable as unreadable:\n            return f"cannot be used: {unreadable.what}", ""\n',
            '        except Unreadable:\n            return 64 * "0"\n',
            "manifest/test_image_references.py::test_what_is_no_file_is_not_waited_for",
        ),
    ),
    rule(
        "whose first bytes are those of a PNG, JPEG, WebP or GIF image",
        Breakage(
            "hailuo_batch/manifest/images/local_copies.py",
            "if not _IMAGE.match(head):",
            "if not head:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[images-local]",
        ),
        Breakage(
            "hailuo_batch/manifest/images/local_copies.py",
            "\\x89PNG\\r\\n\\x1a\\n|",
            "",
            "manifest/test_image_references.py::test_local_copies_are_hashed_into_the_take",
        ),
        Breakage(
            "hailuo_batch/manifest/images/local_copies.py",
            "|\\xff\\xd8\\xff",
            "",
            "manifest/test_image_references.py::test_local_copies_are_hashed_into_the_take",
        ),
        Breakage(
            "hailuo_batch/manifest/images/local_copies.py",
            "|RIFF.{4}WEBP",
            "",
            "manifest/test_image_references.py::test_local_copies_are_hashed_into_the_take",
        ),
        Breakage(
            "hailuo_batch/manifest/images/local_copies.py",
            "|GIF8[79]a",
            "",
            "manifest/test_image_references.py::test_local_copies_are_hashed_into_the_take",
        ),
        Breakage(
            "hailuo_batch/manifest/images/local_copies.py",
            "if not _IMAGE.match(head):",
            "if not _IMAGE.search(head):",
            "manifest/test_image_references.py::test_what_is_no_image_is_an_error",
        ),
    ),
)

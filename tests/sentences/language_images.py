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
            f"{_MANIFEST}/expand.py",
            "        if not filled:\n",
            "        if not text.node.text.strip():\n",
            f"{_GALLERY}[rows-blank-prompts]",
        ),
        Breakage(
            f"{_MANIFEST}/expand.py", "        if not filled:\n", "        if False:\n", f"{_GALLERY}[blank-texts]"
        ),
    ),
    rule(
        "leading and trailing white space is trimmed",
        Breakage(
            f"{_MANIFEST}/expand.py",
            "filled = text.pattern.filled(scope).strip()",
            "filled = text.pattern.filled(scope).rstrip()",
            f"{_CAMPAIGN}::test_a_prompt_is_trimmed_and_keeps_its_inner_breaks",
        ),
        Breakage(
            f"{_MANIFEST}/expand.py",
            "filled = text.pattern.filled(scope).strip()",
            "filled = text.pattern.filled(scope).lstrip()",
            f"{_CAMPAIGN}::test_a_prompt_is_trimmed_and_keeps_its_inner_breaks",
        ),
    ),
    rule(
        "inner line breaks of a block scalar stay",
        Breakage(
            f"{_MANIFEST}/expand.py",
            "filled = text.pattern.filled(scope).strip()",
            'filled = " ".join(text.pattern.filled(scope).split())',
            f"{_CAMPAIGN}::test_a_prompt_is_trimmed_and_keeps_its_inner_breaks",
        ),
    ),
    rule(
        "after resolution each image is an absolute https:// URL",
        Breakage(
            f"{_MANIFEST}/images.py",
            'case "https:" | "http:":',
            'case "https:" | "http:" | "ftp:":',
            f"{_URLS}::test_a_url_is_wrong",
        ),
        Breakage(
            f"{_MANIFEST}/images.py", 'if not host or "\\\\" in url:', "if False:", f"{_URLS}::test_a_url_is_wrong"
        ),
        Breakage(
            f"{_MANIFEST}/images.py",
            "            return _problem_with_web(url)\n        case other:",
            '            return _problem_with_web(url) or ("is whole", "")\n        case other:',
            f"{_URLS}::test_a_url_is_good",
        ),
    ),
    rule(
        "or http:// to a loopback address",
        Breakage(
            f"{_MANIFEST}/images.py",
            'if parts.scheme == "http" and not _is_loopback(host):',
            'if parts.scheme == "http":',
            f"{_URLS}::test_a_url_is_good",
        ),
        Breakage(
            f"{_MANIFEST}/images.py",
            'if parts.scheme == "http" and not _is_loopback(host):',
            "if False:",
            f"{_URLS}::test_a_url_is_wrong",
        ),
    ),
    rule(
        "or a data:image/... URI",
        Breakage(
            f"{_MANIFEST}/images.py",
            'return None if _DATA.fullmatch(url) else ("is no image"',
            'return ("is no image"',
            f"{_URLS}::test_a_url_is_good",
        ),
        Breakage(
            f"{_MANIFEST}/images.py", 'r"data:image/[a-z0-9]', 'r"data:[a-z]+/[a-z0-9]', f"{_URLS}::test_a_url_is_wrong"
        ),
    ),
    rule(
        "without credentials",
        Breakage(f"{_MANIFEST}/images.py", 'if "@" in parts.netloc:', "if False:", f"{_URLS}::test_a_url_is_wrong"),
    ),
    rule(
        "without spaces or control characters",
        Breakage(
            f"{_MANIFEST}/images.py",
            '        return " " in url\n',
            "        return False\n",
            f"{_URLS}::test_a_url_is_wrong",
        ),
        Breakage(
            f"{_MANIFEST}/images.py",
            '_INVISIBLE = frozenset({"Cc", ',
            "_INVISIBLE = frozenset({",
            f"{_URLS}::test_a_url_is_wrong",
        ),
    ),
    rule(
        "a relative reference without images.base_url is an error",
        Breakage(f"{_MANIFEST}/expand.py", "    pictures.tell_homeless()\n", "", f"{_GALLERY}[images-no-base-url]"),
    ),
    rule(
        "and so is one that leaves the base",
        Breakage(
            f"{_MANIFEST}/images.py",
            'if any(part == ".." or',
            "if any(False or",
            f"{_REFERENCES}::test_no_reference_leaves_the_base",
        ),
        Breakage(
            f"{_MANIFEST}/images.py",
            'if reference.startswith("/") or "\\\\" in reference:',
            "if False:",
            f"{_REFERENCES}::test_no_reference_leaves_the_base",
        ),
    ),
    rule(
        "with images.dir, each relative reference must be a readable file there",
        Breakage(
            f"{_MANIFEST}/pictures.py",
            "        digest = self._copies.sha256(parsed.parts)\n        if isinstance(digest, tuple):",
            '        digest = self._copies.sha256(parsed.parts)\n        if isinstance(digest, tuple) and "is not in" in digest[0]:\n            return Picture(url)\n        if isinstance(digest, tuple):',
            f"{_GALLERY}[images-local]",
        ),
        Breakage(
            f"{_MANIFEST}/copies.py",
            '        except Unreadable as unreadable:\n            return f"cannot be used: {unreadable.what}", ""\n',
            '        except Unreadable:\n            return 64 * "0"\n',
            f"{_REFERENCES}::test_what_is_no_file_is_not_waited_for",
        ),
    ),
    rule(
        "whose first bytes are those of a PNG, JPEG, WebP or GIF image",
        Breakage(f"{_MANIFEST}/copies.py", "if not _IMAGE.match(head):", "if not head:", f"{_GALLERY}[images-local]"),
        Breakage(
            f"{_MANIFEST}/copies.py",
            "\\x89PNG\\r\\n\\x1a\\n|",
            "",
            f"{_REFERENCES}::test_local_copies_are_hashed_into_the_take",
        ),
        Breakage(
            f"{_MANIFEST}/copies.py",
            "|\\xff\\xd8\\xff",
            "",
            f"{_REFERENCES}::test_local_copies_are_hashed_into_the_take",
        ),
        Breakage(
            f"{_MANIFEST}/copies.py", "|RIFF.{4}WEBP", "", f"{_REFERENCES}::test_local_copies_are_hashed_into_the_take"
        ),
        Breakage(
            f"{_MANIFEST}/copies.py", "|GIF8[79]a", "", f"{_REFERENCES}::test_local_copies_are_hashed_into_the_take"
        ),
        Breakage(
            f"{_MANIFEST}/copies.py",
            "if not _IMAGE.match(head):",
            "if not _IMAGE.search(head):",
            f"{_REFERENCES}::test_what_is_no_image_is_an_error",
        ),
    ),
)

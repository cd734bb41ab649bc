"""Which image URLs may be sent."""

import pytest

from hailuo_batch.manifest.images.urls import find_url_problem, redact_password


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.jpg",
        "HTTPS://Example.com:8443/a.jpg?x=1&y=@2#z",
        "https://example.com/lámpa.jpg",
        "http://localhost:8000/a.jpg",
        "http://127.0.0.1/a.jpg",
        "http://127.9.9.9:1/a.jpg",
        "http://[::1]:8000/a.jpg",
        "data:image/png;base64,aGk=",
        "DATA:IMAGE/SVG+XML;charset=utf-8,%3Csvg%3E",
    ],
)
def test_a_url_is_good(url: str) -> None:
    assert find_url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "empty"),
        ("lamp.jpg", "relative"),
        ("../lamp.jpg", "relative"),
        ("//example.com/a", "relative"),
        ("http://example.com/a", "loopback"),
        ("http://localhost.example.com/a", "loopback"),
        ("http://10.0.0.1/a", "loopback"),
        ("http://127.1/a", "loopback"),
        ("ftp://example.com/a", "ftp:"),
        ("javascript:alert(1)", "javascript:"),
        ("file:///etc/passwd", "file:"),
        ("data:text/html,x", "not an image"),
        ("data:image/png", "not an image"),
        ("https://", "not a URL"),
        ("https:example.com", "not a URL"),
        ("https://example.com\\a", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://example.com:99999/", "not a URL"),
        ("https://me@example.com/a", "password"),
        ("https://me:secret@example.com/a", "password"),
        ("https://example.com/a b", "space"),
        (" https://example.com/a", "space"),
        ("https://example.com/a\n", "space"),
        ("https://example.com/\u00a0a", "space"),
        ("https://example.com/\u202ea", "invisible"),
        ("https://example.com/\x7fa", "invisible"),
        ("data:image/png;base64,aG k=", "space"),
    ],
)
def test_a_url_is_wrong(url: str, what: str) -> None:
    problem = find_url_problem(url)
    assert problem is not None
    assert what in problem[0]


def test_a_password_is_not_shown() -> None:
    assert redact_password("https://me:secret@example.com/a@b") == "https://…@example.com/a@b"

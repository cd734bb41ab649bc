"""The base URL: to whom the key and the money go."""

import pytest

from hailuo_batch.adapters.runbase import parse_base_url
from hailuo_batch.errors import UsageError


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://runbase.net/api/v1", "https://runbase.net/api/v1"),
        ("HTTPS://RunBase.net:443/api/v1//", "https://runbase.net/api/v1"),
        ("https://runbase.net:8443", "https://runbase.net:8443"),
        ("http://127.0.0.1:8080/api/v1/", "http://127.0.0.1:8080/api/v1"),
        ("http://127.8.9.1/", "http://127.8.9.1"),
        ("http://[::1]:80/v1", "http://[::1]/v1"),
        ("http://localhost:9/", "http://localhost:9"),
    ],
)
def test_base_url_has_one_spelling(text: str, normal: str) -> None:
    assert parse_base_url(text) == normal
    assert parse_base_url(normal) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "runbase.net/api/v1",
        "ftp://runbase.net",
        "http://runbase.net/api/v1",
        "http://10.0.0.1/api",
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "https://user:secret@runbase.net/api",
        "https://runbase.net/api?x=1",
        "https://runbase.net/api#x",
        "https://runbase.net/a/../b",
        "https://runbase.net/a b",
        "https://runbase.net\n/api",
        "https://runbase.net/api\n",
        "https://runbase.net:0/",
        "https://runbase.net:65536/",
        "https://rünbase.net/",
        "https://[::1/",
        "https:///api",
        "https://runbase.net\\@evil.example/",
    ],
)
def test_anything_else_is_refused_before_a_byte_is_sent(text: str) -> None:
    with pytest.raises(UsageError, match="Nothing was sent"):
        parse_base_url(text)


def test_message_does_not_repeat_a_password() -> None:
    with pytest.raises(UsageError) as caught:
        parse_base_url("https://user:secret@runbase.net/api")
    assert "secret" not in str(caught.value)

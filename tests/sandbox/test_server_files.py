"""The sandbox's files over real sockets: whole, in parts, by HEAD, and never for a key."""

import pytest

from tests.sandbox.conftest import Caller, Wall


@pytest.fixture
def path(caller: Caller, wall: Wall) -> str:
    return caller.finished_file(wall)


def test_a_file_needs_no_key_and_names_its_validators(caller: Caller, path: str) -> None:
    reply = caller.call("GET", path)
    assert reply.status == 200
    assert reply.headers["content-length"] == str(len(reply.content))
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["etag"].startswith('"')
    assert reply.headers["last-modified"].endswith(" GMT")


def test_files_do_not_count_against_the_rate_limit(caller: Caller, path: str) -> None:
    assert {caller.call("GET", path).status for _ in range(1200)} == {200}


def test_head_states_what_get_would_and_sends_no_body(caller: Caller, path: str) -> None:
    whole = caller.call("GET", path)
    head = caller.call("HEAD", path, Range="bytes=0-3")
    assert (head.status, head.content) == (200, b"")
    assert head.headers | {"date": ""} == whole.headers | {"date": ""}
    assert caller.call("HEAD", "/files/generated/none.mp4").status == 404
    assert caller.call("GET", path).content == whole.content


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=4-7", slice(4, 8)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-5", slice(-5, None)),
        ("bytes=-999999999", slice(0, None)),
        ("bytes=10-999999999", slice(10, None)),
    ],
)
def test_a_range_is_answered_with_just_that_part(caller: Caller, path: str, asked: str, expected: slice) -> None:
    whole = caller.call("GET", path).content
    part = caller.call("GET", path, Range=asked)
    first, stop, _ = expected.indices(len(whole))
    assert (part.status, part.content) == (206, whole[expected])
    assert part.headers["content-range"] == f"bytes {first}-{stop - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=5-4", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1,4-5", "bytes", ""])
def test_a_range_that_is_malformed_or_in_parts_gets_the_whole_file(caller: Caller, path: str, asked: str) -> None:
    reply = caller.call("GET", path, Range=asked)
    assert (reply.status, reply.content) == (200, caller.call("GET", path).content)


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes={size}-", "bytes=-0"])
def test_a_range_outside_the_file_is_416_with_the_size(caller: Caller, path: str, asked: str) -> None:
    size = len(caller.call("GET", path).content)
    reply = caller.call("GET", path, Range=asked.format(size=size))
    assert (reply.status, reply.headers["content-range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize("validator", ["etag", "last-modified"])
def test_if_range_with_the_file_s_own_validator_resumes(caller: Caller, path: str, validator: str) -> None:
    known = caller.call("HEAD", path).headers[validator]
    assert caller.call("GET", path, Range="bytes=8-", If_Range=known).status == 206


@pytest.mark.parametrize("validator", ['"another"', "Sun, 06 Nov 1994 08:49:37 GMT", "W/{etag}"])
def test_if_range_with_another_validator_starts_over(caller: Caller, path: str, validator: str) -> None:
    known = validator.format(etag=caller.call("HEAD", path).headers["etag"])
    assert caller.call("GET", path, Range="bytes=8-", If_Range=known).status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/files/generated/",
        "/files/generated/.mp4",
        "/files/generated/../server.py",
        "/files/generated/1-dusk.mp4",
        "/files/generated/" + "a" * 40 + ".mp4",
        "/files/generated/" + "a" * 40,
    ],
)
def test_no_other_file_is_served(caller: Caller, target: str) -> None:
    assert caller.call("GET", target).status == 404


def test_the_file_of_an_unfinished_run_is_not_there_yet(caller: Caller, wall: Wall) -> None:
    path = f"/files/generated/{caller.create().removeprefix('run_')}.mp4"
    assert caller.call("GET", path).status == 404
    wall.now += 10_000
    assert caller.call("GET", path).status == 200

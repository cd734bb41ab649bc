"""Looking at images on the web, against real servers on this machine that do right and wrong."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from hailuo_batch.adapters.http.timeouts import Timeouts
from hailuo_batch.image_files.findings import Finding, ImageLimits
from hailuo_batch.preflight import verdict
from hailuo_batch.preflight.fetch import START_BYTES, ImageFetcher
from hailuo_batch.preflight.verdict import Fetched, FetchResult, NotFetched
from tests.helpers.http import Act, LoopbackServer, Peer, Request, answer, close, refusing_port, silence
from tests.helpers.images import png
from tests.helpers.timeouts import TEST_TIMEOUT_S

PATIENT = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=TEST_TIMEOUT_S, total_s=TEST_TIMEOUT_S)
QUICK = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=0.3, total_s=1.0)
HERE = "127.0.0.1"
LARGE = png(size=500_000)


@dataclass
class Files:
    """An image server: acts by path; `head` acts on HEAD where that differs."""

    get: Mapping[str, Act]
    head: Mapping[str, Act]

    def __call__(self, peer: Peer, request: Request) -> None:
        acts = {**self.get, **self.head} if request.method == "HEAD" else self.get
        acts.get(request.target, answer(404, "none"))(peer, request)


def image(content: bytes = LARGE, content_type: str = "image/png") -> Act:
    """An image as a plain server gives it: without a body to HEAD, whole to GET."""

    def act(peer: Peer, request: Request) -> None:
        whole = answer(200, content, content_type=content_type)
        bare = answer(200, b"", content_type=content_type, length=len(content))
        (bare if request.method == "HEAD" else whole)(peer, request)

    return act


def look(
    server: LoopbackServer, path: str = "/lamp.png", trusted: str = HERE, timeouts: Timeouts = PATIENT
) -> FetchResult:
    url = f"{server.url}{path}"
    return ImageFetcher(trusted, timeouts).fetch_all([url], _nothing)[url]


def judge_fetch(result: FetchResult) -> tuple[Finding, ...]:
    return verdict.judge_fetch(result, ImageLimits.GENERAL)


def _nothing() -> None:
    """Nobody counts."""


def test_an_image_is_known_by_its_head_alone() -> None:
    with LoopbackServer(image()) as server:
        seen = look(server)
    assert judge_fetch(seen) == ()
    assert [request.method for request in server.requests] == ["HEAD"]


def test_no_key_no_cookie_and_no_other_name_than_the_programs_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", "sk-secret")
    with LoopbackServer(image(content_type="")) as server:
        look(server)
    for request in server.requests:
        assert "authorization" not in request.headers
        assert "cookie" not in request.headers
        assert "sk-secret" not in str(request)
        assert request.headers["user-agent"].startswith("hailuo-batch/")


@pytest.mark.parametrize("status", [403, 405, 501])
def test_a_server_that_refuses_head_is_asked_for_the_first_bytes(status: int) -> None:
    files = Files({"/lamp.png": image()}, {"/lamp.png": answer(status)})
    with LoopbackServer(files) as server:
        seen = look(server)
    assert [request.method for request in server.requests] == ["HEAD", "GET"]
    assert server.requests[1].headers["range"] == f"bytes=0-{START_BYTES - 1}"
    assert isinstance(seen, Fetched)
    assert seen.get is not None
    assert seen.get.start == LARGE[:START_BYTES]  # though the server sends all of it
    (finding,) = judge_fetch(seen)
    assert f"HTTP {status}" in finding.what
    assert not finding.fatal


def test_a_part_states_how_large_the_whole_is() -> None:
    part = answer(206, LARGE[:100], content_type="image/png", headers={"Content-Range": "bytes 0-99/500000"})
    with LoopbackServer(Files({"/lamp.png": part}, {"/lamp.png": answer(405)})) as server:
        seen = look(server)
    assert isinstance(seen, Fetched)
    assert seen.get is not None
    assert seen.get.size == 500_000


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (answer(404, "none"), "HTTP 404"),
        (answer(200, "<html>log in</html>", content_type="text/html"), "leads to a web page"),
        (image(b"not a png" * 300), ""),
        (image(b""), "is empty"),
    ],
)
def test_what_cannot_work_is_found_out(act: Act, words: str) -> None:
    with LoopbackServer(act) as server:
        findings = judge_fetch(look(server))
    assert [finding.fatal for finding in findings] == ([True] if words else [])
    assert all(words in finding.what for finding in findings)


@pytest.mark.parametrize(
    ("act", "timeouts"),
    [(close, PATIENT), (silence, QUICK), (answer(503), PATIENT)],
    ids=["closed", "silent", "503"],
)
def test_a_server_in_trouble_is_only_suspicious(act: Act, timeouts: Timeouts) -> None:
    with LoopbackServer(act) as server:
        findings = judge_fetch(look(server, timeouts=timeouts))
    assert len(findings) == 1
    assert "could not be checked" in findings[0].what
    assert not findings[0].fatal


def test_a_server_that_is_away_is_only_suspicious() -> None:
    with refusing_port() as port:
        url = f"http://127.0.0.1:{port}/lamp.png"
        seen = ImageFetcher(HERE, PATIENT).fetch_all([url], _nothing)[url]
    assert isinstance(seen, NotFetched)
    assert "refused" in seen.reason
    assert not seen.fatal


def test_a_name_that_nobody_knows_is_fatal() -> None:
    url = "https://images.invalid/lamp.png"
    seen = ImageFetcher("", PATIENT).fetch_all([url], _nothing)[url]
    assert seen == NotFetched("cannot be fetched: the host name images.invalid cannot be resolved", fatal=True)


def redirect(to: str) -> Act:
    return answer(302, "", headers={"Location": to})


def chain(length: int) -> Files:
    hops = {f"/{n}": redirect(f"/{n + 1}") for n in range(length)}
    return Files({**hops, f"/{length}": image()}, {})


def test_three_redirects_are_followed_and_no_fourth() -> None:
    with LoopbackServer(chain(3)) as server:
        assert judge_fetch(look(server, "/0")) == ()
    with LoopbackServer(chain(4)) as server:
        (finding,) = judge_fetch(look(server, "/0"))
    assert "redirects more than 3 times" in finding.what
    assert not finding.fatal


def test_private_addresses_are_left_alone_unless_the_manifest_itself_names_one() -> None:
    with LoopbackServer(image(), tls=True) as server:
        seen = look(server, trusted="")
        (literal,) = judge_fetch(seen)
        assert "not a public address" in literal.what
        named = look(server, trusted="cdn.example.test")
        assert isinstance(named, NotFetched)
    assert server.connections == 0


def test_a_redirect_leads_from_the_trusted_host_to_no_other_private_one() -> None:
    with LoopbackServer(image()) as other, LoopbackServer() as server:
        server._acts = (redirect(f"http://localhost:{other.address[1]}/lamp.png"),)
        (finding,) = judge_fetch(look(server))
    assert "was not checked" in finding.what
    assert other.requests == []


def test_each_url_is_looked_at_once_and_remembered() -> None:
    counted: list[int] = []
    with LoopbackServer(image()) as server:
        scout = ImageFetcher(HERE, PATIENT)
        urls = [f"{server.url}/{n}.png" for n in (1, 2, 1)]
        assert len(scout.fetch_all(urls, lambda: counted.append(1))) == 2
        assert len(scout.fetch_all(urls, lambda: counted.append(1))) == 2
    assert len(server.requests) == 2
    assert len(counted) == 2


def test_no_more_than_eight_are_looked_at_at_once() -> None:
    enough, one_more = threading.Event(), threading.Event()
    all_together = threading.Barrier(8, action=enough.set)
    under_way: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def gather(peer: Peer, request: Request) -> None:
        with lock:
            under_way.append(1)
            most.append(len(under_way))
        if len(under_way) > 8:
            one_more.set()
        if not enough.is_set():
            all_together.wait(20)
            one_more.wait(2)  # a ninth that is on its way is here by then, also where all goes slowly
        with lock:
            under_way.pop()
        image()(peer, request)

    with LoopbackServer(gather) as server:
        ImageFetcher(HERE, PATIENT).fetch_all([f"{server.url}/{n}.png" for n in range(24)], _nothing)
    assert max(most) == 8


def test_a_stop_ends_what_is_under_way() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with LoopbackServer(Files({"/quick.png": image(), "/slow.png": silence}, {})) as server:
        urls = [f"{server.url}/quick.png", *(f"{server.url}/slow.png?{n}" for n in range(3))]
        with pytest.raises(KeyboardInterrupt):
            ImageFetcher(HERE).fetch_all(urls, stop)


def test_the_certificate_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with LoopbackServer(image(), tls=True) as server:
        (finding,) = judge_fetch(look(server))
    assert "certificate" in finding.what


def test_an_image_whose_pixels_matter_is_asked_for_its_first_bytes() -> None:
    with LoopbackServer(image()) as server:
        url = f"{server.url}/lamp.png"
        seen = ImageFetcher(HERE, PATIENT).fetch_all([url], _nothing, measured={url})[url]
    assert [request.method for request in server.requests] == ["HEAD", "GET"]
    assert isinstance(seen, Fetched)
    assert seen.get is not None
    assert seen.get.start == LARGE[:START_BYTES]

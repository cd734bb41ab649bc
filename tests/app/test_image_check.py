"""`plan --check-images` and `apply`: images are looked at before anything is paid, and only where anything is."""

import base64
from pathlib import Path

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.commands.apply.test_apply import QUICKSTART
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import CommandResult, Shell, answer_at_terminal
from tests.helpers.http import Act, LoopbackServer, Peer, Request, answer
from tests.helpers.images import gif, jpeg, png

MANIFEST = """\
version: 1
campaign: lamps
images: {{base_url: {base}}}
shots:
  - {{id: hero, prompt: A lamp, takes: 4, image_urls: [lamp.png]}}
  - {{id: desk, prompt: A desk, image_urls: [desk.png, lamp.png]}}
  - {{id: text, prompt: No image}}
"""


def plain(ended: CommandResult) -> str:
    return " ".join(ended.err.split())


def shop(**files: Act) -> Act:
    """Serves these files; to HEAD the same, for whoever asks ignores the body."""

    def act(peer: Peer, request: Request) -> None:
        files.get(request.target.strip("/").split(".")[0], answer(404, "none"))(peer, request)

    return act


FINE = answer(200, png(), content_type="image/png")


def write(shell: Shell, server: LoopbackServer) -> None:
    shell.write(MANIFEST.format(base=server.url))


def test_each_image_is_looked_at_once_before_the_first_create(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(shop(lamp=FINE, desk=FINE)) as server:
        write(shell, server)
        ended = shell("apply")
    assert ended.code is ExitCode.DONE, ended.err
    asked = sorted((request.target, request.method) for request in server.requests)
    assert asked == [("/desk.png", "GET"), ("/desk.png", "HEAD"), ("/lamp.png", "GET"), ("/lamp.png", "HEAD")]
    assert "may not work" not in ended.err


def test_on_a_terminal_a_bar_counts_the_images(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(shop(lamp=FINE, desk=FINE)) as server:
        write(shell, server)
        printed, code = answer_at_terminal("", "plan", str(shell.manifest), "--check-images")
        assert "images 0/2 |" in printed
        assert code == ExitCode.DONE
        printed, _ = answer_at_terminal("", "plan", str(shell.manifest), "--check-images", "--quiet")
        assert "images 0/2" not in printed


def test_a_finished_campaign_looks_at_nothing(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(shop(lamp=FINE, desk=FINE)) as server:
        write(shell, server)
        assert shell("apply").code is ExitCode.DONE
        looked = len(server.requests)
        assert shell("apply").code is ExitCode.DONE
        assert shell("plan", "--check-images").code is ExitCode.DONE
    assert len(server.requests) == looked


def test_what_cannot_work_is_shown_all_at_once_with_its_takes_and_nothing_is_sent(
    shell: Shell, api: SandboxServer
) -> None:
    page = answer(200, "<html>log in</html>", content_type="text/html")
    with LoopbackServer(shop(desk=page)) as server:
        write(shell, server)
        for command in (("apply",), ("plan", "--check-images")):
            ended = shell(*command)
            assert ended.code is ExitCode.USAGE
            assert "2 images cannot be used" in plain(ended)
            assert f"{server.url}/lamp.png is not there (HTTP 404) (hero, hero.take2 and 3 more)" in plain(ended)
            assert f"{server.url}/desk.png leads to a web page, not to an image: open it" in plain(ended)
            assert "nothing was paid" in plain(ended)
            assert ("--no-check-images" in plain(ended)) is (command == ("apply",))  # plan has no such option
    assert api.world.stats.creates == 0
    assert not (shell.state / "lamps.db").exists()


def test_what_is_suspicious_is_reported_and_paid_for(shell: Shell, api: SandboxServer) -> None:
    odd = answer(200, jpeg(), content_type="image/jpeg")
    unknown = answer(200, gif(), content_type="")
    with LoopbackServer(shop(lamp=unknown, desk=odd)) as server:
        write(shell, server)
        ended = shell("apply")
    assert ended.code is ExitCode.DONE
    assert "1 image may not work" in plain(ended)
    assert "lamp.png is GIF but sent as no type [image-server]" in plain(ended)


def test_only_images_of_takes_that_are_to_be_made_are_looked_at(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(shop(lamp=FINE)) as server:
        write(shell, server)
        assert shell("apply", "--only", "hero").code is ExitCode.DONE
        assert shell("apply", "--only", "text").code is ExitCode.DONE
    assert {request.target for request in server.requests} == {"/lamp.png"}


def test_nobody_is_asked_where_it_is_not_wanted(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(shop()) as server:
        write(shell, server)
        assert shell("plan").code is ExitCode.DONE
        assert shell("apply", "--no-check-images").code is ExitCode.DONE
    assert server.requests == []


def test_a_rehearsal_needs_no_network_unless_it_is_wanted(shell: Shell) -> None:
    with LoopbackServer(shop()) as server:
        write(shell, server)
        ended = shell("apply", "--sandbox", "--run-timeout", "1s")
        assert ended.code is not ExitCode.USAGE
        assert server.requests == []
        shell.write(MANIFEST.format(base=server.url).replace("A lamp", "Another lamp"))
        assert shell("apply", "--sandbox", "--check-images").code is ExitCode.USAGE
        assert server.requests != []


def test_an_image_that_nobody_can_fetch_is_reported_helpfully(shell: Shell, start_api: StartApi) -> None:
    api = start_api()
    text = QUICKSTART.read_text(encoding="utf-8").replace("images.example.com", "images.example.invalid")
    shell.write(text)
    ended = shell("apply")
    assert ended.code is ExitCode.USAGE
    words = "box.jpg cannot be fetched: the host name images.example.invalid cannot be resolved (unboxing)"
    assert words in plain(ended)
    assert api.world.stats.creates == 0


def test_a_local_copy_is_judged_without_a_network(shell: Shell, api: SandboxServer) -> None:
    images = shell.workspace / "images"
    images.mkdir()
    (images / "lamp.png").write_bytes(png()[:20])
    (images / "desk.png").write_bytes(png(8, 8))
    shell.write(MANIFEST.format(base="https://cdn.example.invalid/, dir: ../images"))
    ended = shell("apply", "--sandbox")
    assert ended.code is ExitCode.USAGE
    assert "lamp.png has a local copy that is a damaged PNG: it ends inside its header: export it" in plain(ended)
    assert "warning: the image `desk.png` is 8 x 8 pixels: Hailuo is known to take" in plain(ended)
    assert ended.err.count("desk.png` is 8 x 8") == 1


def test_a_local_copy_that_is_not_what_the_server_has_is_suspicious(shell: Shell, api: SandboxServer) -> None:
    images = shell.workspace / "images"
    images.mkdir()
    for name in ("lamp.png", "desk.png"):
        (images / name).write_bytes(png(size=3_000))
    with LoopbackServer(shop(lamp=FINE, desk=FINE)) as server:
        shell.write(MANIFEST.format(base=f"{server.url}, dir: ../images"))
        ended = shell("plan", "--check-images")
    assert ended.code is ExitCode.DONE
    assert "lamp.png has 2,000 bytes on the server, but its local copy has 3,000" in plain(ended)


def test_an_image_in_the_manifest_itself_is_decoded(shell: Shell, api: SandboxServer) -> None:
    url = f"data:image/png;base64,{base64.b64encode(png(8, 8)).decode()}"
    shell.write(f"version: 1\ncampaign: lamps\nshots:\n  - {{id: hero, prompt: A lamp, image_urls: ['{url}']}}\n")
    ended = shell("plan", "--check-images")
    assert ended.code is ExitCode.DONE
    assert "lamps.yaml:4:45: warning: the image URL `data:image/png;base64," in plain(ended)
    assert "… is 8 x 8 pixels: Hailuo is known to take" in plain(ended).replace("`", "")


def test_the_document_stays_one_document(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(shop(lamp=FINE)) as server:
        write(shell, server)
        ended = shell("plan", "--check-images", "--json")
    assert ended.code is ExitCode.USAGE
    assert ended.document["totals"]["create"] == 6
    assert "desk.png is not there" in plain(ended)
    found = [one for one in ended.document["findings"] if one["url"]]
    assert [(one["severity"], one["code"], one["message"], one["takes"]) for one in found] == [
        ("error", None, "is not there (HTTP 404)", ["desk"])
    ]


def test_the_quickstart_is_rehearsed_offline(shell: Shell, tmp_path: Path) -> None:
    shell.write(QUICKSTART.read_text(encoding="utf-8"))
    ended = shell("apply", "--sandbox", "--run-timeout", "1s")
    assert "cannot be used" not in ended.err
    assert (shell.state / "quickstart.sandbox.db").exists()


SMALL = answer(200, png(200, 200), content_type="image/png")


def test_a_warning_about_an_image_on_the_web_has_its_code_and_can_be_accepted(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(shop(lamp=SMALL, desk=FINE)) as server:
        write(shell, server)
        words = "Hailuo is known to take more than 300 pixels on the short side elsewhere; Runbase does not say"
        ended = shell("plan", "--check-images")
        assert ended.code is ExitCode.DONE
        assert f"lamp.png is 200 x 200 pixels: {words} [image-size]: use a larger picture (hero," in plain(ended)
        text = MANIFEST.format(base=server.url)
        shell.write(text.replace("campaign: lamps", "campaign: lamps\naccept: [image-size, several-images]"))
        assert shell("plan", "--check-images", "--strict").code is ExitCode.DONE
        one = text.replace("{id: hero,", "{id: hero, accept: [image-size],")
        shell.write(one)
        assert "1 image may not work" in plain(shell("plan", "--check-images"))
        shell.write(one.replace("{id: desk,", "{id: desk, accept: [image-size],"))
        assert "may not work" not in shell("plan", "--check-images").err


def test_with_strict_a_warning_about_an_image_on_the_web_stops_everything(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(shop(lamp=SMALL, desk=FINE)) as server:
        shell.write(MANIFEST.format(base=server.url).replace("version: 1", "version: 1\naccept: [several-images]"))
        ended = shell("apply", "--strict")
    assert ended.code is ExitCode.USAGE
    assert "1 image may not work, which is an error with --strict, so nothing was requested: " in plain(ended)
    assert "[image-size]" in plain(ended)
    assert api.world.stats.creates == 0


def test_other_models_are_held_to_the_general_limits_by_one_request(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(shop(lamp=SMALL, desk=SMALL)) as server:
        shell.write(MANIFEST.format(base=server.url).replace("campaign: lamps", "campaign: lamps\nmodel: acme/video"))
        ended = shell("plan", "--check-images")
    assert "may not work" not in ended.err
    assert [request.method for request in server.requests] == ["HEAD", "HEAD"]


def test_what_a_local_copy_has_against_it_is_not_said_again_of_the_server(shell: Shell, api: SandboxServer) -> None:
    images = shell.workspace / "images"
    images.mkdir()
    for name in ("lamp.png", "desk.png"):
        (images / name).write_bytes(png(200, 200))
    with LoopbackServer(shop(lamp=SMALL, desk=SMALL)) as server:
        shell.write(MANIFEST.format(base=f"{server.url}, dir: ../images"))
        ended = shell("plan", "--check-images")
    assert ended.err.count("200 x 200") == 1
    assert "may not work" not in ended.err

"""What is said of local copies and `data:` URLs before anything is paid, without a network."""

import base64

import pytest

from hailuo_batch.errors import ExitCode
from tests.helpers.command_line import Shell
from tests.helpers.images import HEIC, exif, gif, jpeg, png

HEAD = """\
version: 1
campaign: lamps
images: {base_url: "https://cdn.example.invalid/", dir: ../images}
"""
ONE = HEAD + "shots:\n  - {id: hero, prompt: A lamp, image_urls: [lamp.png]}\n"
TWO = ONE + "  - {id: desk, prompt: A desk, image_urls: [lamp.png]}\n"


def keep(shell: Shell, **images: bytes) -> None:
    folder = shell.workspace / "images"
    folder.mkdir(exist_ok=True)
    for name, data in images.items():
        (folder / f"{name}.png").write_bytes(data)


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_each_command_warns_before_anything_is_paid(shell: Shell, command: str) -> None:
    keep(shell, lamp=gif())
    shell.write(ONE)
    ended = shell(command, *(["--sandbox", "--run-timeout", "1s"] if command == "apply" else []))
    words = (
        "lamps.yaml:5:45: warning: the image `lamp.png` is a GIF image: Hailuo is known to take JPEG, PNG and WebP "
        "elsewhere; Runbase does not say [image-format]"
    )
    assert words in plain(ended.err)
    assert "^ export it as JPEG or PNG" in ended.err
    assert ended.code is not ExitCode.USAGE


@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_with_strict_nothing_is_sent(shell: Shell, command: str) -> None:
    keep(shell, lamp=jpeg(before=exif(6)))
    shell.write(ONE)
    ended = shell(command, "--strict", *(["--sandbox"] if command == "apply" else []))
    assert ended.code is ExitCode.USAGE
    assert "error: the image `lamp.png` is stored turned: the video may show it on its side [image-shape]" in ended.err
    assert not shell.state.exists()


def test_they_are_findings_like_all_others(shell: Shell) -> None:
    keep(shell, lamp=png(200, 100))
    shell.write(ONE)
    [manifest] = shell("validate", "--json").document["manifests"]
    assert manifest["valid"]
    found = [(one["severity"], one["code"], one["line"], one["column"]) for one in manifest["diagnostics"]]
    assert found == [("warning", "image-size", 5, 45)]
    planned = shell("plan", "--json").document["findings"]
    assert [(one["severity"], one["code"], one["line"], one["url"]) for one in planned] == [
        ("warning", "image-size", 5, None)
    ]
    refused = shell("plan", "--strict", "--json").document["manifests"][0]["diagnostics"]
    assert [(one["severity"], one["code"]) for one in refused] == [("error", "image-size")]


def test_an_accepted_warning_is_silent(shell: Shell) -> None:
    keep(shell, lamp=gif(200, 200))
    shell.write(ONE.replace("version: 1", "version: 1\naccept: [image-format, image-size]"))
    assert shell("validate", "--strict").err == ""


def test_an_image_of_several_shots_is_silent_where_all_of_them_accept_it(shell: Shell) -> None:
    keep(shell, lamp=gif())
    shell.write(TWO.replace("{id: hero,", "{id: hero, accept: [image-format],"))
    ended = shell("validate")
    assert ended.err.count("warning") == 1
    assert "lamps.yaml:6:45: warning" in ended.err  # the other shot
    shell.write(TWO.replace("prompt:", "accept: [image-format], prompt:"))
    assert shell("validate").err == ""


def test_images_with_the_same_problem_are_one_finding(shell: Shell) -> None:
    names = [f"p{number}" for number in range(9)]
    keep(shell, **dict.fromkeys(names, gif()))
    shell.write(HEAD + f"shots:\n  - {{id: hero, prompt: A lamp, image_urls: [{'.png, '.join(names)}.png]}}\n")
    err = shell("validate").err
    found = [line for line in err.splitlines() if "image-format" in line]
    assert len(found) == 1
    assert "`p0.png` is a GIF image" in found[0]
    assert "(the same: `p1.png`, `p2.png`, `p3.png`, `p4.png`, `p5.png` and 3 more) [image-format]" in found[0]


def test_hailuos_limits_are_not_those_of_other_models(shell: Shell) -> None:
    keep(shell, lamp=gif(200, 200))
    shell.write(ONE.replace("campaign: lamps", "campaign: lamps\nmodel: acme/video\naccept: [unchecked-input]"))
    assert shell("validate").err == ""


def test_an_image_of_another_kind_is_an_error_that_names_it(shell: Shell) -> None:
    keep(shell, lamp=HEIC)
    shell.write(ONE)
    ended = shell("validate")
    assert ended.code is ExitCode.USAGE
    words = "error: the image `lamp.png` is a HEIC image, not a PNG, JPEG, WebP or GIF image"
    assert words in ended.err
    assert "^ export it as JPEG or PNG" in ended.err


def test_what_is_damaged_is_an_error_before_anything_is_paid(shell: Shell) -> None:
    keep(shell, lamp=png(0, 5))
    shell.write(ONE)
    ended = shell("validate")
    assert ended.code is ExitCode.USAGE
    assert "error: the image `lamp.png` is a damaged PNG: its header says 0 x 5 pixels" in ended.err
    for command in (("plan",), ("apply", "--sandbox")):
        ended = shell(*command)
        assert ended.code is ExitCode.USAGE
        words = "lamp.png has a local copy that is a damaged PNG: its header says 0 x 5 pixels: export it again"
        assert words in plain(ended.err)
        assert "nothing was paid" in plain(ended.err)
    assert not (shell.state / "lamps.sandbox.db").exists()
    assert shell("apply", "--sandbox", "--no-check-images", "--run-timeout", "1s").code is not ExitCode.USAGE


def test_a_damaged_image_of_a_take_that_nobody_pays_for_keeps_nothing_from_being_collected(shell: Shell) -> None:
    keep(shell, lamp=png())
    shell.write(ONE)
    shell("apply", "--sandbox", "--run-timeout", "1s")
    keep(shell, lamp=png(), desk=png(0, 5))
    shell.write(TWO.replace("A desk, image_urls: [lamp.png]", "A desk, image_urls: [desk.png]"))
    ended = shell("apply", "--sandbox", "--only", "hero", "--run-timeout", "1s")
    assert ended.code is ExitCode.UNFINISHED
    assert "a damaged PNG" not in ended.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (base64.b64encode(gif()).decode(), "is a GIF image: Hailuo"),
        (base64.b64encode(b"<html>").decode(), "is a web page, not an image"),
        ("####", "is not valid base64"),
    ],
)
def test_an_image_in_the_manifest_itself_is_judged_alike(shell: Shell, content: str, words: str) -> None:
    url = f"data:image/png;base64,{content}"
    shell.write(f"version: 1\ncampaign: lamps\nshots:\n  - {{id: hero, prompt: A lamp, image_urls: ['{url}']}}\n")
    assert f"` {words}" in shell("validate").err


def test_a_command_that_sends_nothing_says_nothing_of_images(shell: Shell) -> None:
    keep(shell, lamp=png(0, 5))
    shell.write(ONE)
    assert shell("status").err.count("damaged") == 0


def test_a_name_is_found_however_its_accents_are_stored(shell: Shell) -> None:
    one_sign, two_signs = "l\u00e4mpchen", "la\u0308mpchen"
    for stored, written in ((two_signs, one_sign), (one_sign, two_signs)):
        folder = shell.workspace / "images" / f"für {stored}"
        folder.mkdir(parents=True)
        (folder / f"{stored}.png").write_bytes(png())
        shell.write(ONE.replace("lamp.png", f"für%20{written}/{written}.png"))
        ended = shell("validate")
        assert (ended.code, ended.err) == (ExitCode.DONE, "")
        sent = shell("plan", "--json", "--sandbox").document
        assert list(sent["rests_on"]["images"]) == [f"https://cdn.example.invalid/für%20{written}/{written}.png"]
        (folder / f"{stored}.png").unlink()
        folder.rmdir()


def test_names_that_only_look_the_same_are_told_apart_in_words(shell: Shell) -> None:
    names = ["l\u00e4mpche\u0301n", "la\u0308mpch\u00e9n"]
    keep(shell, **dict.fromkeys(names, png()))
    shell.write(ONE.replace("lamp.png", "l\u00e4mpch\u00e9n.png"))
    ended = shell("validate")
    assert ended.code is ExitCode.USAGE
    assert "is in `../images` more than once, under names that look the same" in ended.err
    assert "their accents are stored in different ways; remove or rename all but one" in ended.err
    shell.write(ONE.replace("lamp.png", f"{names[0]}.png"))
    assert shell("validate").code is ExitCode.DONE

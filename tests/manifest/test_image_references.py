"""Relative image references: what is sent for them, and their local copies."""

import hashlib
import os
from pathlib import Path

import pytest

from hailuo_batch.manifest.images.local_copies import combine_digests
from tests.manifest.conftest import Accept, Beside, Complain, Load

HEAD = "version: 1\ncampaign: lamps\n"
PNG = b"\x89PNG\r\n\x1a\n and so on"
IMAGES = {
    "a.png": PNG,
    "b.jpg": b"\xff\xd8\xff\xe0 and so on",
    "c.webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "d.gif": b"GIF89a and so on",
    "e.gif": b"GIF87a and so on",
}


def manifest(references: str, images: str = "base_url: https://cdn.example.com/spring/") -> str:
    return HEAD + f"images: {{{images}}}\nshots:\n- {{id: a, prompt: A, image_urls: [{references}]}}\n"


WITH_DIR = "base_url: https://cdn.example.com/, dir: pictures"


@pytest.mark.parametrize("base", ["https://cdn.example.com/spring", "https://cdn.example.com/spring/"])
@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("lamp.jpg", "lamp.jpg"),
        ("./lamp.jpg", "lamp.jpg"),
        ("white/lamp.jpg", "white/lamp.jpg"),
        ("lamp%20one.jpg?v=2#x", "lamp%20one.jpg?v=2#x"),
        ("lámpa..jpg", "lámpa..jpg"),
        ("...", "..."),
    ],
)
def test_a_relative_reference_is_taken_from_the_base(accept: Accept, base: str, reference: str, url: str) -> None:
    take = next(accept(manifest(f"'{reference}'", f"base_url: '{base}'")).takes)
    assert take.input["image_urls"] == [f"https://cdn.example.com/spring/{url}"]
    assert take.images_sha256 is None


def test_whole_urls_are_sent_as_they_are(accept: Accept) -> None:
    take = next(accept(manifest("'https://other.example/x.jpg', 'data:image/png;base64,aGk='")).takes)
    assert take.input["image_urls"] == ["https://other.example/x.jpg", "data:image/png;base64,aGk="]


def test_a_base_may_be_this_machine(accept: Accept) -> None:
    take = next(accept(manifest("a.jpg", "base_url: 'http://127.0.0.1:8000'")).takes)
    assert take.input["image_urls"] == ["http://127.0.0.1:8000/a.jpg"]


@pytest.mark.parametrize(
    "reference",
    ["../a.jpg", "x/../../a.jpg", "x/../a.jpg", "..", "%2e%2e/a.jpg", "x%2F..%2Fa.jpg", "x\\a.jpg", "/a.jpg",
     "//evil.example/a.jpg", "a%00.jpg", "%5C..%5Ca.jpg"],
)  # fmt: skip
def test_no_reference_leaves_the_base(complain: Complain, reference: str) -> None:
    (complaint,) = complain(manifest(f"'{reference}'"))
    assert "leaves the base URL" in complaint


@pytest.mark.parametrize("reference", [".", "./", "?v=1", "#a", "a//b.jpg", "a/"])
def test_a_reference_names_a_file(complain: Complain, reference: str) -> None:
    (complaint,) = complain(manifest(f"'{reference}'"))
    assert "names no file" in complaint


def test_without_a_base_all_relative_references_are_told_together(complain: Complain) -> None:
    text = manifest("a.jpg, b.jpg", "").replace("images: {}\n", "") + "- {id: b, prompt: B, image_urls: [a.jpg]}\n"
    (complaint,) = complain(text)
    assert complaint.startswith("4:35: error: the image `a.jpg` is relative, and there is no `images.base_url`")
    assert "nor 2 more references" in complaint
    assert "add `images: {base_url: https://…}`" in complaint


@pytest.mark.parametrize(
    "base",
    ["http://cdn.example.com/", "cdn.example.com", "ftp://cdn.example.com/", "https://me:x@cdn.example.com/",
     "https://", "data:image/png;base64,aGk=", "https://cdn.example.com/?x=1", "https://cdn.example.com/#x",
     "https://a b.example/"],
)  # fmt: skip
def test_a_wrong_base_is_told_once_and_not_where_it_is_used(complain: Complain, base: str) -> None:
    (complaint,) = complain(manifest("a.jpg, b.jpg", f"base_url: '{base}'"))
    assert complaint.startswith("3:20: error: `base_url` ")
    assert "me:x" not in complaint


def test_local_copies_are_hashed_into_the_take(accept: Accept, beside: Beside) -> None:
    for name, data in IMAGES.items():
        beside(f"pictures/{name}", data)
    take = next(accept(manifest(f"{', '.join(IMAGES)}, 'https://other.example/x.jpg'", WITH_DIR)).takes)
    assert take.images_sha256 == combine_digests(hashlib.sha256(data).hexdigest() for data in IMAGES.values())


def test_a_changed_image_changes_the_hash_and_not_the_fingerprint(accept: Accept, beside: Beside) -> None:
    beside("pictures/a.png", PNG)
    before = next(accept(manifest("a.png", WITH_DIR)).takes)
    beside("pictures/a.png", PNG + b"!")
    after = next(accept(manifest("a.png", WITH_DIR)).takes)
    without = next(accept(manifest("a.png", "base_url: https://cdn.example.com/")).takes)
    assert before.fingerprint == after.fingerprint == without.fingerprint
    assert before.images_sha256 != after.images_sha256
    assert without.images_sha256 is None


def test_the_order_of_images_counts(accept: Accept, beside: Beside) -> None:
    beside("pictures/a.png", PNG)
    beside("pictures/b.jpg", IMAGES["b.jpg"])
    one, other = (next(accept(manifest(order, WITH_DIR)).takes) for order in ("a.png, b.jpg", "b.jpg, a.png"))
    assert one.images_sha256 != other.images_sha256


def test_a_shot_without_local_images_has_no_hash(accept: Accept, beside: Beside) -> None:
    beside("pictures/a.png", PNG)
    assert next(accept(manifest("'https://other.example/x.jpg'", WITH_DIR)).takes).images_sha256 is None


@pytest.mark.parametrize("reference", ["a%20b.png", "./a%20b.png?v=3"])
def test_a_copy_is_found_under_its_plain_name(accept: Accept, beside: Beside, reference: str) -> None:
    beside("pictures/a b.png", PNG)
    assert next(accept(manifest(f"'{reference}'", WITH_DIR)).takes).images_sha256 is not None


def test_what_has_a_copy_is_known_by_its_url(load: Load, beside: Beside) -> None:
    path = beside("pictures/a.png", PNG)
    copies = load(manifest("a.png, 'https://other.example/x.jpg'", WITH_DIR)).local_images
    assert list(copies) == ["https://cdn.example.com/a.png"]
    assert copies["https://cdn.example.com/a.png"].file == path


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "is not in `pictures`; did you mean `lamp.jpg`?"),
        (b"", "is no PNG, JPEG, WebP or GIF image"),
        (b"<svg>", "is no PNG, JPEG, WebP or GIF image"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "is no PNG, JPEG, WebP or GIF image"),
        (b" \x89PNG\r\n\x1a\n", "is no PNG, JPEG, WebP or GIF image"),
    ],
)
def test_what_is_no_image_is_an_error(complain: Complain, beside: Beside, data: bytes | None, said: str) -> None:
    beside("pictures/lamp.jpg", IMAGES["b.jpg"])
    if data is not None:
        beside("pictures/lmap.jpg", data)
    (complaint,) = complain(manifest("lmap.jpg", WITH_DIR))
    assert complaint.startswith("5:35: error: the image `lmap.jpg` ")
    assert said in complaint


def test_what_is_no_file_is_not_waited_for(complain: Complain, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "folder.png").mkdir(parents=True)
    os.mkfifo(tmp_path / "pictures" / "pipe.png")
    (tmp_path / "pictures" / "loop.png").symlink_to("loop.png")
    with (tmp_path / "pictures" / "huge.png").open("wb") as file:
        file.truncate(1024**4)
    complaints = complain(manifest("folder.png, pipe.png, loop.png, huge.png", WITH_DIR))
    assert [complaint.partition("cannot be used: ")[2] for complaint in complaints] == [
        "this is not a file",
        "this is not a file",
        "the file cannot be read: Too many levels of symbolic links",
        "the file is larger than 256 MiB",
    ]


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("none", "the folder of images `none` is not there"),
        ("m.yaml", "the folder of images `m.yaml` is not a folder"),
        ("/pictures", "is not relative to the manifest"),
        ("a\\b", "is written with `\\`"),
    ],
)
def test_a_wrong_folder_is_told_once_and_not_where_it_is_used(complain: Complain, folder: str, said: str) -> None:
    (complaint,) = complain(manifest("a.png, b.png", f"base_url: https://cdn.example.com/, dir: '{folder}'"))
    assert said in complaint


def test_the_folder_may_lie_elsewhere(accept: Accept, beside: Beside) -> None:
    beside("../pictures-of-it/a.png", PNG)
    campaign = accept(manifest("a.png", "base_url: https://cdn.example.com/, dir: ../pictures-of-it"))
    assert next(campaign.takes).images_sha256 is not None


def test_a_reference_may_depend_on_the_row(complain: Complain, beside: Beside) -> None:
    beside("pictures/a.png", PNG)
    beside("t.csv", "n,image\n1,a.png\n2,b.png\n")
    text = (
        HEAD + f"images: {{{WITH_DIR}}}\nshots:\n- {{id: 's$n', prompt: A, image_urls: ['${{image}}'], rows: t.csv}}\n"
    )
    (complaint,) = complain(text)
    assert "the image `b.png` is not in `pictures`, for the row at t.csv:3:3; did you mean `a.png`?" in complaint

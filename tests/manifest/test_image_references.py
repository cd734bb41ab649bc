"""Relative image references: what is sent for them, and their local copies."""

import base64
import hashlib
import os
from pathlib import Path

import pytest

from hailuo_batch.manifest.images.local_copies import combine_digests
from tests.helpers.images import HEIC, PAGE, gif, jpeg, png, webp
from tests.manifest.conftest import Load, LoadErrors, LoadValid, WriteFile

HEAD = "version: 1\ncampaign: lamps\n"
PNG = png()
IMAGES = {"a.png": PNG, "b.jpg": jpeg(), "c.webp": webp(), "d.gif": gif(), "e.gif": b"GIF87a" + gif()[6:]}
DATA = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


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
def test_a_relative_reference_is_taken_from_the_base(
    load_valid: LoadValid, base: str, reference: str, url: str
) -> None:
    take = next(load_valid(manifest(f"'{reference}'", f"base_url: '{base}'")).takes)
    assert take.input["image_urls"] == [f"https://cdn.example.com/spring/{url}"]
    assert take.images_sha256 is None


def test_whole_urls_are_sent_as_they_are(load_valid: LoadValid) -> None:
    take = next(load_valid(manifest(f"'https://other.example/x.jpg', '{DATA}'")).takes)
    assert take.input["image_urls"] == ["https://other.example/x.jpg", DATA]


def test_a_base_may_be_this_machine(load_valid: LoadValid) -> None:
    take = next(load_valid(manifest("a.jpg", "base_url: 'http://127.0.0.1:8000'")).takes)
    assert take.input["image_urls"] == ["http://127.0.0.1:8000/a.jpg"]


@pytest.mark.parametrize(
    "reference",
    ["../a.jpg", "x/../../a.jpg", "x/../a.jpg", "..", "%2e%2e/a.jpg", "x%2F..%2Fa.jpg", "x\\a.jpg", "/a.jpg",
     "//evil.example/a.jpg", "a%00.jpg", "%5C..%5Ca.jpg"],
)  # fmt: skip
def test_no_reference_leaves_the_base(load_errors: LoadErrors, reference: str) -> None:
    (error,) = load_errors(manifest(f"'{reference}'"))
    assert "points outside the base URL" in error


@pytest.mark.parametrize("reference", [".", "./", "?v=1", "#a", "a//b.jpg", "a/"])
def test_a_reference_names_a_file(load_errors: LoadErrors, reference: str) -> None:
    (error,) = load_errors(manifest(f"'{reference}'"))
    assert "does not name a file" in error


def test_without_a_base_all_relative_references_are_reported_together(load_errors: LoadErrors) -> None:
    text = manifest("a.jpg, b.jpg", "").replace("images: {}\n", "") + "- {id: b, prompt: B, image_urls: [a.jpg]}\n"
    (error,) = load_errors(text)
    assert error.startswith("4:35: error: the image `a.jpg` is relative, but there is no `images.base_url`")
    assert "and 2 more references" in error
    assert "add `images: {base_url: https://…}`" in error


@pytest.mark.parametrize(
    "base",
    ["http://cdn.example.com/", "cdn.example.com", "ftp://cdn.example.com/", "https://me:x@cdn.example.com/",
     "https://", "data:image/png;base64,aGk=", "https://cdn.example.com/?x=1", "https://cdn.example.com/#x",
     "https://a b.example/"],
)  # fmt: skip
def test_a_wrong_base_is_reported_once_and_not_where_it_is_used(load_errors: LoadErrors, base: str) -> None:
    (error,) = load_errors(manifest("a.jpg, b.jpg", f"base_url: '{base}'"))
    assert error.startswith("3:20: error: `base_url` ")
    assert "me:x" not in error


def test_local_copies_are_hashed_into_the_take(load_valid: LoadValid, write_file: WriteFile) -> None:
    for name, data in IMAGES.items():
        write_file(f"pictures/{name}", data)
    take = next(load_valid(manifest(f"{', '.join(IMAGES)}, 'https://other.example/x.jpg'", WITH_DIR)).takes)
    assert take.images_sha256 == combine_digests(hashlib.sha256(data).hexdigest() for data in IMAGES.values())


def test_a_changed_image_changes_the_hash_and_not_the_fingerprint(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("pictures/a.png", PNG)
    before = next(load_valid(manifest("a.png", WITH_DIR)).takes)
    write_file("pictures/a.png", PNG + b"!")
    after = next(load_valid(manifest("a.png", WITH_DIR)).takes)
    without = next(load_valid(manifest("a.png", "base_url: https://cdn.example.com/")).takes)
    assert before.fingerprint == after.fingerprint == without.fingerprint
    assert before.images_sha256 != after.images_sha256
    assert without.images_sha256 is None


def test_a_copy_is_looked_into_at_its_start_and_hashed_as_a_whole(load: Load, write_file: WriteFile) -> None:
    profile = b"\xff\xe2" + (60_002).to_bytes(2, "big") + bytes(60_000)
    data = jpeg(before=18 * profile, size=1_200_000)
    path = write_file("pictures/a.jpg", data)
    copy = load(manifest("a.jpg", WITH_DIR)).local_images["https://cdn.example.com/a.jpg"]
    assert copy.content is not None
    assert copy.content.header is not None
    assert copy.content.header.width is None  # it is written behind the first megabyte
    assert copy.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_order_of_images_counts(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("pictures/a.png", PNG)
    write_file("pictures/b.jpg", IMAGES["b.jpg"])
    one, other = (next(load_valid(manifest(order, WITH_DIR)).takes) for order in ("a.png, b.jpg", "b.jpg, a.png"))
    assert one.images_sha256 != other.images_sha256


def test_a_shot_without_local_images_has_no_hash(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("pictures/a.png", PNG)
    assert next(load_valid(manifest("'https://other.example/x.jpg'", WITH_DIR)).takes).images_sha256 is None


@pytest.mark.parametrize("reference", ["a%20b.png", "./a%20b.png?v=3"])
def test_a_copy_is_found_under_its_plain_name(load_valid: LoadValid, write_file: WriteFile, reference: str) -> None:
    write_file("pictures/a b.png", PNG)
    assert next(load_valid(manifest(f"'{reference}'", WITH_DIR)).takes).images_sha256 is not None


def test_what_has_a_copy_is_known_by_its_url(load: Load, write_file: WriteFile) -> None:
    path = write_file("pictures/a.png", PNG)
    copies = load(manifest("a.png, 'https://other.example/x.jpg'", WITH_DIR)).local_images
    assert list(copies) == ["https://cdn.example.com/a.png"]
    assert copies["https://cdn.example.com/a.png"].file == path


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, "is not in `pictures`; did you mean `lamp.jpg`?"),
        (b"", "is empty; export it again"),
        (b"<svg>", "is an SVG drawing, not a PNG, JPEG, WebP or GIF image; export it as JPEG or PNG"),
        (HEIC, "is a HEIC image, not a PNG, JPEG, WebP or GIF image; export it as JPEG or PNG"),
        (PAGE, "is a web page, not an image; download the image itself"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "is not a PNG, JPEG, WebP or GIF image; open the file"),
        (b" " + PNG, "is not a PNG, JPEG, WebP or GIF image; open the file"),
    ],
)
def test_what_is_no_image_is_an_error(
    load_errors: LoadErrors, write_file: WriteFile, data: bytes | None, expected: str
) -> None:
    write_file("pictures/lamp.jpg", IMAGES["b.jpg"])
    if data is not None:
        write_file("pictures/lmap.jpg", data)
    (error,) = load_errors(manifest("lmap.jpg", WITH_DIR))
    assert error.startswith("5:35: error: the image `lmap.jpg` ")
    assert expected in error


def test_what_is_no_file_is_not_waited_for(load_errors: LoadErrors, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "folder.png").mkdir(parents=True)
    os.mkfifo(tmp_path / "pictures" / "pipe.png")
    (tmp_path / "pictures" / "loop.png").symlink_to("loop.png")
    with (tmp_path / "pictures" / "huge.png").open("wb") as file:
        file.truncate(1024**4)
    errors = load_errors(manifest("folder.png, pipe.png, loop.png, huge.png", WITH_DIR))
    assert [error.partition("cannot be used: ")[2] for error in errors] == [
        "this is not a file",
        "this is not a file",
        "the file cannot be read: Too many levels of symbolic links",
        "the file is larger than 256 MiB",
    ]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("none", "the image folder `none` does not exist"),
        ("m.yaml", "the image folder `m.yaml` is not a folder"),
        ("/pictures", "is not relative to the manifest"),
        ("a\\b", "contains `\\`"),
    ],
)
def test_a_wrong_folder_is_reported_once_and_not_where_it_is_used(
    load_errors: LoadErrors, folder: str, expected: str
) -> None:
    (error,) = load_errors(manifest("a.png, b.png", f"base_url: https://cdn.example.com/, dir: '{folder}'"))
    assert expected in error


def test_the_folder_may_lie_elsewhere(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("../pictures-of-it/a.png", PNG)
    campaign = load_valid(manifest("a.png", "base_url: https://cdn.example.com/, dir: ../pictures-of-it"))
    assert next(campaign.takes).images_sha256 is not None


def test_a_reference_may_depend_on_the_row(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("pictures/a.png", PNG)
    write_file("t.csv", "n,image\n1,a.png\n2,b.png\n")
    text = (
        HEAD + f"images: {{{WITH_DIR}}}\nshots:\n- {{id: 's$n', prompt: A, image_urls: ['${{image}}'], rows: t.csv}}\n"
    )
    (error,) = load_errors(text)
    assert "the image `b.png` is not in `pictures`, for the row at t.csv:3:3; did you mean `a.png`?" in error

"""Files that cannot be read, or are no text: reported in one line, never raised."""

import os
from pathlib import Path

import pytest

from hailuo_batch.manifest import Diagnostic, Severity, load_manifest
from tests.manifest.conftest import LoadErrors


def only_error(path: Path) -> Diagnostic:
    loaded = load_manifest(path)
    assert loaded.campaign is None
    (diagnostic,) = loaded.diagnostics
    assert (diagnostic.path, diagnostic.severity) == (str(path), Severity.ERROR)
    return diagnostic


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    assert str(only_error(path)).startswith(f"{path}:1:1: error: there is no such file; `hailuo-batch init`")


def test_a_folder(tmp_path: Path) -> None:
    assert only_error(tmp_path).message == "this is not a file"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert only_error(tmp_path / "pipe").message == "this is not a file"


def test_a_file_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert only_error(tmp_path / "a" / "b").message == "the file cannot be read: Not a directory"


def test_a_name_that_no_file_can_have() -> None:
    assert only_error(Path("a\0b")).message.startswith("the file cannot be read: ")
    assert only_error(Path("a" * 5000)).message.startswith("the file cannot be read: ")


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert only_error(tmp_path / "loop").message.startswith("the file cannot be read: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").touch(mode=0o000)
    assert only_error(tmp_path / "m.yaml").message == "the file cannot be read: Permission denied"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    with path.open("wb") as file:
        file.truncate(1024**3)
    assert only_error(path).message == "the file is larger than 64 MiB"
    os.truncate(path, 64 * 1024**2)
    assert "larger" not in only_error(path).message


def test_the_path_is_shown_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").touch()
    assert load_manifest(Path("m.yaml")).diagnostics[0].path == "m.yaml"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16(load_errors: LoadErrors, encoding: str) -> None:
    assert load_errors("version: 1\n".encode(encoding)) == ["1:1: error: the file is UTF-16; save it as UTF-8"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("bad", [b"\xe9", b"\xed\xa0\x80", b"\xff", b"\xc0\x80"])
def test_bytes_that_are_no_utf_8_have_their_place(load_errors: LoadErrors, mark: bytes, bad: bytes) -> None:
    data = mark + "version: 1\ndescription: 灯 ".encode() + bad + b"\n"
    assert load_errors(data) == ["2:16: error: this is not UTF-8; save the file as UTF-8"]


@pytest.mark.parametrize(("odd", "name"), [("\0", "0000"), ("\x07", "0007"), ("\x7f", "007F"), ("\ufffe", "FFFE")])
def test_control_characters_have_their_place(load_errors: LoadErrors, odd: str, name: str) -> None:
    text = f"version: 1\r\ndescription: 灯 {odd}\n"
    assert load_errors(text) == [f"2:16: error: the character U+{name} is not allowed here; remove it"]


def test_a_byte_order_mark_takes_no_column(load_errors: LoadErrors) -> None:
    assert load_errors(b"\xef\xbb\xbfa: \x07") == ["1:4: error: the character U+0007 is not allowed here; remove it"]

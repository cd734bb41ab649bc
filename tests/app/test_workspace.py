"""Where a campaign's files lie."""

import errno
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.app.workspace import (
    CampaignLocation,
    fill_in_commands,
    find_workspace,
    has_ledger,
    locate,
    set_aside,
    short_path,
)
from hailuo_batch.errors import LedgerError, UsageError


def manifest_in(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "m.yaml"
    path.touch()
    return path


def test_a_manifest_in_manifests_belongs_to_the_folder_above(tmp_path: Path) -> None:
    assert find_workspace(manifest_in(tmp_path / "w" / "manifests")) == tmp_path / "w"


def test_any_other_manifest_belongs_to_its_own_folder(tmp_path: Path) -> None:
    assert find_workspace(manifest_in(tmp_path / "w")) == tmp_path / "w"
    assert find_workspace(manifest_in(tmp_path / "manifests" / "deeper")) == tmp_path / "manifests" / "deeper"


def test_a_symlink_counts_for_where_it_leads(tmp_path: Path) -> None:
    real = manifest_in(tmp_path / "w" / "manifests")
    link = tmp_path / "elsewhere.yaml"
    link.symlink_to(real)
    assert find_workspace(link) == tmp_path / "w"


def test_a_ring_of_symlinks_is_wrong_usage(tmp_path: Path) -> None:
    ring = tmp_path / "m.yaml"
    ring.symlink_to(ring)
    with pytest.raises(UsageError):
        find_workspace(ring)


def test_folders_that_are_given_are_relative_to_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    where = CampaignLocation(manifest_in(tmp_path / "w"), state_dir=Path("s"), output_dir=Path("o"))
    paths = locate(where, "c")
    assert paths.ledger == tmp_path / "s" / "c.db"
    assert paths.outputs == tmp_path / "o" / "c"


def test_a_rehearsal_has_names_of_its_own(tmp_path: Path) -> None:
    paths = locate(CampaignLocation(manifest_in(tmp_path), sandbox=True), "c")
    assert [path.name for path in (paths.ledger, paths.backup, paths.receipts, paths.lock, paths.outputs)] == [
        "c.sandbox.db",
        "c.sandbox.db.bak",
        "c.sandbox.receipts.jsonl",
        "c.sandbox.lock",
        "c.sandbox",
    ]


@pytest.mark.parametrize("left", ["state/c.receipts.jsonl", "state/c.db.bak", "state/c.db-wal", "outputs/c/hero.mp4"])
def test_no_ledger_beside_what_is_left_of_a_campaign_is_no_empty_campaign(tmp_path: Path, left: str) -> None:
    paths = locate(CampaignLocation(manifest_in(tmp_path)), "c")
    assert not has_ledger(paths)
    (tmp_path / left).parent.mkdir(parents=True)
    (tmp_path / left).write_text("x")
    with pytest.raises(LedgerError, match="Nothing was sent, nothing was paid"):
        has_ledger(paths)


def test_what_is_empty_states_nothing(tmp_path: Path) -> None:
    paths = locate(CampaignLocation(manifest_in(tmp_path)), "c")
    paths.outputs.mkdir(parents=True)
    paths.receipts.parent.mkdir()
    paths.receipts.touch()
    assert not has_ledger(paths)


def test_setting_aside_deletes_nothing_and_overwrites_nothing(tmp_path: Path) -> None:
    paths = locate(CampaignLocation(manifest_in(tmp_path)), "c")
    paths.receipts.parent.mkdir()
    for content in ("first", "second"):
        paths.receipts.write_text(content)
        set_aside(paths)
    state = paths.receipts.parent
    assert (state / "c.receipts.jsonl.old-1").read_text() == "first"
    assert (state / "c.receipts.jsonl.old-2").read_text() == "second"
    assert not paths.receipts.exists()


def test_receipts_are_set_aside_last_so_that_until_then_nothing_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = locate(CampaignLocation(manifest_in(tmp_path)), "lamps")
    paths.outputs.mkdir(parents=True)
    paths.ledger.parent.mkdir()
    for path in (paths.receipts, paths.backup, paths.outputs / "hero.mp4"):
        path.write_text("something")

    def refuse(self: Path, target: Path) -> Path:
        if self == paths.outputs:
            raise PermissionError(errno.EPERM, "not allowed")
        return rename(self, target)

    rename = Path.rename
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(LedgerError, match="cannot be set aside"):
        set_aside(paths)
    assert paths.receipts.read_text() == "something"


def test_the_empty_log_that_a_reader_leaves_stands_in_no_new_ledgers_way(tmp_path: Path) -> None:
    paths = locate(CampaignLocation(manifest_in(tmp_path)), "lamps")
    Ledger.create(paths.ledger, "lamps", "sandbox", 0.0)
    with Ledger.open(paths.ledger, "lamps", "sandbox", 0.0), Ledger.read(paths.ledger, "lamps", "sandbox") as reader:
        reader.snapshot()
    with Ledger.read(paths.ledger, "lamps", "sandbox") as reader:
        reader.snapshot()
    paths.ledger.unlink()
    assert paths.ledger.with_name("lamps.db-wal").stat().st_size == 0
    set_aside(paths)
    Ledger.create(paths.ledger, "lamps", "sandbox", 0.0)
    assert has_ledger(paths)


def test_a_command_can_be_pasted_into_a_shell() -> None:
    where = CampaignLocation(Path("my lamps.yaml"), sandbox=True, state_dir=Path("s"))
    assert where.command_line("apply") == "hailuo-batch apply 'my lamps.yaml' --sandbox --state-dir s"


def test_a_command_that_is_named_is_one_for_this_very_campaign() -> None:
    where = CampaignLocation(Path("my lamps.yaml"), sandbox=True)
    assert fill_in_commands("`hailuo-batch retry MANIFEST hero` or `hailuo-batch state restore MANIFEST`.", where) == (
        "`hailuo-batch retry 'my lamps.yaml' --sandbox hero` or `hailuo-batch state restore 'my lamps.yaml' --sandbox`."
    )
    assert fill_in_commands("MANIFEST, `hailuo-batch init FILE`", where) == "MANIFEST, `hailuo-batch init FILE`"


def test_the_current_directory_is_not_shown_as_a_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert short_path(Path.cwd()) == str(tmp_path)
    assert short_path(Path.cwd() / "outputs") == "outputs"

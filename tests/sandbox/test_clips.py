"""The shipped clips, and the files made of them: whole MP4s, each run's its own."""

import hashlib

from hailuo_batch.sandbox.media import CLIPS_DIR, MediaFile, load_clips, media_file
from hailuo_batch.sandbox.world import World
from tests.sandbox.requests import create_run, world_of


def boxes(content: bytes) -> list[tuple[str, bytes]]:
    """The top-level boxes of an MP4, whose sizes must add up to its length."""
    found, at = [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        assert 8 <= size <= len(content) - at
        found.append((content[at + 4 : at + 8].decode("ascii"), content[at + 8 : at + size]))
        at += size
    return found


def output_of(world: World, run_id: str) -> MediaFile:
    name = run_id.removeprefix("run_")
    served = world.clip_of(name, 1e6)
    assert served is not None
    return media_file(name, served, load_clips())


def test_the_shipped_clips_are_small_h264_that_can_start_before_it_is_whole() -> None:
    clips = load_clips()
    assert len(set(clips)) == len(list(CLIPS_DIR.glob("*.mp4"))) == 6
    for clip in clips:
        names = [name for name, _ in boxes(clip)]
        assert names[0] == "ftyp"
        assert names.index("moov") < names.index("mdat")
        assert b"avc1" in clip
        assert len(clip) < 100_000


def test_the_file_of_a_run_is_a_clip_and_a_free_box_that_names_the_run() -> None:
    world = world_of()
    run_id = create_run(world, 0)
    media = output_of(world, run_id)
    found = boxes(media.content)
    assert [name for name, _ in found if name != "free"] == ["ftyp", "moov", "mdat"]
    assert found[-1] == ("free", run_id.encode())
    assert media.content.startswith(load_clips()[0])


def test_every_run_has_a_file_of_its_own_and_neighbours_show_different_clips() -> None:
    world = world_of()
    files = [output_of(world, create_run(world, 0)) for _ in range(12)]
    assert len({hashlib.sha256(file.content).digest() for file in files}) == 12
    assert len({file.etag for file in files}) == 12
    assert len({file.content[: -8 - 44] for file in files[:6]}) == 6


def test_a_later_world_serves_the_same_file_with_the_same_validators() -> None:
    run_id = create_run(world_of(), 1000)
    assert output_of(world_of(), run_id) == output_of(world_of(price_micro_usd=1), run_id)


def test_there_is_no_file_before_success_nor_of_a_failed_or_invented_run() -> None:
    world, failing = world_of(), world_of(fail_rate=1)
    run_id, failed = create_run(world, 0), create_run(failing, 0)
    facts = world.facts(run_id)
    assert facts is not None
    name = run_id.removeprefix("run_")
    assert world.clip_of(name, facts.completed_ms / 1000 - 0.002) is None
    assert world.clip_of(name, facts.completed_ms / 1000) is not None
    assert failing.clip_of(failed.removeprefix("run_"), 1e6) is None
    assert world.clip_of("a" * 40, 1e6) is None
    assert world.clip_of(run_id, 1e6) is None

"""`report` and what an apply leaves beside the videos."""

import csv
import json
import xml.etree.ElementTree as ET

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import LAMPS, SLOW, Shell, wait_for_result
from tests.helpers.timeouts import wait_until

VIDEOS = {"hero.mp4", "hero.take2.mp4", "desk.mp4"}
SIDECARS = {f"{name}.json" for name in VIDEOS}
REPORTS = {"report.html", "report.json", "report.md", "report.csv", "report.junit.xml"}


def names(shell: Shell) -> set[str]:
    return {path.name for path in shell.outputs.iterdir()}


def test_an_apply_leaves_every_report_and_a_sidecar_beside_each_video(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    assert names(shell) == VIDEOS | SIDECARS | REPORTS
    sidecar = json.loads((shell.outputs / "hero.take2.mp4.json").read_text())
    written = json.loads((shell.outputs / "report.json").read_text())
    listed = {take["id"]: take for take in written["takes"]}[sidecar["take"]]
    assert sidecar["take"] == "hero.take2"
    assert sidecar["run_id"] == listed["runs"][0]["run_id"]
    assert sidecar["sha256"] == listed["outputs"][0]["sha256"]
    assert sidecar["manifest_sha256"] == written["manifest_sha256"]
    with (shell.outputs / "report.csv").open(newline="") as file:
        assert sorted(row["take"] for row in csv.DictReader(file)) == ["desk", "hero", "hero.take2"]
    [suite] = ET.parse(shell.outputs / "report.junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "0", "0")


def test_the_description_is_shown_in_every_report_for_people(shell: Shell, api: SandboxServer) -> None:
    shell.write(LAMPS.replace("campaign: lamps", "campaign: lamps\ndescription: Spring catalogue"))
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert "Spring catalogue" in (shell.outputs / "report.md").read_text()
    assert "Spring catalogue" in (shell.outputs / "report.html").read_text()


def test_sidecars_can_be_left_out(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--no-sidecar").code is ExitCode.DONE
    assert names(shell) == VIDEOS | REPORTS
    assert shell("report", "--no-sidecar").code is ExitCode.DONE
    assert names(shell) == VIDEOS | REPORTS
    assert shell("report").code is ExitCode.DONE
    assert names(shell) == VIDEOS | REPORTS | SIDECARS


def test_sidecars_follow_a_video_that_is_replaced(shell: Shell, api: SandboxServer) -> None:
    shell("apply")
    old = json.loads((shell.outputs / "desk.mp4.json").read_text())
    shell.write(LAMPS.replace("A desk", "A chair"))
    assert shell("apply").code is ExitCode.DONE
    new = json.loads((shell.outputs / "desk.mp4.json").read_text())
    assert (old["prompt"], new["prompt"]) == ("A desk", "A chair")
    kept = json.loads((shell.outputs / "superseded" / f"desk.{old['run_id']}.mp4.json").read_text())
    assert kept == old | {"superseded": True, "file": f"desk.{old['run_id']}.mp4"}


def test_only_the_formats_that_are_asked_for_are_written(shell: Shell, api: SandboxServer) -> None:
    shell("apply", "--no-sidecar")
    for name in REPORTS:
        (shell.outputs / name).unlink()
    printed = shell("report", "--format", "csv", "--format", "junit")
    assert printed.code is ExitCode.DONE
    assert names(shell) == VIDEOS | {"report.csv", "report.junit.xml"}
    assert [line.rpartition("/")[2] for line in printed.out.split()] == ["report.csv", "report.junit.xml"]


def test_what_it_states_to_type_finds_the_manifest_and_its_files(shell: Shell, start_api: StartApi) -> None:
    start_api(fail_rate=1.0)
    folder = shell.workspace / "else where"
    assert shell("apply", "--output-dir", str(folder)).code is ExitCode.UNFINISHED
    assert shell("report", "--output-dir", str(folder)).code is ExitCode.DONE
    written = json.loads((folder / "lamps" / "report.json").read_text("utf-8"))
    assert written["resume_command"] == f"hailuo-batch apply {shell.manifest} --output-dir '{folder}'"


def test_a_report_beside_an_apply_states_that_it_is_at_work(shell: Shell, start_api: StartApi) -> None:
    start_api(speed=SLOW)
    process = shell.spawn("apply", "--yes")
    try:
        wait_until(lambda: "running" in shell("status").out)
        assert shell("report", "--format", "json").code is ExitCode.DONE
        assert json.loads((shell.outputs / "report.json").read_text("utf-8"))["applying"] is True
    finally:
        process.terminate()
    assert wait_for_result(process).code is ExitCode.SIGTERM


def test_an_unknown_format_is_wrong_usage(shell: Shell) -> None:
    assert shell("report", "--format", "pdf").code is ExitCode.USAGE


def test_the_page_is_there_while_an_apply_works(shell: Shell, start_api: StartApi) -> None:
    start_api(speed=SLOW)
    process = shell.spawn("apply", "--yes")
    page = shell.outputs / "report.html"
    try:
        wait_until(page.exists)
        assert '"applying":true' in page.read_text("utf-8")
    finally:
        process.terminate()
    assert wait_for_result(process).code is ExitCode.SIGTERM
    assert '"applying":false' in page.read_text("utf-8")

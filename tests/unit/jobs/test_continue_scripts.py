"""The remote programs of continuations, run by bash on this machine."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from namdrunner.jobs.checkpoint_script import build_look_script, build_scan_script, parse_look_reply, parse_scan_reply
from namdrunner.jobs.continue_script import Take, build_make_script, parse_make_reply

NONCE = "ab" * 16
XSC = "#$LABELS step a_x a_y a_z\n40 1 0 0\n"


def bash(script: str) -> bytes:
    done = subprocess.run(["bash", "-s"], input=script.encode(), capture_output=True, check=True)
    return done.stdout


def binary(path: Path, *values: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f"<i{len(values)}d", len(values) // 3, *values))
    return path


def test_a_look_lists_restart_files_with_their_heads_and_cells(tmp_path: Path) -> None:
    project, run = tmp_path / "it's here", tmp_path / "run"
    binary(project / "outputs" / "sub dir" / "a.restart.coor", 1, 2, 3)
    binary(run / "a.restart.vel.old", 1, 2, 3)
    (project / "outputs" / "a.restart.xsc").write_text(XSC)
    (project / "outputs" / "a.dcd").write_bytes(b"x")
    (project / "logs").mkdir()
    lines = [f"WRITING VELOCITIES TO RESTART FILE AT STEP {step}" for step in range(400)]
    (project / "logs" / "namd.log").write_text("\n".join(["Info: x", *lines, ""]))
    (project / "config.namd").write_text("run 10\n")
    (project / "input_files").mkdir()
    (project / "input_files" / "more $x.tcl").write_bytes(b"set x 1\n\xff")
    script = build_look_script(str(project), str(run), NONCE, inputs=["more $x.tcl"])
    look = parse_look_reply(bash(script), NONCE)
    assert look.complete
    assert look.config == "run 10\n"
    found = {f"{f.root}/{f.path}": f for f in look.files}
    assert set(found) == {"outputs/sub dir/a.restart.coor", "outputs/a.restart.xsc", "run/a.restart.vel.old"}
    assert found["outputs/sub dir/a.restart.coor"].head == b"\1\0\0\0"
    assert found["outputs/sub dir/a.restart.coor"].size == 28
    assert found["outputs/a.restart.xsc"].text == XSC
    assert found["run/a.restart.vel.old"].modified_at > 0
    assert (look.log_lines, len(look.log), look.log[-1]) == (400, 300, lines[-1])
    assert look.inputs == {"more $x.tcl": b"set x 1\n\xff"}


def test_a_scan_finds_values_that_are_no_numbers(tmp_path: Path) -> None:
    files = [
        binary(tmp_path / "fine", 1e300, -2.5, 0.0),
        binary(tmp_path / "nan", 1, 2, float("nan")),
        binary(tmp_path / "inf", float("-inf"), 2, 3),
        tmp_path / "missing",
    ]
    scans = parse_scan_reply(bash(build_scan_script([(str(f), True) for f in files], NONCE)), NONCE)
    assert [scans[n].finite for n in range(4)] == [True, False, False, None]
    assert [bool(scans[n].sha256) for n in range(4)] == [True, True, True, False]


def test_a_job_is_made_of_links_and_texts(tmp_path: Path) -> None:
    source = binary(tmp_path / "parent" / "a.coor", 1, 2, 3)
    child = tmp_path / "jobs" / "child"
    texts = {"job_info.json": b"{}", "input_files/x/overlay.tcl": b"\xff\x00 no end", "job.sbatch": b"#!/bin/bash\n"}
    script = build_make_script(str(child), [Take(str(source), "restart/start.coor", 28)], texts, NONCE)
    assert parse_make_reply(bash(script), NONCE).problem == ""
    assert (child / "input_files" / "restart" / "start.coor").stat().st_ino == source.stat().st_ino
    assert (child / "input_files" / "x" / "overlay.tcl").read_bytes() == b"\xff\x00 no end"
    assert parse_make_reply(bash(script), NONCE).problem == "exists"


def test_a_job_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    source = binary(tmp_path / "a.coor", 1, 2, 3)
    child = tmp_path / "jobs" / "child"
    changed = build_make_script(str(child), [Take(str(source), "a", 52)], {}, NONCE)
    assert parse_make_reply(bash(changed), NONCE).problem == "changed"
    missing = build_make_script(str(child), [Take(str(tmp_path / "b"), "a", 28)], {}, NONCE)
    assert parse_make_reply(bash(missing), NONCE).problem == "missing"
    assert not list((tmp_path / "jobs").iterdir())

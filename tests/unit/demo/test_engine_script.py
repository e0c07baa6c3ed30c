"""The config is a program: loops, clocks and files between runs, and keywords that change on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.unit.demo.engine_runs import THERMOSTAT, VACUUM, run_engine, write_config, write_peptide

from namdrunner.namd.namdbin import read_namdbin

Capture = pytest.CaptureFixture[str]


def test_a_step_loop_sees_files_and_the_clock_as_they_are(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    loop = """
set begin [clock milliseconds]
set cycles 0
while {1} {
  run 10
  incr cycles
  if {$cycles == 3} { set f [open STOP w]; puts $f now; close $f }
  if {[file exists STOP] || $cycles > 50} { break }
}
print "cycles $cycles"
puts "took [expr {[clock milliseconds] - $begin < 60000}]"
file delete STOP
"""
    run = run_engine(write_config(tmp_path, VACUUM, loop), capsys)
    assert run.status == 0, run.log
    assert run.lines("TCL: Running") == ["TCL: Running for 10 steps"] * 3
    assert run.rows()[-1]["TS"] == 30
    assert "took 1" in run.log
    assert "TCL: cycles 3" in run.log
    assert not (tmp_path / "STOP").exists()


def test_files_of_a_run_are_there_for_the_next_command(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    script = """
run 10
output copy
if {![file exists copy.coor]} { error "no copy" }
file copy copy.coor kept.coor
outputname second
run 10
"""
    run = run_engine(write_config(tmp_path, VACUUM, script), capsys)
    assert run.status == 0, run.log
    assert (tmp_path / "kept.coor").read_bytes() == (tmp_path / "copy.coor").read_bytes()
    assert (tmp_path / "second.coor").exists()
    assert not (tmp_path / "out.coor").exists()


def test_temperature_changes_between_runs(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    script = "foreach t {100 400} {\n  langevinTemp $t\n  reinitvels $t\n  run 10\n}"
    run = run_engine(write_config(tmp_path, VACUUM | THERMOSTAT, "minimize 20", script), capsys)
    assert run.status == 0, run.log
    assert "TCL: Setting parameter langevinTemp to 400" in run.log
    assert "REINITIALIZING VELOCITIES AT STEP 30 TO 400 KELVIN." in run.log
    assert [row["TS"] for row in run.rows()] == [0, 10, 20, 20, 30, 30, 40]


def test_thermostat_off_and_on(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    script = ["run 10", "langevin off", "run 20", "langevin on", "run 10"]
    run = run_engine(write_config(tmp_path, VACUUM | THERMOSTAT | {"timestep": "0.2"}, *script), capsys)
    assert run.status == 0, run.log
    rows = {row["TS"]: row for row in run.rows()}
    assert rows[20]["TOTAL"] == pytest.approx(rows[30]["TOTAL"], abs=0.1)


def test_constraint_scaling_is_live(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    moved = [
        f"{line[:30]}{float(line[30:38]) + 1:8.3f}{line[38:60]}{2.0:6.2f}{line[66:]}"
        if line.startswith("ATOM")
        else line
        for line in (tmp_path / "small.pdb").read_text().splitlines()
    ]
    (tmp_path / "ref.pdb").write_text("\n".join(moved))
    given = {"constraints": "on", "consref": "ref.pdb", "conskfile": "ref.pdb", "conskcol": "B"}
    script = ["run 0", "constraintScaling 0.25", "run 0"]
    rows = run_engine(write_config(tmp_path, VACUUM | given, *script), capsys).rows()
    assert rows[0]["BOUNDARY"] == pytest.approx(2.0 * 22, rel=1e-3)
    assert rows[1]["BOUNDARY"] == pytest.approx(rows[0]["BOUNDARY"] / 4, rel=1e-3)


def test_reassignment_heats(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    heating = {"reassignFreq": "10", "reassignTemp": "50", "reassignIncr": "100", "reassignHold": "200"}
    run = run_engine(write_config(tmp_path, VACUUM | heating, "run 40"), capsys)
    assert [line.split()[-2] for line in run.lines("REASSIGNING")] == ["150", "200", "200", "200"]


def test_numsteps_without_a_command(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    run = run_engine(write_config(tmp_path, VACUUM | {"numsteps": "30", "firsttimestep": "10"}), capsys)
    assert run.status == 0, run.log
    assert [row["TS"] for row in run.rows()] == [10, 20, 30]


def test_a_keyword_on_the_command_line_overrides(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    run = run_engine(write_config(tmp_path, VACUUM, "run 0"), capsys, "--outputname", "other")
    assert run.status == 0, run.log
    assert (tmp_path / "other.coor").exists()
    assert not (tmp_path / "out.coor").exists()


def test_exit_keeps_what_was_done(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    run = run_engine(write_config(tmp_path, VACUUM, "run 10", "exit", "run 10"), capsys)
    assert run.status == 0
    assert run.rows()[-1]["TS"] == 10
    assert np.isfinite(read_namdbin(tmp_path / "out.coor").values).all()


def test_catch_does_not_hide_a_fatal_error(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    run = run_engine(write_config(tmp_path, VACUUM, "run 0", "catch {langevinDamping 3}", "run 10"), capsys)
    assert run.status == 1
    assert "FATAL ERROR: Setting parameter langevinDamping from script failed!" in run.log
    assert "TCL: Running for 10 steps" not in run.log


def test_no_program_is_started(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    run = run_engine(write_config(tmp_path, VACUUM, "exec touch made", "run 0"), capsys)
    assert run.status == 1
    assert "starts no programs" in run.log
    assert not (tmp_path / "made").exists()


def test_commands_that_cannot_be_done_are_refused(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    for command in ("callback watch", "checkpoint", "measure center all", "replicaSend a 1", "move 1 to {0 0 0}"):
        run = run_engine(write_config(tmp_path, VACUUM, command, "run 10"), capsys)
        assert run.status == 1, command
        assert f"FATAL ERROR: The script command {command.replace('{', '').replace('}', '')} is not" in run.log


def test_a_config_before_the_config(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    first = write_config(tmp_path, {"outputName": "early"}, "set steps 10", name="first.namd")
    rest = {keyword: value for keyword, value in VACUUM.items() if keyword != "outputName"}
    second = write_config(tmp_path, rest, "run $steps")
    run = run_engine(first, capsys, str(second))
    assert run.status == 0, run.log
    assert run.rows()[-1]["TS"] == 10
    assert (tmp_path / "early.coor").exists()

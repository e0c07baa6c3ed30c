"""Short real runs: physics, restarts, files, log."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.unit.demo.engine_runs import (
    PERIODIC,
    THERMOSTAT,
    VACUUM,
    run_engine,
    write_config,
    write_peptide,
    write_salt_water,
)

from namdrunner.demo.engine.banner import NOTICE
from namdrunner.namd.dcd import DcdReader
from namdrunner.namd.log import read_log
from namdrunner.namd.namdbin import read_namdbin
from namdrunner.namd.xsc import read_xsc, read_xst

Capture = pytest.CaptureFixture[str]


def test_energy_is_conserved_without_a_thermostat(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    run = run_engine(
        write_config(tmp_path, VACUUM | {"timestep": "0.5"}, "minimize 50", "reinitvels 300", "run 400"), capsys
    )
    assert run.status == 0, run.log
    totals = [row["TOTAL"] for row in run.rows() if row["TS"] >= 50 and row["KINETIC"] > 0]
    assert len(totals) > 40
    assert np.std(totals) < 0.4
    assert np.mean(totals[:20]) == pytest.approx(np.mean(totals[-20:]), abs=0.15)


def test_minimization_goes_down_and_stands_still(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    run = run_engine(write_config(tmp_path, VACUUM, "minimize 100"), capsys)
    rows = run.rows()
    assert rows[-1]["POTENTIAL"] < rows[0]["POTENTIAL"] - 1
    assert all(row["TEMP"] == 0 for row in rows)
    assert not read_namdbin(tmp_path / "out.vel").values.any()


def test_thermostat_keeps_the_temperature(tmp_path: Path, capsys: Capture) -> None:
    """Rows 0.04 ps apart are independent at this damping: the mean of 40, each 22 K wide, is known to 3.5 K."""
    write_salt_water(tmp_path)
    settings = PERIODIC | THERMOSTAT | {"rigidBonds": "all", "timestep": "2", "outputEnergies": "20"}
    settings |= {"langevinDamping": "50"}
    run = run_engine(write_config(tmp_path, settings, "minimize 200", "reinitvels 300", "run 1400"), capsys, threads=2)
    assert run.status == 0, run.log
    temperatures = [row["TEMP"] for row in run.rows() if row["TS"] > 800]
    assert len(temperatures) >= 40
    assert np.mean(temperatures) == pytest.approx(300, abs=15)


def test_barostat_changes_the_volume_and_says_what_it_is(tmp_path: Path, capsys: Capture) -> None:
    write_salt_water(tmp_path)
    piston = {
        "langevinPiston": "on",
        "langevinPistonTarget": "1.01325",
        "langevinPistonPeriod": "100",
        "langevinPistonDecay": "50",
        "langevinPistonTemp": "300",
        "xstFreq": "50",
        "wrapAll": "on",
    }
    settings = PERIODIC | THERMOSTAT | piston | {"cutoff": "6", "switchdist": "5", "rigidBonds": "all", "timestep": "2"}
    run = run_engine(write_config(tmp_path, settings, "minimize 50", "reinitvels 300", "run 300"), capsys)
    assert run.status == 0, run.log
    assert "A MONTE CARLO BAROSTAT" in run.log
    volumes = [row["VOLUME"] for row in run.rows()]
    assert volumes[0] == pytest.approx(18**3, rel=1e-6)
    assert volumes[-1] != pytest.approx(18**3, rel=1e-4)
    cells = read_xst(tmp_path / "out.xst")
    assert [cell.step for cell in cells] == [0, 50, 50, 100, 150, 200, 250, 300, 350]
    assert cells[-1].volume == pytest.approx(volumes[-1], rel=1e-6)
    positions = read_namdbin(tmp_path / "out.coor").values
    assert np.abs(positions).max() < 12, "wrapped around the origin"


def test_a_restart_continues_exactly(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    whole = VACUUM | {"outputName": "whole", "rigidBonds": "all"}
    assert run_engine(write_config(tmp_path, whole, "run 40"), capsys).status == 0
    first = VACUUM | {"outputName": "first", "rigidBonds": "all", "restartfreq": "20"}
    assert run_engine(write_config(tmp_path, first, "run 20"), capsys).status == 0
    second = {k: v for k, v in VACUUM.items() if k != "temperature"} | {
        "outputName": "second",
        "rigidBonds": "all",
        "bincoordinates": "first.restart.coor",
        "binvelocities": "first.restart.vel",
        "firsttimestep": "20",
    }
    run = run_engine(write_config(tmp_path, second, "run 20"), capsys)
    assert [row["TS"] for row in run.rows()] == [20, 30, 40]
    for kind in ("coor", "vel"):
        expected, found = (read_namdbin(tmp_path / f"{name}.{kind}").values for name in ("whole", "second"))
        assert np.abs(expected - found).max() < 1e-4, kind


def test_rigid_bonds_stay_rigid(tmp_path: Path, capsys: Capture) -> None:
    system = write_salt_water(tmp_path)
    settings = PERIODIC | THERMOSTAT | {"rigidBonds": "water", "timestep": "2", "stepspercycle": "5"}
    run = run_engine(write_config(tmp_path, settings, "minimize 20", "reinitvels 300", "run 50"), capsys)
    assert "Info: 186 RIGID BONDS" in run.log
    positions = read_namdbin(tmp_path / "out.coor").values
    lengths = [np.linalg.norm(positions[a] - positions[b]) for a, b in system.bonds]
    assert np.abs(np.array(lengths) - 0.9572).max() < 1e-4


def test_fixed_atoms_do_not_move(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    lines = (tmp_path / "small.pdb").read_text().splitlines()
    fixed = [
        line[:54] + "  0.00" + line[60:] if line.startswith("ATOM") and line[13] == "H" else line for line in lines
    ]
    (tmp_path / "fix.pdb").write_text("\n".join(fixed))
    settings = VACUUM | THERMOSTAT | {"fixedAtoms": "on", "fixedAtomsFile": "fix.pdb", "fixedAtomsCol": "O"}
    run = run_engine(write_config(tmp_path, settings, "run 50"), capsys)
    assert run.status == 0, run.log
    held = np.array([float(line[54:60]) != 0 for line in fixed if line.startswith("ATOM")])
    before = np.array([[float(line[i : i + 8]) for i in (30, 38, 46)] for line in lines if line.startswith("ATOM")])
    after = read_namdbin(tmp_path / "out.coor").values
    assert np.abs(after[held] - before[held]).max() < 1e-9
    assert np.abs(after[~held] - before[~held]).max() > 1e-3
    assert f"Info: {held.sum()} FIXED ATOMS" in run.log


def test_extra_bonds_pull(tmp_path: Path, capsys: Capture) -> None:
    system = write_peptide(tmp_path)
    far = len(system.atoms) - 1
    (tmp_path / "x.exb").write_text(f"bond 0 {far} 5.0 4.0\n")
    settings = VACUUM | {"extraBonds": "on", "extraBondsFile": "x.exb"}
    run = run_engine(write_config(tmp_path, settings, "minimize 200"), capsys)
    before = system.coordinates()
    after = read_namdbin(tmp_path / "out.coor").values
    assert np.linalg.norm(before[0] - before[far]) > 5
    assert np.linalg.norm(after[0] - after[far]) == pytest.approx(4.0, abs=0.8)
    assert "Info: READ 1 EXTRA BONDS" in run.log


def test_coordinates_come_back_in_namd_s_frame(tmp_path: Path, capsys: Capture) -> None:
    system = write_salt_water(tmp_path)
    turned = PERIODIC | {"cellBasisVector1": "0 0 18", "cellBasisVector2": "0 18 18", "cellBasisVector3": "18 0 0"}
    run = run_engine(write_config(tmp_path, turned, "run 0"), capsys)
    assert run.status == 0, run.log
    assert np.abs(read_namdbin(tmp_path / "out.coor").values - np.round(system.coordinates(), 3)).max() < 1e-6
    assert np.allclose(read_xsc(tmp_path / "out.xsc").matrix, [[0, 0, 18], [0, 18, 18], [18, 0, 0]])


def test_a_molecule_cut_at_the_border_is_joined(tmp_path: Path, capsys: Capture) -> None:
    write_salt_water(tmp_path)
    whole = run_engine(write_config(tmp_path, PERIODIC, "run 0"), capsys).rows()[0]
    text = (tmp_path / "small.pdb").read_text().splitlines()
    for number, line in enumerate(text):
        if line.startswith("ATOM") and line[12:16].strip() == "H1":
            text[number] = f"{line[:30]}{float(line[30:38]) + 18:8.3f}{line[38:]}"
    (tmp_path / "small.pdb").write_text("\n".join(text))
    cut = run_engine(write_config(tmp_path, PERIODIC, "run 0"), capsys).rows()[0]
    for column in ("BOND", "ANGLE", "VDW", "ELECT"):
        assert cut[column] == pytest.approx(whole[column], rel=1e-3, abs=1e-3), column


def test_files_names_sizes_and_rotation(tmp_path: Path, capsys: Capture) -> None:
    system = write_salt_water(tmp_path)
    settings = PERIODIC | {"restartfreq": "10", "dcdfreq": "10", "xstFreq": "10", "velDCDfreq": "20"}
    config = write_config(tmp_path, settings, "run 40")
    assert run_engine(config, capsys).status == 0
    size = 4 + 24 * len(system.atoms)
    for ending in ("coor", "vel"):
        for name in (f"out.{ending}", f"out.restart.{ending}", f"out.restart.{ending}.old"):
            assert (tmp_path / name).stat().st_size == size, name
    assert read_xsc(tmp_path / "out.restart.xsc").step == 40
    assert read_xsc(tmp_path / "out.restart.xsc.old").step == 30
    with DcdReader(tmp_path / "out.dcd") as trajectory:
        header = trajectory.header
        assert (header.frames, header.first_step, header.step_interval, header.header_bytes) == (4, 10, 10, 276)
        assert header.has_cell
        assert header.timestep_fs == pytest.approx(1.0, rel=1e-5)
        last = trajectory.frame(-1)
        assert np.abs(last.coordinates - read_namdbin(tmp_path / "out.coor").values).max() < 1e-4
        assert last.cell is not None
        assert last.cell.a == pytest.approx(18)
    with DcdReader(tmp_path / "out.veldcd") as velocities:
        assert velocities.header.frames == 2
        assert not velocities.header.has_cell
    assert not list(tmp_path.glob("*.BAK"))
    assert run_engine(config, capsys).status == 0
    assert {path.name for path in tmp_path.glob("*.BAK")} == {
        f"out.{ending}.BAK" for ending in ("coor", "vel", "xsc", "dcd", "xst", "veldcd")
    }


def test_order_of_writing_is_namd_s(tmp_path: Path, capsys: Capture) -> None:
    write_salt_water(tmp_path)
    settings = PERIODIC | {"restartfreq": "10", "dcdfreq": "10", "xstFreq": "10"}
    run = run_engine(write_config(tmp_path, settings, "run 10"), capsys)
    shown = run.lines("WRITING", "FINISHED", "OPENING", "CLOSING", "ENERGY", "TCL: Running")
    assert [re.sub(r"(ENERGY:\s+\d+).*", r"\1", line) for line in shown] == [
        "TCL: Running for 10 steps",
        "ENERGY:       0",
        "OPENING EXTENDED SYSTEM TRAJECTORY FILE",
        "ENERGY:      10",
        "WRITING EXTENDED SYSTEM TO RESTART FILE AT STEP 10",
        "OPENING COORDINATE DCD FILE",
        "WRITING COORDINATES TO DCD FILE out.dcd AT STEP 10",
        "WRITING COORDINATES TO RESTART FILE AT STEP 10",
        "FINISHED WRITING RESTART COORDINATES",
        "WRITING VELOCITIES TO RESTART FILE AT STEP 10",
        "FINISHED WRITING RESTART VELOCITIES",
        "WRITING EXTENDED SYSTEM TO OUTPUT FILE AT STEP 10",
        "CLOSING EXTENDED SYSTEM TRAJECTORY FILE",
        "WRITING COORDINATES TO OUTPUT FILE AT STEP 10",
        "CLOSING COORDINATE DCD FILE out.dcd",
        "WRITING VELOCITIES TO OUTPUT FILE AT STEP 10",
    ]


def test_the_log_reads_as_namd_s(tmp_path: Path, capsys: Capture) -> None:
    system = write_salt_water(tmp_path)
    settings = PERIODIC | THERMOSTAT | {"restartfreq": "20", "outputTiming": "20"}
    run = run_engine(write_config(tmp_path, settings, "minimize 20", "reinitvels 300", "run 40"), capsys)
    assert run.log.startswith(f"Info: {NOTICE}\n")
    (tmp_path / "log").write_text(run.log)
    summary = read_log(tmp_path / "log")
    assert summary.run.atoms == len(system.atoms)
    assert (summary.first_step, summary.last_step, summary.bad_rows) == (0, 60, 0)
    assert [(stage.kind, stage.steps) for stage in summary.run.stages] == [("minimize", 20), ("run", 40)]
    assert summary.run.ended
    assert summary.run.wall_clock_s is not None
    assert summary.run.timing is not None
    assert summary.run.fatal is None
    assert [restart.step for restart in summary.run.restarts][-1] == 60


def test_text_output(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    settings = VACUUM | {"binaryOutput": "no", "COMmotion": "yes"}
    assert run_engine(write_config(tmp_path, settings, "run 10"), capsys).status == 0
    again = {k: v for k, v in VACUUM.items() if k != "temperature"}
    again |= {"coordinates": "out.coor", "velocities": "out.vel", "outputName": "again", "COMmotion": "yes"}
    config = write_config(tmp_path, again, "run 0")
    rows = run_engine(config, capsys).rows()
    assert rows[0]["TEMP"] == pytest.approx(300, abs=170)
    assert rows[0]["TEMP"] > 0

"""What the engine cannot find or do ends in NAMD's words and status 1; nothing is ignored in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.demo.engine_runs import PERIODIC, THERMOSTAT, VACUUM, run_engine, write_config, write_peptide

from namdrunner.demo.engine.main import main, parse
from namdrunner.demo.engine.support import Support, listed_keywords, support
from namdrunner.namd.keywords import all_keywords, keyword
from namdrunner.namd.namdbin import write_namdbin

Capture = pytest.CaptureFixture[str]

BLOCK = "ERROR(S) IN THE CONFIGURATION FILE"
CASES = {
    "structure": ({"structure": "no.psf"}, "UNABLE TO OPEN .psf FILE no.psf"),
    "coordinates": (
        {"coordinates": "no.pdb"},
        "Cannot open file 'no.pdb' for input in PDB::PDB.: No such file or directory",
    ),
    "parameters": ({"parameters": "no.prm"}, "UNABLE TO OPEN CHARMM PARAMETER FILE no.prm"),
    "bincoordinates": ({"bincoordinates": "no.coor"}, "Unable to open binary file no.coor"),
    "short-bincoordinates": ({"bincoordinates": "few.coor"}, "Incorrect atom count in binary file few.coor"),
    "cell": ({"extendedSystem": "no.xsc"}, "Unable to open extended system file."),
    "pme-without-cell": ({"PME": "on", "PMEGridSpacing": "1"}, "PME requires periodic boundary conditions."),
    "exclude": ({"exclude": "scaled-14"}, "Illegal value 'scaled-14' for 'exclude' in configuration file"),
    "switch": ({"switchdist": "13"}, "switchDist muct be between 0 and cutoff, which is 12.000000"),
    "pairlist": ({"pairlistdist": "11"}, "pairlistDist must be >= cutoff"),
    "velocities-twice": (
        {"binvelocities": "few.coor"},
        "Cannot specify both an initial temperature and a velocity file",
    ),
    "first-step": ({"firsttimestep": "7"}, "First timestep must be a multiple of stepsPerCycle!!"),
    "extra-bonds-none": ({"extraBonds": "on"}, "NO EXTRA BONDS FILES SPECIFIED"),
    "extra-bonds-missing": (
        {"extraBonds": "on", "extraBondsFile": "no.exb"},
        "UNABLE TO OPEN EXTRA BONDS FILE no.exb: No such file or directory",
    ),
    "extra-bonds-index": (
        {"extraBonds": "on", "extraBondsFile": "bad.exb"},
        "BAD ATOM ID IN EXTRA BONDS FILE bad.exb: bond 0 99 1.0 2.0",
    ),
    "extra-bonds-real": (
        {"extraBonds": "on", "extraBondsFile": "real.exb"},
        "Duplicate bond from atom 1 to atom 2",
    ),
    "typo": ({"outputEnergy": "10"}, "ERROR: configuration file but are NOT VALID\nERROR:    outputEnergy\n"),
    "number": ({"cutoff": "wide"}, "ERROR: Expecting value and optional units for option 'cutoff'"),
    "negative": ({"cutoff": "-1"}, "ERROR: 'cutoff' was set to -1 but it should be positive"),
    "boolean": ({"switching": "maybe"}, "ERROR: ParseOptions can't understand 'maybe' for the"),
    "child": ({"langevin": "on"}, "ERROR: 'langevinTemp' is a required configuration option\nERROR:   when"),
    "both-spellings": ({"1-4scaling": "1", "oneFourScaling": "1"}, "cannot be used together"),
    "folder": ({"outputName": "nowhere/out"}, "Unable to open text file nowhere/out.xsc: No such file"),
    "dcd-folder": (
        {"dcdfile": "no/t.dcd", "dcdfreq": "10"},
        "Couldn't open DCD file no/t.dcd: No such file or directory",
    ),
}
UNSUPPORTED = {
    "colvars": {"colvars": "on", "colvarsConfig": "c.in"},
    "GBIS": {"GBIS": "on"},
    "alch": {"alch": "on", "alchType": "fep", "alchFile": "f.pdb"},
    "tclForces": {"tclForces": "on", "tclForcesScript": "f.tcl"},
    "SMD": {"SMD": "on"},
    "IMDon": {"IMDon": "on", "IMDport": "3000", "IMDfreq": "10"},
    "maximumMove": {"maximumMove": "0.1"},
    "stochRescale": {"stochRescale": "on", "stochRescaleTemp": "300", "stochRescalePeriod": "1"},
    "nonbondedScaling": {"nonbondedScaling": "0.5"},
    "langevinFile": THERMOSTAT | {"langevinFile": "x.pdb"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    system = write_peptide(tmp_path)
    write_namdbin(tmp_path / "few.coor", system.coordinates()[:-1])
    (tmp_path / "bad.exb").write_text("bond 0 99 1.0 2.0\n")
    (tmp_path / "real.exb").write_text("bond 0 1 1.0 2.0\n")
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_namd_s_words(folder: Path, capsys: Capture, case: str) -> None:
    settings, text = CASES[case]
    run = run_engine(write_config(folder, VACUUM | settings, "run 10"), capsys)
    assert run.status == 1
    assert text in run.log
    assert run.lines("FATAL ERROR: ")
    assert run.log.rstrip().endswith("End of program")


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_is_fatal(folder: Path, capsys: Capture, name: str) -> None:
    run = run_engine(write_config(folder, VACUUM | UNSUPPORTED[name], "run 10"), capsys)
    assert run.status == 1
    assert "not supported by the OpenMM demo engine" in run.lines("FATAL ERROR: ")[0]
    assert f"FATAL ERROR: {name} ".lower() in run.log.lower()


def test_switched_off_features_do_no_harm(folder: Path, capsys: Capture) -> None:
    off = {"colvars": "off", "GBIS": "no", "alch": "off", "SMD": "off", "nonbondedScaling": "1.0", "margin": "2"}
    assert run_engine(write_config(folder, VACUUM | off, "run 0"), capsys).status == 0


def test_a_child_without_its_parent_is_named_and_ignored(folder: Path, capsys: Capture) -> None:
    run = run_engine(write_config(folder, VACUUM | {"PMEGridSpacing": "1.0"}, "run 0"), capsys)
    assert run.status == 0
    assert "Warning:    PMEGridSpacing (PME)" in run.log


def test_a_repeated_keyword(folder: Path, capsys: Capture) -> None:
    run = run_engine(write_config(folder, VACUUM, "cutoff 11", "run 0"), capsys)
    assert run.status == 1
    assert "ERROR: Multiple definitions of 'cutoff'\nERROR:   in the configuration file are not allowed" in run.log


def test_missing_parameters_are_named(folder: Path, capsys: Capture) -> None:
    text = (folder / "small.prm").read_text()
    for word, line, expected in (
        ("bond", "CT3   CT1 ", "UNABLE TO FIND BOND PARAMETERS FOR CT1 CT3 (ATOMS 9 11)"),
        ("angle", "NH1   CT1   HB1 ", "UNABLE TO FIND ANGLE PARAMETERS FOR NH1 CT1 HB1"),
        ("vdw", "HB1   0.0 ", "DIDN'T FIND vdW PARAMETER FOR ATOM TYPE HB1"),
    ):
        rows = [row for row in text.splitlines() if not row.startswith(line)]
        assert len(rows) < len(text.splitlines()), word
        (folder / "small.prm").write_text("\n".join(rows) + "\n")
        run = run_engine(write_config(folder, VACUUM, "run 0"), capsys)
        assert expected in run.log, word


def test_atom_counts_must_match(folder: Path, capsys: Capture) -> None:
    lines = (folder / "small.pdb").read_text().splitlines()
    (folder / "small.pdb").write_text("\n".join([*lines[:-2], "END"]))
    run = run_engine(write_config(folder, VACUUM, "run 0"), capsys)
    assert "FATAL ERROR: Number of pdb and psf atoms are not the same!" in run.log


def test_steps_must_be_whole_cycles(folder: Path, capsys: Capture) -> None:
    run = run_engine(write_config(folder, VACUUM, "run 25"), capsys)
    assert run.status == 1
    assert 'FATAL ERROR: number of steps must be a multiple of stepsPerCycle\n    while executing\n"run 25"' in run.log


def test_an_explosion_is_noticed(folder: Path, capsys: Capture) -> None:
    lines = (folder / "small.pdb").read_text().splitlines()
    collapsed = [f"{line[:30]}{'0.000':>8}{line[38:]}" if line.startswith("ATOM") else line for line in lines]
    (folder / "small.pdb").write_text("\n".join(collapsed))
    run = run_engine(write_config(folder, VACUUM | {"timestep": "4"}, "run 500"), capsys)
    assert run.status == 1
    assert any("Atoms moving too fast; simulation has become unstable" in line for line in run.lines("ERROR: "))
    assert "FATAL ERROR: Exiting prematurely; see error messages above." in run.log


def test_a_cell_too_small_for_the_cutoff(folder: Path, capsys: Capture) -> None:
    run = run_engine(write_config(folder, PERIODIC | {"cutoff": "10", "pairlistdist": "12"}, "run 0"), capsys)
    assert run.status == 1
    assert "A cutoff of 10 A in a periodic cell only 18 A wide" in run.log


def test_a_config_that_is_not_there(tmp_path: Path, capsys: Capture) -> None:
    assert main([str(tmp_path / "no.namd"), "+p1"]) == 1
    assert "FATAL ERROR: Unable to access config file" in capsys.readouterr().out
    assert main(["+p1"]) == 1
    assert "FATAL ERROR: No simulation config file specified" in capsys.readouterr().out


def test_an_empty_config_names_what_is_missing(tmp_path: Path, capsys: Capture) -> None:
    run = run_engine(write_config(tmp_path, {}), capsys)
    assert run.status == 1
    assert "ERROR: 'cutoff' is a required configuration option" in run.log
    assert f"FATAL ERROR: {BLOCK}" in run.log


def test_arguments_as_namd_takes_them() -> None:
    given = parse(["+p", "4", "+setcpuaffinity", "+devices", "0,1", "--outputname", "x", "a.namd"])
    assert (given.threads, given.configs, given.keywords) == (4, ["a.namd"], {"outputname": "x"})
    assert parse(["+p2", "a.namd"]).threads == 2
    assert not parse(["a.namd"]).threads_given


def test_every_keyword_of_the_table_exists() -> None:
    assert [name for name in listed_keywords() if keyword(name) is None] == []


def test_every_keyword_of_namd_is_decided_on() -> None:
    decided = {choice: [k.name for k in all_keywords() if support(k.name) is choice] for choice in Support}
    assert all(len(names) > 90 for names in decided.values())
    for name in ("colvars", "alch", "GBIS", "drude", "tclForces", "IMDon", "GPUresident", "amber", "gromacs"):
        assert support(name) is Support.UNSUPPORTED

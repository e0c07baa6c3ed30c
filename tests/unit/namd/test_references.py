"""The files of a config: exactly those that NAMD opens, and the names that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from namdrunner.namd.config import evaluate_config, evaluate_text
from namdrunner.namd.references import FileReference, output_paths, referenced_files


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "system" / "namd"
    folder.mkdir(parents=True)
    return folder


def found(text: str, folder: Path) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for reference in referenced_files(evaluate_text(text, base=folder)):
        result.setdefault(reference.keyword, []).append(reference.written)
    return result


@pytest.mark.shared_data
def test_the_files_found_are_those_that_namd_opened(shared_data: Path) -> None:
    cases = json.loads((shared_data / "namd_cases" / "cases.json").read_text())["cases"]
    valid = [case for case in cases if case["verdict"]["2.12"] in ("ok", "ok_with_warning")]
    assert len(valid) > 40
    for case in valid:
        path = shared_data / "namd_cases" / case["directory"] / case["config"]
        references = referenced_files(evaluate_config(path))
        opened = {(path.parent / name).resolve() for name in case["expected_files"]["inputs"]}
        assert {r.path.resolve() for r in references} | {path.resolve()} == opened, case["id"]
        assert all(r.exists for r in references), case["id"]


@pytest.mark.shared_data
def test_every_output_of_a_run_was_foreseen(shared_data: Path) -> None:
    cases = json.loads((shared_data / "namd_cases" / "cases.json").read_text())["cases"]
    for case in cases:
        if case["label"] != "ok":
            continue
        path = shared_data / "namd_cases" / case["directory"] / case["config"]
        config = evaluate_config(path)
        foreseen = {file for output in output_paths(config) for file in output.files}
        written = {
            config.folder / name
            for name in case["expected_files"]["outputs"]
            if not name.endswith((".old", ".BAK")) and not name.startswith("FFTW")
        }
        assert written <= foreseen, case["id"]


def test_files_of_a_feature_that_is_off_are_not_read(job: Path) -> None:
    text = "constraints off\nconsref ref.pdb\nfixedAtomsFile f.pdb\n"
    text += "extraBonds on\nextraBondsFile a.exb\nextraBondsFile b.exb\n"
    assert found(text, job) == {"extraBondsFile": ["a.exb", "b.exb"]}


def test_a_feature_switched_on_counts_whatever_the_order(job: Path) -> None:
    assert found("langevinFile l.pdb\nlangevin yes\n", job) == {"langevinFile": ["l.pdb"]}


def test_langevin_wins_over_temperature_coupling(job: Path) -> None:
    assert found("tCouple on\ntCoupleFile x.pdb\n", job) == {"tCoupleFile": ["x.pdb"]}
    assert found("langevin on\ntCouple on\ntCoupleFile x.pdb\n", job) == {}


def test_relative_names_follow_cwd(job: Path) -> None:
    config = evaluate_text("cwd ../input\nstructure a.psf\ncoordinates /abs/b.pdb\n", base=job)
    assert [reference.path for reference in referenced_files(config)] == [
        job.parent / "input" / "a.psf",
        Path("/abs/b.pdb"),
    ]


def test_colvars_configs_are_followed(job: Path) -> None:
    (job / "c.in").write_text(
        "indexFile groups.ndx\ncolvar {\n name d\n rmsd {\n  atoms { indexGroup a }\n"
        '  refPositionsFile "ref.xyz" # reference\n }\n}\n'
    )
    (job / "old.colvars.state").write_text("state")
    text = "colvars on\ncolvarsConfig c.in\ncolvarsInput old\n"
    assert found(text, job) == {
        "colvarsConfig": ["c.in"],
        "indexFile": ["groups.ndx"],
        "refPositionsFile": ["ref.xyz"],
        "colvarsInput": ["old"],
    }
    state = next(r for r in referenced_files(evaluate_text(text, base=job)) if r.keyword == "colvarsInput")
    assert state.path == job / "old.colvars.state"
    assert state.exists


def test_a_force_script_is_a_file_or_the_script_itself(job: Path) -> None:
    (job / "f.tcl").write_text("source more.tcl\n")
    assert found("tclForces on\ntclForcesScript f.tcl\n", job) == {"tclForcesScript": ["f.tcl"], "source": ["more.tcl"]}
    assert found("tclForces on\ntclForcesScript {\n addatom 1\n source inline.tcl\n}\n", job) == {
        "source": ["inline.tcl"]
    }


def test_amber_and_gromacs_files(job: Path) -> None:
    assert found("amber on\nparmfile a.prmtop\nambercoor a.inpcrd\n", job) == {
        "parmfile": ["a.prmtop"],
        "ambercoor": ["a.inpcrd"],
    }
    assert found("gromacs on\ngrotopfile a.top\ngrocoorfile a.gro\n", job) == {
        "grotopfile": ["a.top"],
        "grocoorfile": ["a.gro"],
    }


def test_files_read_by_the_script_itself_are_listed(job: Path) -> None:
    (job / "setup.tcl").write_text("set a 1\n")
    (job / "cell.xsc").write_text("x\n")
    text = "source setup.tcl\nset f [open cell.xsc r]\nclose $f\ncoorfile open dcd old.dcd\n"
    assert found(text, job) == {"source": ["setup.tcl"], "open": ["cell.xsc"], "coorfile": ["old.dcd"]}


def test_what_exists_is_told_from_what_does_not(job: Path) -> None:
    (job / "a.psf").write_text("PSF\n")
    references = referenced_files(evaluate_text("structure a.psf\ncoordinates b.pdb\n", base=job))
    assert [(r.role, r.exists, r.line) for r in references] == [("structure", True, 1), ("coordinates", False, 2)]
    assert all(isinstance(r, FileReference) for r in references)


def test_output_names_have_namds_defaults(job: Path) -> None:
    config = evaluate_text(
        "outputname out/a\nrestartfreq 100\ndcdfreq 10\nxstfreq 10\nDCDfile traj/a.dcd\nrun 20\noutputname b\nrun 20\n",
        base=job,
    )
    written = {(o.keyword, str(file.relative_to(job))) for o in output_paths(config) for file in o.files}
    assert ("outputname", "out/a.coor") in written
    assert ("outputname", "b.vel") in written
    assert ("restartname", "out/a.restart.xsc") in written
    assert ("dcdfile", "traj/a.dcd") in written
    assert ("xstfile", "out/a.xst") in written
    assert not any(keyword == "veldcdfile" for keyword, _ in written)

"""Rules about the files of a config: present, whole, of one system, and sensible as a start."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.unit.namd.water import (
    BOX,
    NATOM,
    PARAMETERS,
    PISTON,
    config_text,
    pdb_text,
    positions,
    psf_text,
    xsc_text,
)

from namdrunner.errors import InputError
from namdrunner.namd.charmm_reader import read_parameters
from namdrunner.namd.check import CheckReport, Finding, apply_fixes, check_config, cleaned_copies
from namdrunner.namd.check.box import Box, read_box
from namdrunner.namd.check.contacts import close_pairs
from namdrunner.namd.check.electrostatics import grid_size
from namdrunner.namd.check.streams import cleaned_stream
from namdrunner.namd.namdbin import write_namdbin

pytestmark = pytest.mark.usefixtures("quick_tcl")

RESTART = {
    "temperature": None,
    "cellBasisVector1": None,
    "cellBasisVector2": None,
    "cellBasisVector3": None,
    "cellOrigin": None,
    "bincoordinates": "r.coor",
    "binvelocities": "r.vel",
    "extendedSystem": "r.xsc",
}


def checked(folder: Path, text: str, **options: object) -> CheckReport:
    (folder / "run.namd").write_text(text)
    return check_config(folder / "run.namd", **options)  # type: ignore[arg-type]


def found(report: CheckReport, code: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == code]


def codes(report: CheckReport) -> set[tuple[str, str]]:
    return {(str(finding.severity), finding.code) for finding in report.findings}


@pytest.fixture
def restart_job(water_job: Path) -> Path:
    """The water box with a whole restart set of step 1000."""
    rng = np.random.default_rng(5)
    write_namdbin(water_job / "r.coor", positions())
    write_namdbin(water_job / "r.vel", rng.normal(0, 0.2, (NATOM, 3)))
    (water_job / "r.xsc").write_text(xsc_text(step=1000))
    return water_job


class TestPresence:
    @pytest.mark.parametrize(
        ("name", "more"),
        [
            ("structure", ""),
            ("coordinates", ""),
            ("parameters", ""),
            ("extendedSystem", "extendedSystem none.xsc"),
            ("bincoordinates", "bincoordinates none.coor"),
            ("extraBondsFile", "extraBonds on\nextraBondsFile none.exb"),
            ("colvarsConfig", "colvars on\ncolvarsConfig none.in"),
            ("tclForcesScript", "tclForces on\ntclForcesScript none.tcl"),
            ("consref", "constraints on\nconsref none.pdb\nconskfile w.pdb\nconskcol B"),
            ("fixedAtomsFile", "fixedAtoms on\nfixedAtomsFile none.pdb"),
        ],
    )
    def test_a_missing_file_is_named(self, name: str, more: str, water_job: Path) -> None:
        report = checked(water_job, config_text({} if more else {name: "none.x"}, more=more))
        assert [f.keyword for f in found(report, "file-missing")] == [name]
        assert not report.ok

    def test_a_name_that_differs_in_capitals_is_proposed(self, water_job: Path) -> None:
        report = checked(water_job, config_text({"structure": "W.PSF"}))
        assert "w.psf" in found(report, "file-missing")[0].remedy

    def test_empty_amber_files(self, water_job: Path) -> None:
        for name in ("a.prmtop", "a.rst7"):
            (water_job / name).write_bytes(b"")
        text = "amber on\nparmfile a.prmtop\nambercoor a.rst7\nexclude scaled1-4\ncutoff 9\nswitching off\n"
        report = checked(water_job, text + "outputname o\ntemperature 300\nrun 20\n")
        assert [f.keyword for f in found(report, "file-empty")] == ["parmfile", "ambercoor"]

    def test_a_folder_is_no_file(self, water_job: Path) -> None:
        (water_job / "folder").mkdir()
        assert "folder" in found(checked(water_job, config_text({"structure": "folder"})), "file-missing")[0].message

    def test_output_folders_must_exist_unless_they_are_made(self, water_job: Path) -> None:
        text = config_text({"outputName": "out/a"})
        assert found(checked(water_job, text), "output-folder-missing")
        assert checked(water_job, text, makes_folders=True).ok
        assert checked(water_job, config_text({"outputName": "out/a"}, more="file mkdir out")).ok

    def test_outputs_over_inputs_and_earlier_runs(self, restart_job: Path) -> None:
        report = checked(restart_job, config_text({**RESTART, "outputName": "r"}))
        assert found(report, "output-overwrites-input")
        (restart_job / "out.dcd").write_text("old")
        assert found(checked(restart_job, config_text()), "output-exists")


class TestStructure:
    def test_counts_must_agree(self, water_job: Path) -> None:
        lines = pdb_text().splitlines()
        (water_job / "short.pdb").write_text("\n".join(lines[1:]) + "\n")
        report = checked(water_job, config_text({"coordinates": "short.pdb"}))
        assert found(report, "atom-count")[0].keyword == "coordinates"

    def test_two_models_are_recognised(self, water_job: Path) -> None:
        (water_job / "two.pdb").write_text(pdb_text() + pdb_text())
        assert "one model" in found(checked(water_job, config_text({"coordinates": "two.pdb"})), "atom-count")[0].remedy

    @pytest.mark.parametrize("size", [0, 40, 3000, 20_000, 50_000])
    def test_a_cut_structure_is_an_error(self, size: int, water_job: Path) -> None:
        (water_job / "cut.psf").write_text(psf_text()[:size])
        report = checked(water_job, config_text({"structure": "cut.psf"}))
        assert not report.ok
        assert any(f.keyword == "structure" for f in report.errors)

    def test_files_of_the_wrong_kind(self, water_job: Path) -> None:
        assert not checked(water_job, config_text({"structure": "w.pdb"})).ok
        assert not checked(water_job, config_text({"coordinates": "w.psf"})).ok
        assert not checked(water_job, config_text({"parameters": "w.psf"})).ok

    def test_a_massless_atom_is_noticed(self, water_job: Path) -> None:
        (water_job / "m.psf").write_text(psf_text(mass_of_first=0.0))
        assert found(checked(water_job, config_text({"structure": "m.psf"})), "massless-atom")

    def test_another_order_of_atoms_is_noticed(self, water_job: Path) -> None:
        lines = pdb_text().splitlines()
        (water_job / "o.pdb").write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n")
        assert ("warning", "atom-order") in codes(checked(water_job, config_text({"coordinates": "o.pdb"})))

    def test_torn_bonds_and_overlaps(self, water_job: Path) -> None:
        torn = positions()
        torn[1] += 30
        (water_job / "t.pdb").write_text(pdb_text(torn))
        vacuum = {f"cellBasisVector{i}": None for i in (1, 2, 3)} | {"cellOrigin": None, "PME": "no"}
        assert found(checked(water_job, config_text({"coordinates": "t.pdb", **vacuum})), "bonds-torn")
        close = positions()
        close[3:6] = close[0:3] + 0.2
        (water_job / "c.pdb").write_text(pdb_text(close))
        assert found(checked(water_job, config_text({"coordinates": "c.pdb"})), "atoms-overlap")

    def test_not_a_number(self, water_job: Path) -> None:
        (water_job / "n.pdb").write_text(pdb_text().replace(pdb_text().splitlines()[3][30:38], "     nan", 1))
        assert not checked(water_job, config_text({"coordinates": "n.pdb"})).ok


class TestForceField:
    def test_missing_terms_are_listed(self, water_job: Path) -> None:
        (water_job / "no.prm").write_text(PARAMETERS.replace("HT OT HT 55.0 104.52\n", ""))
        finding = found(checked(water_job, config_text({"parameters": "no.prm"})), "parameters-missing")[0]
        assert "HT OT HT" in finding.message
        assert finding.keyword == "parameters"

    def test_a_type_without_van_der_waals_parameters(self, water_job: Path) -> None:
        (water_job / "no.prm").write_text(PARAMETERS.replace("HT 0.0 -0.0460 0.2245\n", ""))
        finding = found(checked(water_job, config_text({"parameters": "no.prm"})), "parameters-missing")[0]
        assert "van der Waals" in finding.message
        assert "toppar_water_ions" in finding.remedy

    def test_script_lines_of_a_stream_are_refused(self, water_job: Path) -> None:
        (water_job / "s.str").write_text("* stream\nset nat ?NATC\n" + PARAMETERS)
        report = checked(water_job, config_text({"parameters": "s.str"}))
        assert any(f.keyword == "parameters" and f.line == 2 for f in report.errors)

    def test_charmm_files_need_their_switch(self, water_job: Path) -> None:
        report = checked(water_job, config_text({"paraTypeCharmm": None}))
        finding = found(report, "parameters-style")[0]
        assert finding.fix is not None
        assert finding.fix.keyword == "paraTypeCharmm"


class TestRestart:
    def test_a_whole_set_is_sound(self, restart_job: Path) -> None:
        report = checked(restart_job, config_text({**RESTART, "firsttimestep": "1000"}))
        assert codes(report) == set()

    def test_counting_from_zero_again_is_noticed(self, restart_job: Path) -> None:
        finding = found(checked(restart_job, config_text(RESTART)), "step-count-restarts")[0]
        assert finding.fix is not None
        assert finding.fix.value == "1000"

    @pytest.mark.parametrize("name", ["r.coor", "r.vel"])
    @pytest.mark.parametrize(
        ("damage", "code"),
        [
            (lambda data: data[:2000], "binary-truncated"),
            (lambda data: b"", "binary-atom-count"),
            (lambda data: struct.pack("<i", NATOM + 1) + data[4:], "binary-atom-count"),
            (lambda data: pdb_text().encode(), "binary-atom-count"),
            (lambda data: data[:4] + struct.pack("<d", float("nan")) + data[12:], "not-finite"),
        ],
    )
    def test_damaged_binaries(self, name: str, damage: object, code: str, restart_job: Path) -> None:
        path = restart_job / name
        path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
        report = checked(restart_job, config_text(RESTART))
        keyword = {"r.coor": "bincoordinates", "r.vel": "binvelocities"}[name]
        assert [f.keyword for f in found(report, code)] == [keyword]
        assert not report.ok

    def test_bytes_of_the_other_order_are_converted_by_namd(self, restart_job: Path) -> None:
        values = np.frombuffer((restart_job / "r.coor").read_bytes()[4:], "<f8")
        (restart_job / "r.coor").write_bytes(struct.pack(">i", NATOM) + values.astype(">f8").tobytes())
        assert codes(checked(restart_job, config_text({**RESTART, "firsttimestep": "1000"}))) == {
            ("advice", "byte-swapped")
        }
        (restart_job / "r.coor").write_bytes(struct.pack("<i", NATOM) + values.astype(">f8").tobytes())
        assert found(checked(restart_job, config_text(RESTART)), "not-sensible")

    def test_coordinates_and_velocities_exchanged(self, restart_job: Path) -> None:
        report = checked(restart_job, config_text({**RESTART, "bincoordinates": "r.vel", "binvelocities": "r.coor"}))
        assert found(report, "coordinates-collapsed")
        assert found(report, "hot-velocities")

    def test_temperature_beside_velocities_is_refused_and_removed(self, restart_job: Path) -> None:
        finding = found(
            checked(restart_job, config_text({**RESTART, "temperature": "300"})), "temperature-and-velocities"
        )[0]
        assert finding.fix is not None
        assert finding.fix.action == "remove"

    def test_a_forgotten_cell_is_noticed(self, restart_job: Path) -> None:
        report = checked(restart_job, config_text({**RESTART, "extendedSystem": None, "PME": "no"}))
        assert found(report, "cell-forgotten")[0].keyword == "extendedSystem"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "# no labels\n1 2 3\n",
            xsc_text().rsplit(" ", 5)[0],
            xsc_text().splitlines()[1] + "\n",
            "#$LABELS step a_x\n0 x\n",
        ],
    )
    def test_broken_cells(self, text: str, restart_job: Path) -> None:
        (restart_job / "r.xsc").write_text(text)
        report = checked(restart_job, config_text(RESTART))
        assert found(report, "extended-system-invalid")[0].keyword == "extendedSystem"


class TestCell:
    def test_half_the_edge_is_an_error_and_a_bit_too_small_a_warning(self, water_job: Path) -> None:
        def cell(edge: float) -> CheckReport:
            vectors = {
                f"cellBasisVector{i + 1}": " ".join(str(edge if i == j else 0) for j in range(3)) for i in range(3)
            }
            return checked(water_job, config_text(vectors))

        assert ("error", "density") in codes(cell(BOX / 2))
        assert ("warning", "density") in codes(cell(0.85 * BOX))
        assert ("warning", "density") in codes(cell(2 * BOX))
        assert ("error", "pme-grid") in codes(cell(BOX / 10))

    def test_odd_cells(self, water_job: Path) -> None:
        assert found(checked(water_job, config_text({"cellBasisVector3": f"0 {BOX} 0"})), "cell-flat")
        assert found(checked(water_job, config_text({"cellBasisVector1": f"-{BOX} 0 0"})), "cell-left-handed")
        assert found(checked(water_job, config_text({"cellOrigin": "9 9 9"})), "cell-off-centre")
        assert found(checked(water_job, config_text({"cellBasisVector2": None, "PME": "no"})), "cell-incomplete")
        assert found(checked(water_job, config_text({"cutoff": "12", "pairlistdist": "14"})), "cell-small")

    def test_pressure_control_without_a_cell(self, water_job: Path) -> None:
        changes = {**PISTON, "PME": "no", "cellOrigin": None} | {f"cellBasisVector{i}": None for i in (1, 2, 3)}
        report = checked(water_job, config_text(changes))
        assert found(report, "pressure-without-cell")
        assert report.summary.ensemble == "NVT"
        assert report.summary.cell is None

    def test_the_grid_is_the_one_namd_chooses(self) -> None:
        # The smallest even product of small primes with enough twos for its fives, sevens and elevens.
        assert [grid_size(n) for n in (28, 63, 43, 45, 3)] == [28, 64, 44, 48, 4]

    def test_the_first_line_of_an_xsc_counts(self, tmp_path: Path) -> None:
        (tmp_path / "a.xsc").write_text(xsc_text(step=5) + "9 1 0 0 0 1 0 0 0 1 0 0 0\n")
        box = read_box(tmp_path / "a.xsc")
        assert (box.step, box.lengths[0]) == (5, pytest.approx(BOX, abs=1e-3))


class TestRestraints:
    def test_files_with_another_number_of_atoms(self, water_job: Path) -> None:
        (water_job / "few.pdb").write_text(pdb_text(positions()[:30]))
        text = config_text(more="constraints on\nconsref few.pdb\nconskfile w.pdb\nconskcol B")
        assert found(checked(water_job, text), "atom-count")[0].keyword == "consref"

    def test_columns_that_mark_nothing_or_everything(self, water_job: Path) -> None:
        assert found(
            checked(water_job, config_text(more="fixedAtoms on\nfixedAtomsFile w.pdb\nfixedAtomsCol B")), "column-empty"
        )
        (water_job / "all.pdb").write_text(pdb_text(marked=range(NATOM), column="O"))
        report = checked(water_job, config_text({"coordinates": "all.pdb"}, more="fixedAtoms on"))
        assert found(report, "all-atoms-fixed")[0].keyword == "fixedAtomsFile"
        smd = "SMD on\nSMDFile w.pdb\nSMDk 1\nSMDVel 0\nSMDDir 0 0 1\nSMDOutputFreq 10"
        assert ("error", "column-empty") in codes(checked(water_job, config_text(more=smd)))

    def test_a_reference_far_away_is_noticed(self, water_job: Path) -> None:
        (water_job / "far.pdb").write_text(pdb_text(positions() + 40, marked=[0, 3]))
        text = config_text(more="constraints on\nconsref far.pdb\nconskfile far.pdb\nconskcol B")
        assert found(checked(water_job, text), "restraint-strained")[0].keyword == "consref"


class TestExtraBonds:
    def exb(self, folder: Path, *texts: str, **options: object) -> CheckReport:
        lines = ["extraBonds on"]
        for number, text in enumerate(texts):
            (folder / f"{number}.exb").write_text(text)
            lines.append(f"extraBondsFile {number}.exb")
        return checked(folder, config_text(more="\n".join(lines)), **options)

    @pytest.mark.parametrize(
        "text",
        ["bond 0 3 0.1 3.1\n", "bonds 0 3 0.1 3.1\n", "# c\n\nbond 0 3 0.1 3.1\r\n", "dihedral 0 3 6 9 1 2 180\n"],
    )
    def test_sound_files(self, text: str, water_job: Path) -> None:
        assert self.exb(water_job, text).findings == ()

    @pytest.mark.parametrize(
        "text",
        [
            "bond 0 3\n",
            "bond 0 3 0.1 3.1 # comment\n",
            "bond 1.5 3 0.1 3.1\n",
            "bond -1 3 0.1 3.1\n",
            f"bond 0 {NATOM} 0.1 3.1\n",
            "restrain 0 3 0.1 3.1\n",
            "bond 3 3 0.1 3.1\n",
            "bond 0 1 0.1 0.96\n",
            "bond 0 3 0.1 3.1\nbond 3 0 0.1 3.1\n",
        ],
    )
    def test_what_namd_refuses(self, text: str, water_job: Path) -> None:
        report = self.exb(water_job, text)
        assert [f.keyword for f in report.errors] == ["extraBondsFile"]

    def test_two_files_must_not_repeat_a_bond(self, water_job: Path) -> None:
        assert found(self.exb(water_job, "bond 0 3 0.1 3\n", "bond 3 0 0.1 3\n"), "duplicate-bond")

    def test_walls_need_version_3(self, water_job: Path) -> None:
        assert self.exb(water_job, "wall 0 3 1 2 9\n").ok
        assert not self.exb(water_job, "wall 0 3 1 2 9\n", namd_version="2.14").ok

    def test_what_runs_and_is_doubtful(self, water_job: Path) -> None:
        assert found(self.exb(water_job, "bond 0 3 -1 3.1\n"), "negative-force-constant")
        assert found(self.exb(water_job, "bond 0 330 900 2.5\n"), "restraint-strained")
        assert found(self.exb(water_job, "bond 0 3 5000 3.1\n"), "restraint-stiff")
        assert found(self.exb(water_job, ""), "extra-bonds-empty")

    def test_a_file_that_counts_from_one_is_recognised_by_its_lengths(self, water_job: Path) -> None:
        x, box = positions(), Box(((BOX, 0, 0), (0, BOX, 0), (0, 0, BOX)))
        pairs = [(i, i + 5) for i in range(0, 60, 3)]
        lengths = [np.linalg.norm(box.nearest_images((x[b] - x[a])[None])) for a, b in pairs]
        text = "".join(f"bond {a + 1} {b + 1} 1.0 {r:.3f}\n" for (a, b), r in zip(pairs, lengths, strict=True))
        assert found(self.exb(water_job, text), "extra-bonds-from-one")


DISTANCE = " distance {\n  group1 { atomNumbers 1 }\n  group2 { atomNumbers 19 }\n }\n"
HARMONIC = "harmonic {\n colvars d\n centers 5.0\n forceConstant 2.0\n}\n"


def colvar(inner: str = DISTANCE, bias: str = HARMONIC) -> str:
    return f"# comment\ncolvarsTrajFrequency 10\ncolvar {{\n name d\n{inner}}}\n{bias}"


class TestColvars:
    def cv(self, folder: Path, text: str) -> CheckReport:
        (folder / "c.in").write_text(text)
        return checked(folder, config_text(more="colvars on\ncolvarsConfig c.in"))

    @pytest.mark.parametrize(
        "text",
        [
            colvar(),
            colvar().replace("colvar {", "colvar\n{"),
            colvar(bias="harmonicWalls {\n colvars d\n lowerWalls 2\n upperWalls 9\n forceConstant 10\n}\n"),
            colvar(
                " width 0.1\n lowerBoundary 2\n upperBoundary 9\n" + DISTANCE,
                "abf {\n colvars d\n fullSamples 100\n}\n",
            ),
            colvar(" distanceZ {\n main { atomNumbers 1 }\n ref { dummyAtom (0, 0, 0) }\n axis (0, 0, 1)\n }\n"),
        ],
    )
    def test_sound_configs(self, text: str, water_job: Path) -> None:
        assert self.cv(water_job, text).findings == ()

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            (colvar() + "}\n", "colvars-braces"),
            (colvar()[:-2], "colvars-braces"),
            (colvar(DISTANCE.replace("distance", "distanc")), "colvars-keyword"),
            (colvar(DISTANCE.replace("atomNumbers 1 ", "atomNumber 1 ")), "colvars-keyword"),
            (colvar().replace("colvarsTrajFrequency", "colvarsTrajFreq"), "colvars-keyword"),
            (colvar(bias=HARMONIC.replace("forceConstant", "forceConst")), "colvars-keyword"),
            (colvar(bias=HARMONIC.replace("colvars d", "colvars e")), "colvars-undefined"),
            (colvar(bias=HARMONIC.replace(" centers 5.0\n", "")), "colvars-centers"),
            (colvar(DISTANCE.replace("  group2 { atomNumbers 19 }\n", "")), "colvars-group"),
            (colvar(DISTANCE.replace("19", "99999")), "colvars-atoms"),
            (colvar(DISTANCE.replace("19", "0")), "colvars-atoms"),
            (colvar("", ""), "colvars-component"),
            (colvar(" rmsd {\n atoms { atomNumbers 1 2 3 }\n }\n"), "colvars-reference"),
            (colvar(" gyration {\n atoms { indexGroup g }\n }\n", "abf {\n colvars d\n}\n"), "colvars-boundaries"),
            (colvar(bias="metadynamics {\n colvars d\n useGrids off\n}\n"), "colvars-hills"),
            (colvar() + colvar(bias=""), "colvars-name"),
            (colvar(bias=HARMONIC.replace("5.0", "five")), "colvars-number"),
            (colvar(bias=HARMONIC.replace("2.0", "-2.0")), "colvars-number"),
            (colvar().replace("Frequency 10", "Frequency often"), "colvars-number"),
            (colvar(" width 0\n" + DISTANCE), "colvars-number"),
            (colvar(" lowerBoundary 9\n upperBoundary 2\n" + DISTANCE), "colvars-boundaries"),
            (colvar(bias=HARMONIC.replace("5.0", "5.0\n targetCenters 9.0")), "colvars-target"),
            (colvar(bias="harmonicWalls {\n colvars d\n forceConstant 10\n}\n"), "colvars-walls"),
            (colvar(DISTANCE.replace("atomNumbers 19", "indexGroup g")), "colvars-index-group"),
            (colvar(DISTANCE.replace("atomNumbers 19", "atomNumbersRange 19")), "colvars-atoms"),
            (colvar(bias=HARMONIC.replace("centers", "rubbish 3\n centers")), "colvars-keyword"),
        ],
    )
    def test_what_the_module_refuses(self, text: str, code: str, water_job: Path) -> None:
        report = self.cv(water_job, text)
        finding = found(report, code)[0]
        assert finding.severity == "error"
        assert finding.keyword == "colvarsConfig"
        assert finding.file == water_job / "c.in"
        assert finding.line is not None

    def test_centers_beyond_the_variables_are_dropped_with_a_word(self, water_job: Path) -> None:
        report = self.cv(water_job, colvar(bias=HARMONIC.replace("5.0", "5.0 6.0")))
        assert codes(report) == {("warning", "colvars-centers")}

    def test_a_far_centre_is_a_strained_restraint(self, water_job: Path) -> None:
        report = self.cv(water_job, colvar(bias=HARMONIC.replace("5.0", "500.0")))
        assert codes(report) == {("warning", "restraint-strained")}

    def test_an_empty_file_defines_nothing(self, water_job: Path) -> None:
        assert ("warning", "colvars-empty") in codes(self.cv(water_job, "# nothing\n"))

    def test_files_named_inside_a_block_are_seen_and_those_in_comments_not(self, water_job: Path) -> None:
        inside = DISTANCE.replace("{ atomNumbers 19 }", "{ atomsFile none.pdb } # atomsFile other.pdb")
        assert [f.keyword for f in found(self.cv(water_job, colvar(inside)), "file-missing")] == ["atomsFile"]

    def test_groups_of_an_index_file_are_known(self, water_job: Path) -> None:
        (water_job / "g.ndx").write_text("[ first ]\n1 2 3\n")
        text = "indexFile g.ndx\n" + colvar(DISTANCE.replace("atomNumbers 19", "indexGroup first"))
        assert self.cv(water_job, text).findings == ()

    def test_files_it_refers_to_must_exist(self, water_job: Path) -> None:
        report = self.cv(water_job, "indexFile none.ndx\n" + colvar())
        assert [f.keyword for f in found(report, "file-missing")] == ["indexFile"]


class TestClosePairs:
    @pytest.mark.parametrize(
        "box",
        [
            None,
            Box(((12, 0, 0), (0, 12, 0), (0, 0, 12))),
            Box(((12, 0, 0), (3, 11, 0), (1, 2, 10))),
        ],
    )
    def test_every_pair_is_found_once(self, box: Box | None) -> None:
        x = np.random.default_rng(3).uniform(-10, 10, (700, 3))
        first, second = np.triu_indices(len(x), 1)
        apart = x[second] - x[first]
        if box is not None:
            apart = box.nearest_images(apart)
        near = np.einsum("ij,ij->i", apart, apart) < 0.81
        expected = sorted(zip(first[near].tolist(), second[near].tolist(), strict=True))
        assert sorted(tuple(sorted(pair)) for pair in close_pairs(x, 0.9, box).tolist()) == expected

    def test_few_atoms(self) -> None:
        assert len(close_pairs(np.zeros((0, 3)), 0.9)) == 0
        assert len(close_pairs(np.zeros((1, 3)), 0.9)) == 0
        assert close_pairs(np.zeros((2, 3)), 0.9).tolist() == [[0, 1]]


class TestStreams:
    STREAM = (
        '* water\n*\nset nat ?NATC\nif "@NAT" ne "?NATC" set app append\n'
        "read rtf card @app\n27 1\nMASS 1 OT 15.9994\nEND\n"
        "set para\nread para card flex @app\n" + PARAMETERS + "BOMLEV @bom @PARA\nreturn\n"
    )

    def test_script_lines_become_comments(self) -> None:
        text = cleaned_stream(self.STREAM)
        changed = [line for line in text.split("\n") if line.startswith("! ")]
        assert [line.split()[1] for line in changed] == ["set", "if", "set", "BOMLEV"]
        assert read_parameters([text.encode()]).vdw("OT") is not None

    def test_the_fix_names_the_cleaned_copy(self, water_job: Path) -> None:
        (water_job / "w.str").write_text(self.STREAM)
        text = config_text({"parameters": "w.str"})
        report = checked(water_job, text)
        assert not report.ok
        copies = cleaned_copies(report.findings)
        assert list(copies) == ["w_namd.str"]
        (water_job / "w_namd.str").write_text(copies["w_namd.str"])
        assert checked(water_job, apply_fixes(text, report.findings)).ok

    def test_a_damaged_entry_is_not_hidden(self) -> None:
        with pytest.raises(InputError):
            cleaned_stream(PARAMETERS.replace("HT OT HT 55.0 104.52", "HT OT HT"))

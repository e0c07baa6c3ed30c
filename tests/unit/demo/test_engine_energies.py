"""Energies of the first step agree with NAMD's, term by term; and with sums over pairs done by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import openmm
import pytest
from tests.unit.demo.engine_runs import PERIODIC, VACUUM, write_peptide, write_salt_water

from namdrunner.demo.engine.dynamics import Dynamics, Ensemble
from namdrunner.demo.engine.energies import Potential
from namdrunner.demo.engine.loader import Loader
from namdrunner.demo.engine.settings import Settings

COLUMNS = {
    "BOND": lambda p: p.bond,
    "ANGLE": lambda p: p.angle,
    "DIHED": lambda p: p.dihedral + p.crossterm,
    "IMPRP": lambda p: p.improper,
    "ELECT": lambda p: p.electrostatic,
    "VDW": lambda p: p.vdw,
    "BOUNDARY": lambda p: p.boundary,
    "MISC": lambda p: p.misc,
}
QUICK = (
    "alad-pme",
    "alad_eq-pme",
    "alad-pmefine",
    "alad-cut",
    "alad-fswitch-pme",
    "alad-noswitch",
    "alad_eq-pme-cons",
    "waterbox-ljcorr",
    "waterbox-noswitch",
    "ala15x2-vac",
    "decaala-vac",
    "decaala-noswitch",
    "decaala-ex12",
    "decaala-efield",
    "alanin-xplor",
)


def potential(pairs: list[tuple[str, str]], folder: Path, platform: str = "CPU") -> Potential:
    model = Loader(Settings.of(pairs), folder).load().model
    dynamics = Dynamics(model, threads=1, seed=1, platform=platform)
    dynamics.configure(Ensemble(1.0, None, 0.0, None))
    return dynamics.potential()


def read_pairs(config: Path) -> list[tuple[str, str]]:
    lines = (line.split(None, 1) for line in config.read_text().splitlines())
    return [(words[0], words[1]) for words in lines if len(words) == 2 and words[0] not in ("#", "run")]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", QUICK)
def test_step_zero_agrees_with_namd(shared_data: Path, name: str) -> None:
    folder = shared_data / "reference_energies"
    reference = json.loads((folder / "energies.json").read_text())[name]["results"]["3.0"]["energy"]
    found = potential(read_pairs(folder / f"{name}.namd"), folder)
    for column, value in COLUMNS.items():
        # NAMD prints four decimals, so small terms carry half a unit of the last one.
        assert value(found) == pytest.approx(reference[column], rel=1e-4, abs=6e-5), column


@pytest.mark.shared_data
def test_extra_bonds_agree_with_namd(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "reference_energies"
    results = json.loads((folder / "energies.json").read_text())["decaala-exb"]["results"]["3.0"]["energy"]
    extra = tmp_path / "x.exb"
    extra.write_text("# restraints\nbond 0 90 2.0 20.0\nangle 0 50 90 3.0 90.0\ndihedral 4 14 24 34 1.5 0 60.0\n")
    pairs = [(k, v) for k, v in read_pairs(folder / "decaala-exb.namd") if k != "extraBondsFile"]
    found = potential([*pairs, ("extraBondsFile", str(extra))], folder)
    for column in ("BOND", "ANGLE", "DIHED"):
        assert COLUMNS[column](found) == pytest.approx(results[column], rel=1e-4), column


def test_nbfix_replaces_the_combination_rule(tmp_path: Path) -> None:
    system = write_salt_water(tmp_path)
    with_pair = potential(list(PERIODIC.items()), tmp_path)
    text = (tmp_path / "small.prm").read_text()
    without = tmp_path / "small.prm"
    without.write_text(text[: text.index("NBFIX")] + "END\n")
    plain = potential(list(PERIODIC.items()), tmp_path)
    distance = float(np.linalg.norm(system.positions[0] - system.positions[1]))
    assert distance == pytest.approx(4.5)

    def lj(epsilon: float, r_min: float) -> float:
        ratio = (r_min / distance) ** 6
        return epsilon * (ratio**2 - 2 * ratio)

    expected = lj(0.083875, 3.731) - lj(math.sqrt(0.0469 * 0.15), 1.41075 + 2.27)
    assert with_pair.vdw - plain.vdw == pytest.approx(expected, rel=2e-3)
    assert with_pair.electrostatic == pytest.approx(plain.electrostatic, rel=1e-6)


def test_the_fast_kernel_and_the_written_out_forces_agree(tmp_path: Path) -> None:
    """Lennard-Jones with PME (one kernel and a correction) against the formula that is used without PME."""
    write_salt_water(tmp_path)
    for options in ({}, {"vdwForceSwitching": "on"}, {"switching": "off"}):
        settings = PERIODIC | options
        fast = potential(list(settings.items()), tmp_path)
        exact = potential([pair for pair in settings.items() if not pair[0].startswith("PME")], tmp_path)
        assert fast.vdw == pytest.approx(exact.vdw, rel=2e-5), options


def test_a_rotated_cell_changes_nothing(tmp_path: Path) -> None:
    """A cell with free vectors needs a rotation and a reduction for OpenMM; the physics must not notice."""
    write_salt_water(tmp_path)
    fine = PERIODIC | {"PMEGridSpacing": "0.3"}
    straight = potential(list(fine.items()), tmp_path)
    skewed = fine | {"cellBasisVector2": "18 18 0", "cellBasisVector3": "-18 36 18"}
    turned = fine | {"cellBasisVector1": "0 0 18", "cellBasisVector3": "18 0 0"}
    for settings in (skewed, turned):
        other = potential(list(settings.items()), tmp_path)
        assert other.vdw == pytest.approx(straight.vdw, rel=1e-5)
        assert other.electrostatic == pytest.approx(straight.electrostatic, rel=1e-4)
        assert other.bond == pytest.approx(straight.bond, rel=1e-4)


def test_reference_and_cpu_platforms_agree(tmp_path: Path) -> None:
    write_peptide(tmp_path)
    exact, quick = (potential(list(VACUUM.items()), tmp_path, name) for name in ("Reference", "CPU"))
    assert quick.total == pytest.approx(exact.total, rel=1e-5)
    assert exact.crossterm != 0


def test_exclusion_policies_are_nested(tmp_path: Path) -> None:
    write_peptide(tmp_path)
    vdw = {p: potential([*(VACUUM | {"exclude": p}).items()], tmp_path).vdw for p in ("none", "1-2", "1-3", "1-4")}
    assert vdw["none"] > vdw["1-2"] > vdw["1-3"] > vdw["1-4"]


def test_scaling_of_one_four_electrostatics(tmp_path: Path) -> None:
    write_peptide(tmp_path)
    energies = {s: potential([*VACUUM.items(), ("1-4scaling", s)], tmp_path) for s in ("1.0", "0.5", "0.75")}
    half_way = (energies["1.0"].electrostatic + energies["0.5"].electrostatic) / 2
    assert energies["0.75"].electrostatic == pytest.approx(half_way, rel=1e-5)
    assert energies["0.5"].vdw == pytest.approx(energies["1.0"].vdw)


def test_dielectric_divides_electrostatics(tmp_path: Path) -> None:
    write_peptide(tmp_path)
    one, four = (potential([*VACUUM.items(), ("dielectric", d)], tmp_path) for d in ("1", "4"))
    assert one.electrostatic == pytest.approx(4 * four.electrostatic, rel=1e-5)


def test_restraints_have_no_half_and_take_the_exponent(tmp_path: Path) -> None:
    write_peptide(tmp_path)
    lines = (tmp_path / "small.pdb").read_text().splitlines()
    moved = []
    for line in lines:
        if line.startswith("ATOM") and line[12:16].strip() == "CA":
            line = f"{line[:30]}{float(line[30:38]) + 2:8.3f}{line[38:60]}{3.0:6.2f}{line[66:]}"
        moved.append(line)
    (tmp_path / "ref.pdb").write_text("\n".join(moved))
    given = {"constraints": "on", "consref": "ref.pdb", "conskfile": "ref.pdb", "conskcol": "B"}
    for extra, expected in (
        ({}, 3.0 * 2**2),
        ({"consexp": "4"}, 3.0 * 2**4),
        ({"constraintScaling": "0.1"}, 1.2),
        ({"selectConstraints": "on", "selectConstrX": "off", "selectConstrY": "on"}, 0.0),
        ({"selectConstraints": "on", "selectConstrX": "on"}, 12.0),
    ):
        found = potential([*(VACUUM | given | extra).items()], tmp_path)
        assert found.boundary == pytest.approx(expected, rel=1e-4, abs=1e-6), extra


def test_openmm_still_neutralises_as_assumed() -> None:
    """The engine takes the background of a charged cell away; this is the amount OpenMM adds."""
    system = openmm.System()
    system.addParticle(1.0)
    force = openmm.NonbondedForce()
    force.addParticle(1.0, 1.0, 0.0)
    force.setNonbondedMethod(openmm.NonbondedForce.PME)
    force.setCutoffDistance(0.9)
    system.setDefaultPeriodicBoxVectors(*(openmm.Vec3(*row) for row in (2 * np.eye(3)).tolist()))
    energies = []
    for alpha in (3.0, 3.5):
        force.setPMEParameters(alpha, 40, 40, 40)
        system.addForce(openmm.NonbondedForce(force))
        context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatform("Reference"))
        context.setPositions([openmm.Vec3(0, 0, 0)])
        energies.append(context.getState(getEnergy=True).getPotentialEnergy()._value)
        system.removeForce(0)
    # With the background the energy of a lattice of charges does not depend on how it is split.
    assert energies[0] == pytest.approx(energies[1], rel=1e-5)

"""The sample system: neutral, without clashes, chemically right, the same every time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from namdrunner.demo.sample import make_sample, sample_job
from namdrunner.demo.sample.build import build_sample
from namdrunner.demo.sample.forcefield import load_forcefield
from namdrunner.demo.sample.geometry import dihedral, place, random_rotation
from namdrunner.demo.sample.molecule import Molecule, dihedrals_of
from namdrunner.demo.sample.peptide import PHI, PSI, build_peptide
from namdrunner.namd.charmm_coverage import missing_parameters
from namdrunner.namd.charmm_reader import read_parameters
from namdrunner.namd.pdb import read_pdb
from namdrunner.namd.psf import read_psf
from namdrunner.namd.xsc import read_xsc
from namdrunner.templates.builtin import load_template
from namdrunner.templates.render import render


@pytest.fixture(scope="module")
def sample() -> tuple[Molecule, float]:
    return build_sample()


def atom(molecule: Molecule, name: str, residue: int) -> np.ndarray:
    for number, a in enumerate(molecule.atoms):
        if (a.name, a.residue_id, a.segment) == (name, residue, "PEP"):
            return molecule.positions[number]
    raise KeyError(name)


def test_size_and_charge(sample: tuple[Molecule, float]) -> None:
    molecule, edge = sample
    assert 1900 < len(molecule.atoms) < 2300
    assert sum(a.charge for a in molecule.atoms) == pytest.approx(0, abs=1e-9)
    assert edge > 2 * 12, "the cutoff of the template must fit into half the box"
    mass = sum(a.mass for a in molecule.atoms)
    assert 0.95 < mass * 1.660539 / edge**3 < 1.05


def test_no_two_molecules_touch(sample: tuple[Molecule, float]) -> None:
    molecule, edge = sample
    points = molecule.coordinates()
    bonded = {frozenset(pair) for pair in molecule.bonds}
    residue = [(a.segment, a.residue_id if a.segment != "PEP" else 0) for a in molecule.atoms]
    closest = 10.0
    for i in range(len(points)):
        separation = points[i + 1 :] - points[i]
        separation -= edge * np.round(separation / edge)
        near = np.flatnonzero((separation**2).sum(axis=1) < 2.25) + i + 1
        for j in near:
            if residue[i] != residue[j]:
                closest = min(closest, float(np.linalg.norm(separation[j - i - 1])))
            else:
                assert frozenset((i, int(j))) in bonded or molecule.atoms[i].segment in ("WAT", "PEP")
    assert closest > 1.3


def test_alanines_are_left_handed_and_the_backbone_is_as_planned() -> None:
    molecule = build_peptide(load_forcefield())
    for residue in (1, 2, 3):
        n, ca, c, cb = (atom(molecule, name, residue) for name in ("N", "CA", "C", "CB"))
        # The CORN rule: looking from the hydrogen, CO, R and N go clockwise in L-amino acids.
        assert np.dot(np.cross(n - ca, c - ca), cb - ca) > 0
    c0, n1, ca1, c1, n2 = (
        atom(molecule, name, residue) for name, residue in (("CY", 1), ("N", 1), ("CA", 1), ("C", 1), ("N", 2))
    )
    assert dihedral(c0, n1, ca1, c1) == pytest.approx(PHI)
    assert dihedral(n1, ca1, c1, n2) == pytest.approx(PSI)


def test_bond_lengths_are_the_force_field_s() -> None:
    forcefield = load_forcefield()
    molecule = build_peptide(forcefield)
    for a, b in molecule.bonds:
        length = np.linalg.norm(molecule.positions[a] - molecule.positions[b])
        assert length == pytest.approx(forcefield.bond_length(molecule.atoms[a].type, molecule.atoms[b].type), abs=1e-6)


def test_the_same_every_time(tmp_path: Path) -> None:
    first, second = make_sample(tmp_path / "a"), make_sample(tmp_path / "b")
    for name in ("structure", "coordinates", "parameters", "extended_system"):
        assert getattr(first, name).read_bytes() == getattr(second, name).read_bytes()
    assert make_sample(tmp_path / "c", seed=2).coordinates.read_bytes() != first.coordinates.read_bytes()


def test_the_files_read_back_complete(tmp_path: Path) -> None:
    files = make_sample(tmp_path)
    psf, pdb = read_psf(files.structure), read_pdb(files.coordinates)
    assert psf.natom == pdb.natom == files.atoms
    assert missing_parameters(psf, read_parameters([files.parameters])) == []
    assert pdb.cryst1 is not None
    assert pdb.cryst1.a == pytest.approx(files.cell, abs=1e-3)
    assert read_xsc(files.extended_system).volume == pytest.approx(files.cell**3, rel=1e-5)
    assert len(psf.crossterms) == 3
    assert list(psf.names[:6]) == [b"CAY", b"HY1", b"HY2", b"HY3", b"CY", b"OY"]


def test_dihedrals_follow_from_bonds() -> None:
    chain = Molecule(bonds=[(0, 1), (1, 2), (2, 3), (1, 4)])
    chain.atoms = build_peptide(load_forcefield()).atoms[:5]
    assert sorted(dihedrals_of(chain)) == [(0, 1, 2, 3), (4, 1, 2, 3)]


def test_the_job_fills_the_template(tmp_path: Path) -> None:
    job = sample_job(tmp_path)
    rendered = render(load_template(job.template), job.values, {k: [*map(str, v)] for k, v in job.files.items()})
    assert "run                 960" in rendered.text
    assert not rendered.notes, "values are whole cycles already"


def test_placing_obeys_the_dihedral() -> None:
    a, b, c = np.array([0.0, 0, 0]), np.array([1.5, 0, 0]), np.array([2.0, 1.4, 0])
    for turn in (-120.0, 0.0, 60.0, 179.0):
        new = place(c, b, a, 1.2, 109.0, turn)
        assert dihedral(a, b, c, new) == pytest.approx(turn)
        assert np.linalg.norm(new - c) == pytest.approx(1.2)
    rotation = random_rotation(np.random.default_rng(1))
    assert np.allclose(rotation @ rotation.T, np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_the_map_is_a_full_square() -> None:
    rows = load_forcefield().document["cmap"]["rows"]
    assert [len(row) for row in rows] == [24] * 24
    assert all(abs(a - b) < 6 for row in rows for a, b in pairwise(row))

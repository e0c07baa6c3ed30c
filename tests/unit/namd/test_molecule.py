from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namdrunner.errors import InputError
from namdrunner.namd.molecule import Molecule, picture_psf
from namdrunner.namd.psf import read_psf
from namdrunner.namd.structure_reader import read_coordinates, read_molecule


def molecule(rows: list[str], bonds: list[tuple[int, int]] = []) -> Molecule:  # noqa: B006 - never changed
    """Of lines ``segment number residue atom``."""
    columns = [np.array(column, dtype="S8") for column in zip(*(row.split() for row in rows), strict=True)]
    segments, numbers, residues, names = columns
    return Molecule(segments, numbers, residues, names, np.array(bonds, np.int32).reshape(-1, 2))


SOLVATED = molecule(
    [
        "P 1 HSD CA",
        "P 1 HSD OT1",
        "P 2 ALA CA",
        "W 1 TIP3 OH2",
        "W 1 TIP3 H1",
        "W 1 TIP3 H2",
        "W 2 WAT O",
        "I 1 SOD SOD",
        "I 2 CLA CLA",
        "M 1 CAL CAL",
    ],
    [(0, 1), (1, 2), (3, 4), (3, 5)],
)


def test_water_and_ions_are_known_by_the_names_of_the_force_fields() -> None:
    assert SOLVATED.water.tolist() == [False] * 3 + [True] * 4 + [False] * 3
    assert SOLVATED.ions.tolist() == [False] * 7 + [True] * 3


def test_an_ion_is_alone_in_its_residue() -> None:
    """CA is calcium; a residue of that name with two atoms is something else."""
    assert molecule(["A 1 CA X", "A 1 CA Y", "A 2 CA CA"]).ions.tolist() == [False, False, True]


def test_what_is_left_without_water() -> None:
    assert SOLVATED.kept("no_water").tolist() == [0, 1, 2, 7, 8, 9]
    assert len(SOLVATED.kept("all")) == SOLVATED.natom


def test_a_picture_has_the_names_of_the_pdb_and_only_its_own_bonds() -> None:
    text = picture_psf(SOLVATED, SOLVATED.kept("no_water"))
    psf = read_psf(
        text + b"".join(b"\n 0 !%s\n" % s for s in (b"NTHETA", b"NPHI", b"NIMPHI", b"NDON", b"NACC", b"NNB"))
    )
    assert psf.names.tolist() == [b"CA", b"O", b"CA", b"NA", b"CL", b"CA"]
    assert psf.residues.tolist() == [b"HSD", b"HSD", b"ALA", b"NA", b"CL", b"CA"]
    assert psf.bonds.tolist() == [[0, 1], [1, 2]]
    assert b"HOH" in picture_psf(SOLVATED, SOLVATED.kept("all"))


@pytest.mark.parametrize(("sugar", "expected"), [("O2'", b"A"), ("H2''", b"DA")])
def test_nucleotides_are_rna_by_the_oxygen_of_their_sugar(sugar: str, expected: bytes) -> None:
    nucleotide = molecule(["N 1 ADE P", "N 1 ADE O1P", f"N 1 ADE {sugar}"])
    rows = picture_psf(nucleotide, nucleotide.kept("all")).splitlines()[6:9]
    assert [row.split()[3] for row in rows] == [expected] * 3
    assert rows[1].split()[4] == b"OP1"


def test_odd_names_stay_one_word_each() -> None:
    odd = Molecule(
        np.array([b"", b"A B"]), np.array([b"1A", b"-3"]), np.array([b"", b"X Y"]), np.array([b"", b"C 1"]),
        np.zeros((0, 2), np.int32),
    )  # fmt: skip
    rows = picture_psf(odd, odd.kept("all")).splitlines()[6:8]
    assert [row.split()[1:5] for row in rows] == [[b"-", b"1", b"UNK", b"X"], [b"A_B", b"-3", b"X_Y", b"C_1"]]


def test_a_system_of_water_only_has_nothing_left() -> None:
    water = molecule(["W 1 TIP3 OH2"])
    assert water.kept("no_water").size == 0
    assert b"0 !NATOM" in picture_psf(water, water.kept("no_water"))


PARM = b"""%VERSION  VERSION_STAMP = V0001.000
%FLAG TITLE
%FORMAT(20a4)

%FLAG ATOM_NAME
%FORMAT(20a4)
N   CA  O   H1  H2  Na+
%FLAG RESIDUE_LABEL
%FORMAT(20a4)
ALA WAT Na+
%FLAG RESIDUE_POINTER
%FORMAT(10I8)
       1       3       6
%FLAG BONDS_INC_HYDROGEN
%FORMAT(10I8)
       6       9       1       6      12       1
%FLAG BONDS_WITHOUT_HYDROGEN
%FORMAT(10I8)
       0       3       2
"""


def test_an_amber_parm_file() -> None:
    read = read_molecule(PARM, "x.prmtop")
    assert read.residues.tolist() == [b"ALA", b"ALA", b"WAT", b"WAT", b"WAT", b"Na+"]
    assert read.bonds.tolist() == [[2, 3], [2, 4], [0, 1]]
    assert (read.water.sum(), read.ions.sum()) == (3, 1)
    with pytest.raises(InputError) as error:
        read_molecule(PARM.replace(b"RESIDUE_LABEL", b"RESIDUE_LEBAL"), "x.prmtop")
    assert error.value.code == "parm-damaged"


@pytest.mark.shared_data
def test_real_systems(shared_data: Path) -> None:
    systems = shared_data / "systems"
    data = (systems / "openmm_dhfr" / "5dhfr_cube.psf").read_bytes()
    dhfr = read_molecule(data, "5dhfr_cube.psf")
    assert (dhfr.natom, int(dhfr.water.sum())) == (23558, 3 * 7023)
    coordinates, cell = read_coordinates((systems / "pestifer_bpti" / "my_6pti.coor").read_bytes(), "my_6pti.coor")
    pdb = read_molecule((systems / "pestifer_bpti" / "my_6pti.pdb").read_bytes(), "my_6pti.pdb")
    assert len(coordinates) == pdb.natom
    assert cell is None

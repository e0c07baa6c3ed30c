"""Extra bonds files, as strictly as NAMD reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from namdrunner.errors import InputError
from namdrunner.namd.extrabonds import read_extrabonds

ALL = """# a comment
bond 0 5 1.0 2.30

Bonds 1 6 0.5 2.47
angle 0 1 2 10 109.5
angle 1 2 3 10 109.5 5 2.1
dihedral 0 1 2 3 2.5 180
dihedral 1 2 3 4 2.5 3 180
improper 0 1 2 3 40 0
wall 0 3 10 2.0 5.0
"""


def test_every_kind_of_line() -> None:
    restraints = read_extrabonds(ALL.encode())
    assert len(restraints) == 8
    assert restraints.bonds.atoms.tolist() == [[0, 5], [1, 6]]
    assert restraints.bonds.force_constants.tolist() == [1.0, 0.5]
    assert restraints.bonds.references.tolist() == [2.3, 2.47]
    assert restraints.terms["angle"].numbers[1].tolist()[:4] == [10, 109.5, 5, 2.1]
    dihedrals = restraints.terms["dihedral"]
    assert dihedrals.multiplicities.tolist() == [0, 3]
    assert dihedrals.references.tolist() == [180, 180]
    assert restraints.terms["wall"].numbers[0].tolist()[:3] == [10, 2, 5]
    assert restraints.highest_index() == 6


def test_an_empty_file_holds_no_restraint() -> None:
    assert len(read_extrabonds(b"")) == 0
    assert read_extrabonds(b"# nothing\n\n").highest_index() == -1


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("bond 0 1 1.0 2.0 # why", "exb-bad-line"),
        ("bond 0 1 1.0", "exb-bad-line"),
        ("bond 0 1 k 2.0", "exb-bad-line"),
        ("bond zero 1 1.0 2.0", "exb-bad-line"),
        ("bond 0.5 1 1.0 2.0", "exb-bad-line"),
        ("spring 0 1 1.0 2.0", "exb-bad-line"),
        ("angle 0 1 2 10 109.5 5", "exb-bad-line"),
        ("bond 0 7 1.0 2.0", "exb-atom-out-of-range"),
        ("bond -1 1 1.0 2.0", "exb-atom-out-of-range"),
        (f"bond 0 {10**12} 1.0 2.0", "exb-atom-out-of-range"),
    ],
)
def test_a_bad_line_is_named(line: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_extrabonds((ALL + line + "\n").encode(), natom=7, name="x.exb")
    assert caught.value.code == code
    assert caught.value.context == {"file": "x.exb", "line": 11}


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("path", "count", "natom"),
    [("colvars_alad/gen/alad.exb", 36, 2176), ("openmm_dhfr/gen/dhfr_ca.exb", 630, 23558)],
)
def test_real_files(shared_data: Path, path: str, count: int, natom: int) -> None:
    assert len(read_extrabonds(shared_data / "systems" / path, natom=natom)) == count

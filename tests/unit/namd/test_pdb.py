"""PDB coordinates, by columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from namdrunner.errors import InputError
from namdrunner.namd.namdbin import read_namdbin
from namdrunner.namd.pdb import UnitCell, read_pdb

TWO = """CRYST1   35.000   45.000   50.000  80.00  70.00  95.00 P 1           1
ATOM      1  N   MET X   1       5.880 -12.591   6.438  1.00 12.50      P1   N
HETATM    2 FE   HEM X   2A   -999.125-123.456   0.001              \x20\x20\x20\x20\x20\x20\x20ION
ATOM  99999  CA  ALA     3       1.000   2.000   3.000
END
"""


def test_atoms_and_cell() -> None:
    pdb = read_pdb(TWO.encode())
    assert pdb.natom == 3
    assert pdb.coordinates[1].tolist() == [-999.125, -123.456, 0.001]
    assert pdb.names.tolist() == [b"N", b"FE", b"CA"]
    assert pdb.residues.tolist() == [b"MET", b"HEM", b"ALA"]
    assert pdb.residue_ids.tolist() == [b"1", b"2A", b"3"]
    assert pdb.chains.tolist() == [b"X", b"X", b""]
    assert pdb.segments[0] == b"P1"
    assert pdb.occupancy.tolist() == [1.0, 0.0, 0.0]
    assert pdb.beta.tolist() == [12.5, 0.0, 0.0]
    assert pdb.cryst1 == UnitCell(35, 45, 50, 80, 70, 95)


def test_a_cell_of_zero_is_no_cell() -> None:
    zero = TWO.replace("35.000   45.000   50.000", " 0.000    0.000    0.000")
    assert read_pdb(zero.encode()).cryst1 is None


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("   1.000   2.000   3.000", "   1.000", "pdb-bad-line", 4),
        ("   5.880", "********", "pdb-bad-number", 2),
        ("   5.880", "     nan", "pdb-bad-number", 2),
        ("   5.880", "        ", "pdb-bad-number", 2),
        ("-123.456", "-12 .456", "pdb-bad-number", 3),
    ],
)
def test_bad_coordinates_are_named_by_line(old: str, new: str, code: str, line: int) -> None:
    with pytest.raises(InputError) as caught:
        read_pdb(TWO.replace(old, new).encode(), name="two.pdb")
    assert caught.value.code == code
    assert caught.value.context == {"file": "two.pdb", "line": line}


def test_a_file_without_atoms_is_refused() -> None:
    for data in (b"", b"REMARK nothing\nEND\n", b"\x00\xff" * 500):
        with pytest.raises(InputError) as caught:
            read_pdb(data)
        assert caught.value.code == "pdb-no-atoms"


@pytest.mark.shared_data
def test_pdb_and_binary_coordinates_of_a_system_belong_together(shared_data: Path) -> None:
    folder = shared_data / "systems/pestifer_bpti"
    pdb, binary = read_pdb(folder / "my_6pti.pdb"), read_namdbin(folder / "my_6pti.coor")
    assert pdb.natom == binary.natom == 14127
    # The binary is a later moment of the same molecule: the centre has not moved far.
    assert abs(pdb.coordinates.mean(axis=0) - binary.values.mean(axis=0)).max() < 1.0


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("path", "natom"),
    [
        ("systems/openmm_dhfr/5dhfr_cube.pdb", 23558),
        ("systems/imdclient_alanin/alanin.pdb", 66),
        ("more/openmm_misc/ions.pdb", 2),
        ("more/mdanalysis/namd_cgenff.pdb", 130),
    ],
)
def test_real_files(shared_data: Path, path: str, natom: int) -> None:
    pdb = read_pdb(shared_data / path)
    assert pdb.natom == natom
    assert abs(pdb.coordinates).max() < 100


def test_a_huge_file_of_another_kind_is_refused_at_its_beginning(tmp_path: Path) -> None:
    huge = tmp_path / "huge.pdb"
    with huge.open("wb") as stream:
        stream.truncate(4 * 2**30)
    with pytest.raises(InputError) as caught:
        read_pdb(huge)
    assert caught.value.code == "pdb-no-atoms"


def test_a_line_longer_than_namds_buffer_is_refused() -> None:
    assert read_pdb(f"REMARK {'x' * 151}\n{TWO}".encode()).natom == 3
    with pytest.raises(InputError) as caught:
        read_pdb(f"REMARK {'x' * 152}\n{TWO}".encode())
    assert (caught.value.code, caught.value.context["line"]) == ("pdb-long-line", 1)

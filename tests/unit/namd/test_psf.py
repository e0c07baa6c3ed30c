"""Structure files: what NAMD reads is read, what NAMD refuses is refused with file and line."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from namdrunner.errors import InputError
from namdrunner.namd.psf import read_psf

WATER = """PSF CMAP

       2 !NTITLE
 REMARKS a water
 REMARKS and nothing else

       3 !NATOM
       1 W    1    TIP3 OH2  OT   -0.834000       15.9994           0
       2 W    1    TIP3 H1   HT    0.417000        1.0080           0
       3 W    1    TIP3 H2   HT    4.17E-1         1.0080           0

       2 !NBOND: bonds
       1       2       1       3

       1 !NTHETA: angles
       2       1       3

       0 !NPHI: dihedrals


       0 !NIMPHI: impropers


       0 !NDON: donors


       0 !NACC: acceptors


       0 !NNB

       0       0       0

       1       0 !NGRP
       0       0       0

       1 !NCRTERM: cross-terms
       1       2       3       1       2       3       1       2
"""


def code_of(text: str) -> tuple[str, int | None]:
    with pytest.raises(InputError) as caught:
        read_psf(text.encode(), name="water.psf")
    assert caught.value.remedy
    assert "water.psf" in caught.value.message
    return caught.value.code, caught.value.context.get("line")


def test_a_small_structure_is_read_whole() -> None:
    psf = read_psf(WATER.encode())
    assert psf.natom == 3
    assert psf.flags == ("CMAP",)
    assert psf.title == ("REMARKS a water", "REMARKS and nothing else")
    assert psf.names.tolist() == [b"OH2", b"H1", b"H2"]
    assert psf.types.tolist() == [b"OT", b"HT", b"HT"]
    assert psf.residue_ids.tolist() == [b"1", b"1", b"1"]
    assert psf.charges.tolist() == [-0.834, 0.417, 0.417]
    assert psf.masses.tolist() == [15.9994, 1.008, 1.008]
    assert psf.bonds.tolist() == [[0, 1], [0, 2]]
    assert psf.angles.tolist() == [[1, 0, 2]]
    assert psf.dihedrals.shape == (0, 4)
    assert psf.crossterms.tolist() == [[0, 1, 2, 0, 1, 2, 0, 1]]
    assert psf.type_names == ("HT", "OT")
    assert psf.type_index.tolist() == [1, 0, 0]


def test_columns_need_not_line_up_and_line_ends_may_be_dos() -> None:
    loose = WATER.replace("       1 W    1    TIP3 OH2  OT ", "1 LONGSEGMENT 1A TIP3 OH2 OT").replace("\n", "\r\n")
    psf = read_psf(loose.encode())
    assert psf.segments.tolist() == [b"LONGSEGMENT", b"W", b"W"]
    assert psf.residue_ids[0] == b"1A"


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("PSF CMAP", "CRYST1", "psf-not-a-psf", 1),
        ("2 !NTITLE", "1 !NTITLE", "psf-title-count", 5),
        ("2 !NTITLE", "3 !NTITLE", "psf-title-count", 7),
        ("3 !NATOM", "4 !NATOM", "psf-truncated", 12),
        ("3 !NATOM", "2 !NATOM", "psf-bad-count", 10),
        ("3 !NATOM", f"{10**18} !NATOM", "psf-truncated", 7),
        ("3 !NATOM", "x !NATOM", "psf-bad-count", 7),
        ("OT   -0.834000", "75   -0.834000", "psf-numeric-types", 8),
        (" W    1    TIP3 OH2", "      1    TIP3 OH2", "psf-numeric-types", 8),
        ("       2 W", "       4 W", "psf-atom-order", 9),
        ("15.9994           0", "", "psf-bad-atom-line", 8),
        ("15.9994", "heavy", "psf-bad-atom-line", 8),
        ("15.9994", "nan", "psf-bad-atom-line", 8),
        ("1       2       1       3", "1       2       1       4", "psf-index-out-of-range", 13),
        ("1       2       1       3", "1       2       1       0", "psf-index-out-of-range", 13),
        ("1       2       1       3", "1       2       1       x", "psf-bad-index", 13),
        ("1       2       1       3", "1       2       1", "psf-truncated", 12),
        ("1       2       1       3", "1  2  1  3  1  2", "psf-bad-count", 12),
        ("2 !NBOND", f"{10**17} !NBOND", "psf-truncated", 12),
        ("0 !NIMPHI: impropers", "", "psf-truncated", 12),
        ("0 !NACC: acceptors", "", "psf-truncated", 40),
    ],
)
def test_what_namd_refuses_is_refused(old: str, new: str, code: str, line: int) -> None:
    assert old in WATER
    found, at = code_of(WATER.replace(old, new, 1))
    assert found == code
    assert at is not None
    assert abs(at - line) <= 1


@pytest.mark.parametrize("keep", [0, 3, 20, 60, 150, 200, 300, 400, 430, 500])
def test_a_file_cut_anywhere_is_refused(keep: int) -> None:
    code, _ = code_of(WATER[:keep])
    assert code in {"psf-truncated", "psf-not-a-psf", "psf-bad-atom-line", "psf-title-count"}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_psf(tmp_path / "none.psf")
    assert caught.value.code == "file-missing"
    with pytest.raises(InputError) as caught:
        read_psf(tmp_path)
    assert caught.value.code == "file-not-regular"


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("path", "natom", "bonds", "angles", "dihedrals", "impropers", "crossterms", "charge"),
    [
        ("systems/colvars_alad/alad-wb29.psf", 2176, 1457, 754, 41, 4, 1, 0),
        ("systems/openmm_dhfr/5dhfr_cube.psf", 23558, 16569, 11584, 6701, 418, 0, -11),
        ("systems/pestifer_bpti/gen/my_6pti_fixed.psf", 14127, 9797, 6027, 2372, 151, 55, 0),
        ("systems/imdclient_alanin/alanin.psf", 66, 65, 96, 31, 32, 0, 0),
        ("more/mdanalysis/adk_closed_NAMD.psf", 3341, 3365, 6123, 8921, 541, 212, -4),
        ("more/openmm_misc/charmm-solvated/isa_wat.3_kcl.m14.psf", 3033, 3029, 1046, 68, 1, 0, 0),
    ],
)
def test_real_structures(
    shared_data: Path,
    path: str,
    natom: int,
    bonds: int,
    angles: int,
    dihedrals: int,
    impropers: int,
    crossterms: int,
    charge: float,
) -> None:
    psf = read_psf(shared_data / path)
    assert psf.natom == natom
    counts = [len(x) for x in (psf.bonds, psf.angles, psf.dihedrals, psf.impropers, psf.crossterms)]
    assert counts == [bonds, angles, dihedrals, impropers, crossterms]
    assert psf.total_charge == pytest.approx(charge, abs=1e-3)
    assert np.isin(psf.bonds, np.arange(natom)).all()


@pytest.mark.shared_data
def test_numeric_types_are_refused_as_namd_does(shared_data: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_psf(shared_data / "more/openmm_misc/ala3_solv.psf")
    assert caught.value.code == "psf-numeric-types"
    assert caught.value.context["line"] == 9


def test_a_huge_file_of_another_kind_is_refused_at_its_beginning(tmp_path: Path) -> None:
    """It was read whole, gigabytes of it, before its first word was looked at."""
    huge = tmp_path / "huge.psf"
    with huge.open("wb") as stream:
        stream.truncate(4 * 2**30)
    begun = time.perf_counter()
    with pytest.raises(InputError) as caught:
        read_psf(huge)
    assert caught.value.code == "psf-not-a-psf"
    assert time.perf_counter() - begun < 5


EXCLUDED = WATER.replace("0 !NNB\n\n       0       0       0", "1 !NNB\n       3\n       1       1       1")


def test_exclusions_donors_and_acceptors_are_passed_over_when_they_are_whole() -> None:
    text = EXCLUDED.replace("0 !NDON: donors\n", "1 !NDON: donors\n       1       0\n")
    assert read_psf(text.encode()).natom == 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (EXCLUDED.replace("!NNB\n       3", "!NNB\n       4"), "psf-index-out-of-range"),
        (EXCLUDED.replace("       1       1       1\n\n", "\n"), "psf-truncated"),
        (WATER.replace("0 !NDON", "1 !NDON"), "psf-truncated"),
        (WATER.replace("0 !NACC", "2 !NACC"), "psf-truncated"),
        (WATER.replace("!NPHI", "!X").replace("!NIMPHI", "!NPHI").replace("!X", "!NIMPHI"), "psf-section-order"),
    ],
)
def test_what_namd_reads_and_nobody_uses_has_to_be_whole_too(text: str, code: str) -> None:
    assert code_of(text)[0] == code

"""Force-field parameters: read, overridden and looked up as NAMD does."""

from __future__ import annotations

from pathlib import Path

import pytest

from namdrunner.errors import InputError
from namdrunner.namd.charmm import AngleType, BondType, TorsionTerm
from namdrunner.namd.charmm_coverage import missing_parameters
from namdrunner.namd.charmm_reader import ParameterStyle, read_parameters
from namdrunner.namd.psf import read_psf

FIELD = """* a title
* of two lines
ATOMS
MASS -1 CT1 12.011 ! carbon
BONDS
CT1  CT2   222.500     1.5380 ! comment
ct2  OH1   428.000     1.4200
ANGLES
CT1  CT2  OH1   75.700    110.1000   10.00   2.50!no space
OH1  CT2  OH1   75.700    110.1000
DIHEDRALS
X    CT1  CT2  X        0.2000  3     0.00
CT1  CT2  OH1  H        1.3300  1     0.00
CT1  CT2  OH1  H        0.1800  2     0.00
X    CT2  OH1  X        0.1400  3     0.00
IMPROPER
CT1  X    X    O       20.0000  0     0.0000
CMAP
CT1 CT1 CT2 OH1 CT1 CT2 OH1 H 2
0.5 1.5
2.5 3.5
NONBONDED nbxmod  5 atom cdiel shift vatom vdistance vswitch -
cutnb 14.0 ctofnb 12.0 ctonnb 10.0 eps 1.0 e14fac 1.0 wmin 1.5
CT1    0.000000  -0.020000     2.275000   0.000000  -0.010000     1.900000
OH1    0.000000  -0.152100     1.770000
CT2    0.0       -0.0560       2.010
H      0.0       -0.046        0.2245
NBFIX
OH1 H  -0.075  3.2
END
"""


def test_each_kind_of_entry() -> None:
    field = read_parameters(FIELD.encode())
    assert field.bond("CT2", "ct1") == BondType(222.5, 1.538)
    assert field.bond("OH1", "CT2") == BondType(428.0, 1.42)
    assert field.angle("OH1", "CT2", "CT1") == AngleType(75.7, 110.1, 10.0, 2.5)
    assert field.angle("OH1", "CT2", "OH1") == AngleType(75.7, 110.1)
    carbon, oxygen = field.vdw("CT1"), field.vdw("OH1")
    assert carbon is not None
    assert oxygen is not None
    assert (carbon.epsilon, carbon.epsilon14) == (0.02, 0.01)
    assert (carbon.r_min_half, carbon.r_min_half14) == pytest.approx((2.275, 1.9))
    assert (oxygen.epsilon14, oxygen.r_min_half14) == pytest.approx((0.1521, 1.77))
    pair = field.nbfix("H", "OH1")
    assert pair is not None
    assert (pair.epsilon, pair.r_min) == pytest.approx((0.075, 3.2))
    assert pair.a14 == pair.a
    cmap = field.cmap("CT1", "CT1", "CT2", "OH1", "CT1", "CT2", "OH1", "H")
    assert cmap is not None
    assert cmap.values.tolist() == [[0.5, 1.5], [2.5, 3.5]]


def test_either_half_of_a_map_may_stand_backwards() -> None:
    field = read_parameters(FIELD.encode())
    assert field.cmap("OH1", "CT2", "CT1", "CT1", "H", "OH1", "CT2", "CT1") is not None
    assert field.cmap("CT1", "CT1", "CT2", "OH1", "H", "OH1", "CT2", "CT1") is not None
    assert field.cmap("H", "CT1", "CT2", "OH1", "H", "OH1", "CT2", "CT1") is None


def test_dihedral_terms_add_up_and_specific_goes_before_wildcard() -> None:
    field = read_parameters(FIELD.encode())
    assert field.dihedral("H", "OH1", "CT2", "CT1") == (TorsionTerm(1.33, 1, 0), TorsionTerm(0.18, 2, 0))
    assert field.dihedral("CT2", "CT2", "OH1", "H") == (TorsionTerm(0.14, 3, 0),)
    assert field.dihedral("H", "CT2", "CT1", "H") == (TorsionTerm(0.2, 3, 0),)
    assert field.dihedral("H", "H", "H", "H") is None
    assert field.improper("O", "H", "CT2", "CT1") == (TorsionTerm(20, 0, 0),)


def test_of_several_wildcards_the_first_read_wins() -> None:
    text = "DIHEDRALS\nX A B X 1.0 2 0.0\nX A B C 2.0 2 0.0\n"
    assert read_parameters(text.encode()).dihedral("D", "A", "B", "C") == (TorsionTerm(1, 2, 0),)


def test_later_files_replace_and_this_is_noted() -> None:
    again = "BONDS\nCT2 CT1 300.0 1.6\nDIHEDRALS\nH OH1 CT2 CT1 9.0 1 180\nH OH1 CT2 CT1 0.5 3 0\n"
    field = read_parameters([FIELD.encode(), again.encode()])
    assert field.bond("CT1", "CT2") == BondType(300, 1.6)
    terms = (TorsionTerm(9, 1, 180), TorsionTerm(0.18, 2, 0), TorsionTerm(0.5, 3, 0))
    assert field.dihedral("CT1", "CT2", "OH1", "H") == terms
    assert any("bond CT1-CT2 replaces" in note for note in field.notes)


def test_a_stream_for_namd_is_read_and_its_topology_passed_over() -> None:
    stream = """* stream
read rtf card append
RESI TIP3 0.000
BOND OH2 H1
END
read para card flex append
BONDS
HT OT 450.0 0.9572
END
RETURN
BONDS
HT HT 1.0 1.0
"""
    field = read_parameters(stream.encode())
    assert field.bond("HT", "OT") == BondType(450, 0.9572)
    assert field.bond("HT", "HT") is None
    assert any("RTF section is passed over" in note for note in field.notes)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("* t\nset nat ?NATC\n", "parameter-unknown-line", 2),
        ("* t\n\nMASS 1 H 1.0\n", "parameter-unknown-line", 3),
        ("bomlev -1\n", "parameter-unknown-line", 1),
        ("BONDS\nA B x 1.0\n", "parameter-bad-line", 2),
        ("BONDS\nA B 1.0\n", "parameter-bad-line", 2),
        ("ANGLES\nA B C 1.0\n", "parameter-bad-line", 2),
        ("DIHEDRALS\nA B C D 1.0 3\n", "parameter-bad-line", 2),
        ("NONBONDED\nA 0.0 -0.1\n", "parameter-bad-line", 2),
        ("BONDS\ncutnb 14.0\n", "parameter-misplaced-option", 2),
        ("CMAP\nA B C D A B C D 2\n1.0 2.0\n", "parameter-bad-line", 4),
        ("CMAP\nA B C D A B C D 100000\n", "parameter-bad-line", 2),
        ("NBFIX\nA B -1.0 1e200\n", "parameter-bad-line", 2),
        ("DIHEDRALS\n" + "".join(f"A B C D 1.0 {n} 0\n" for n in range(1, 8)), "parameter-bad-line", 8),
    ],
)
def test_what_namd_refuses_is_refused(text: str, code: str, line: int) -> None:
    with pytest.raises(InputError) as caught:
        read_parameters(text.encode())
    assert caught.value.code == code
    assert abs(caught.value.context["line"] - line) <= 1
    assert caught.value.remedy


def test_xplor_files() -> None:
    text = """remark old
set echo=false end
{* a section
over two lines *}
bond C CH1E 405.0 1.52! note
angle C CH1E N 45.0 111.6
dihe X C N X 8.2 2 180.0
dihe X CH1E C X MULTIPLE= 2 0.5 3 0.0
  0.7 1 180.0
impr C X X O 100.0 0 0.0
NONBonded H 0.0498 1.4254 0.0498 1.4254
nbfix H C 1.0 2.0 3.0 4.0
"""
    field = read_parameters(text.encode(), style=ParameterStyle.XPLOR)
    assert field.bond("CH1E", "C") == BondType(405, 1.52)
    assert field.dihedral("A", "C", "N", "B") == (TorsionTerm(8.2, 2, -180),)
    assert field.dihedral("A", "C", "CH1E", "B") == (TorsionTerm(0.5, 3, 0), TorsionTerm(0.7, 1, -180))
    hydrogen, pair = field.vdw("h"), field.nbfix("C", "H")
    assert hydrogen is not None
    assert hydrogen.sigma == 1.4254
    assert pair is not None
    assert (pair.a, pair.b, pair.a14, pair.b14) == (1, 2, 3, 4)


def test_a_charmm_file_is_no_xplor_file() -> None:
    with pytest.raises(InputError, match="no X-PLOR") as caught:
        read_parameters(FIELD.encode(), style=ParameterStyle.XPLOR)
    assert "paraTypeCharmm on" in caught.value.remedy


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("psf", "files", "style"),
    [
        ("colvars_alad/alad-wb29.psf", ["colvars_alad/par_all27_prot_lipid.prm"], "charmm"),
        ("colvars_decaala/15ala2x.psf", ["charmm_toppar/par_all36m_prot.prm"], "charmm"),
        ("colvars_waterbox/triclinic_waterbox.psf", ["colvars_waterbox/toppar_water_ions_namd.str"], "charmm"),
        ("imdclient_alanin/alanin.psf", ["imdclient_alanin/alanin.params"], "xplor"),
        ("openmm_dhfr/5dhfr_cube.psf", ["openmm_dhfr/par_all22_prot.inp"], "charmm"),
    ],
)
def test_systems_that_namd_runs_lack_nothing(shared_data: Path, psf: str, files: list[str], style: str) -> None:
    systems = shared_data / "systems"
    field = read_parameters([systems / name for name in files], style=ParameterStyle(style))
    assert missing_parameters(read_psf(systems / psf), field) == []


@pytest.mark.shared_data
def test_what_is_missing_is_named_once_with_a_place(shared_data: Path) -> None:
    systems = shared_data / "systems"
    psf = read_psf(systems / "colvars_alad/alad-wb29.psf")
    missing = missing_parameters(psf, read_parameters(systems / "colvars_waterbox/toppar_water_ions_namd.str"))
    kinds = {entry.kind for entry in missing}
    assert kinds == {"vdw", "bond", "angle", "dihedral", "improper", "cmap"}
    assert len({(entry.kind, entry.types) for entry in missing}) == len(missing)
    assert not any(entry.types == ("OT",) for entry in missing)
    angles = [entry for entry in missing if entry.kind == "angle"]
    names = psf.types.astype(str)
    assert all(tuple(names[list(entry.atoms)]) == entry.types for entry in angles)


@pytest.mark.shared_data
def test_nbfix_entries_need_their_types(shared_data: Path) -> None:
    systems = shared_data / "systems"
    psf = read_psf(systems / "colvars_waterbox/triclinic_waterbox.psf")
    field = read_parameters(systems / "charmm_toppar/gen/toppar_water_ions_nbfix.str")
    assert {entry.kind for entry in missing_parameters(psf, field)} == {"nbfix"}


@pytest.mark.shared_data
def test_charmm_script_in_a_stream_is_refused(shared_data: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_parameters(shared_data / "systems/charmm_toppar/toppar_water_ions.str")
    assert (caught.value.code, caught.value.context["line"]) == ("parameter-unknown-line", 35)

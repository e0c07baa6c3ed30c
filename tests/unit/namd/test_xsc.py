"""Cells in XSC and XST files."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from namdrunner.errors import InputError
from namdrunner.namd.xsc import ExtendedSystem, read_xsc, read_xst, write_xsc, write_xst

HEAD = "# NAMD extended system configuration output file\n"
CUBE = HEAD + "#$LABELS step a_x a_y a_z b_x b_y b_z c_x c_y c_z o_x o_y o_z\n2000 27.5 0 0 0 27.5 0 0 0 27.5 0 0 1\n"


def test_a_cube() -> None:
    system = read_xsc(CUBE.encode())
    assert system.step == 2000
    assert system.periodic
    assert system.volume == pytest.approx(27.5**3)
    assert system.origin == (0, 0, 1)


def test_a_vacuum_run_has_no_cell() -> None:
    system = read_xsc((HEAD + "#$LABELS step o_x o_y o_z\n100 0 0 0\n").encode())
    assert not system.periodic
    assert system.volume == 0
    assert system.vectors == (None, None, None)


def test_a_slab_is_periodic_in_two_directions(tmp_path: Path) -> None:
    slab = ExtendedSystem(5, ((10.0, 0.0, 0.0), (0.0, 10.0, 0.0), None), (0.0, 0.0, 0.0))
    write_xsc(tmp_path / "s.xsc", slab)
    assert read_xsc(tmp_path / "s.xsc") == slab
    assert not slab.periodic


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "xsc-empty"),
        (HEAD, "xsc-empty"),
        (HEAD + "0 1 2 3\n", "xsc-no-labels"),
        (HEAD + "#$LABELS\n0\n", "xsc-no-labels"),
        (CUBE.replace(" 0 0 1\n", "\n"), "xsc-bad-line"),
        (CUBE.replace("27.5 0 0 0", "27.5 nan 0 0"), "xsc-bad-line"),
        (CUBE.replace("2000", "x"), "xsc-bad-line"),
        (CUBE.replace("2000", "1e300"), "xsc-bad-line"),
    ],
)
def test_incomplete_files_are_refused(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_xsc(text.encode())
    assert caught.value.code == code


def test_a_killed_run_leaves_a_readable_trajectory() -> None:
    whole = CUBE + "4000 28 0 0 0 28 0 0 0 28 0 0 1\n"
    assert [s.step for s in read_xst((whole + "6000 29 0 0").encode())] == [2000, 4000]


@pytest.mark.shared_data
def test_real_cells_are_rewritten_byte_for_byte(shared_data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for name in ("alad_npt_3.0.xsc", "alad_nvt_3.0.xsc"):
        path = shared_data / "restart_sets" / name
        write_xsc(copy, read_xsc(path))
        assert copy.read_text() == path.read_text()
    for name in ("alad_npt_3.0.xst", "alad_nvt_3.0.xst"):
        path = shared_data / "restart_sets" / name
        write_xst(copy, read_xst(path))
        assert copy.read_text() == path.read_text()


@pytest.mark.shared_data
def test_real_trajectories_of_cells(shared_data: Path) -> None:
    systems = read_xst(shared_data / "more/pestifer_logs/15-00-md-NPT.xst")
    assert len(systems) == 513
    assert all(a.step < b.step for a, b in itertools.pairwise(systems))
    tilted = read_xsc(shared_data / "systems/colvars_waterbox/triclinic_waterbox.xsc")
    assert tilted.volume == pytest.approx(71956.597)

"""Trajectories: NAMD's layout, read and written."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from namdrunner.errors import InputError
from namdrunner.namd.dcd import DcdReader, DcdWriter, frame_bytes, read_dcd_header
from namdrunner.namd.xsc import read_xst

CELL = np.diag([10.0, 20.0, 30.0])


def write(path: Path, frames: int, *, cell: bool = True) -> np.ndarray:
    values = np.random.default_rng(1).normal(size=(frames, 7, 3)).astype(np.float32)
    with DcdWriter(path, 7, first_step=200, step_interval=100, timestep_fs=2.0, cell=cell) as writer:
        for frame in values:
            writer.write(frame, CELL if cell else None)
    return values


@pytest.mark.parametrize("cell", [True, False])
def test_frames_come_back_as_written(tmp_path: Path, cell: bool) -> None:
    values = write(tmp_path / "t.dcd", 4, cell=cell)
    assert (tmp_path / "t.dcd").stat().st_size == 276 + 4 * frame_bytes(7, cell=cell)
    with DcdReader(tmp_path / "t.dcd") as reader:
        header = reader.header
        assert (header.natom, header.frames, header.frames_announced) == (7, 4, 4)
        assert (header.first_step, header.last_step, header.step_interval) == (200, 500, 100)
        assert header.timestep_fs == pytest.approx(2.0, rel=1e-6)
        assert [frame.step for frame in reader] == [200, 300, 400, 500]
        assert all((frame.coordinates == want).all() for frame, want in zip(reader, values, strict=True))
        assert reader.frame(-1).index == 3
        found = reader.frame(0).cell
        assert (found is None) != cell
        if found is not None:
            assert (found.a, found.b, found.c) == (10, 20, 30)
            assert (found.alpha, found.beta, found.gamma) == (90, 90, 90)
        with pytest.raises(IndexError):
            reader.frame(4)


def test_a_frame_that_was_being_written_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "t.dcd", 3)
    data = (tmp_path / "t.dcd").read_bytes()
    header = read_dcd_header(data[:-10])
    assert (header.frames, header.frames_announced) == (2, 3)
    assert header.trailing_bytes == frame_bytes(7, cell=True) - 10


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    write(tmp_path / "t.dcd", 2)
    data = bytearray((tmp_path / "t.dcd").read_bytes())
    data[276:280] = b"\xff\xff\xff\xff"
    reader = DcdReader(bytes(data), name="t.dcd")
    assert reader.frame(1).step == 300
    with pytest.raises(InputError, match=r"t\.dcd: frame 0 is damaged") as caught:
        reader.frame(0)
    assert caught.value.code == "dcd-damaged-frame"


def test_other_byte_order() -> None:
    control = struct.pack(">9i", 1, 0, 1, 1, 0, 0, 0, 0, 0) + struct.pack(">f10i", 0.0409, *[0] * 9, 24)
    title = struct.pack(">2i", 4, 0) + struct.pack(">i", 4)
    data = struct.pack(">i", 84) + b"CORD" + control + struct.pack(">i", 84) + title + struct.pack(">3i", 4, 2, 4)
    for axis in range(3):
        data += struct.pack(">i2fi", 8, axis, axis + 0.5, 8)
    with DcdReader(data) as reader:
        assert reader.frame(0).coordinates.tolist() == [[0, 1, 2], [0.5, 1.5, 2.5]]


@pytest.mark.parametrize("size", [0, 4, 50, 91, 100, 270, 275])
def test_a_short_header_is_refused(tmp_path: Path, size: int) -> None:
    write(tmp_path / "t.dcd", 1)
    with pytest.raises(InputError) as caught:
        read_dcd_header((tmp_path / "t.dcd").read_bytes()[:size])
    assert caught.value.code == "dcd-not-a-dcd"


def test_the_wrong_number_of_atoms_is_not_written(tmp_path: Path) -> None:
    with (
        DcdWriter(tmp_path / "t.dcd", 3, first_step=0, step_interval=1, timestep_fs=1.0) as writer,
        pytest.raises(ValueError, match="shape"),
    ):
        writer.write(np.zeros((4, 3)), CELL)


@pytest.mark.shared_data
@pytest.mark.parametrize("ensemble", ["npt", "nvt"])
def test_a_trajectory_of_real_namd(shared_data: Path, tmp_path: Path, ensemble: str) -> None:
    path = shared_data / f"restart_sets/alad_{ensemble}_3.0.dcd"
    cells = {s.step: s for s in read_xst(path.with_suffix(".xst"))}
    with DcdReader(path) as reader:
        assert (len(reader), reader.header.natom) == (10, 2176)
        assert reader.header.timestep_fs == pytest.approx(2.0, rel=1e-6)
        copy = tmp_path / "copy.dcd"
        with DcdWriter(copy, 2176, first_step=200, step_interval=200, timestep_fs=2.0) as writer:
            for frame in reader:
                assert frame.cell is not None
                assert frame.cell.a == pytest.approx(cells[frame.step].matrix[0, 0], rel=1e-9)
                writer.write(frame.coordinates, cells[frame.step].matrix)
    ours, theirs = copy.read_bytes(), path.read_bytes()
    assert len(ours) == len(theirs)
    # Headers agree but for the two title lines, coordinates to the bit.
    assert ours[:100] == theirs[:100]
    assert ours[260:276] == theirs[260:276]
    assert ours[276 + 56 : 276 + frame_bytes(2176, cell=True)] == theirs[276 + 56 : 276 + frame_bytes(2176, cell=True)]


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "natom", "frames", "cell"),
    [
        ("adk_gbis_tmd-fast1_NAMD.dcd", 3341, 100, False),
        ("SiN_tric_namd.dcd", 5545, 1, True),
        ("tip125_tric_C36.dcd", 375, 10, True),
    ],
)
def test_trajectories_of_other_programs(shared_data: Path, name: str, natom: int, frames: int, cell: bool) -> None:
    with DcdReader(shared_data / "more/mdanalysis" / name) as reader:
        assert (reader.header.natom, len(reader), reader.header.has_cell) == (natom, frames, cell)
        assert all(np.isfinite(frame.coordinates).all() for frame in reader)


@pytest.mark.shared_data
def test_charmm_s_symmetric_cell_is_understood(shared_data: Path) -> None:
    # The system's reference cell: 35.44630, 35.06156, 34.15850 A; 91.32802, 61.73521, 44.40703 degrees.
    with DcdReader(shared_data / "more/mdanalysis/tip125_tric_C36.dcd") as reader:
        cell = reader.frame(0).cell
    assert cell is not None
    assert (cell.a, cell.alpha) == pytest.approx((35.446, 91.328), abs=1e-3)
    assert (cell.b, cell.beta) == pytest.approx((35.0616, 61.7352), abs=1e-3)
    assert (cell.c, cell.gamma) == pytest.approx((34.1585, 44.4070), abs=1e-3)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namdrunner.errors import InputError
from namdrunner.namd.dcd import DcdReader, DcdWriter
from namdrunner.namd.dcd_part import MAX_RANGES, DcdPart, Frames, one_frame

NATOM = 5000


def trajectory(path: Path, *, frames: int = 12, cell: bool = True) -> np.ndarray:
    """A trajectory of random coordinates, which are returned."""
    random = np.random.default_rng(7)
    coordinates = random.normal(0, 20, (frames, NATOM, 3)).astype("f4")
    with DcdWriter(path, NATOM, first_step=500, step_interval=250, timestep_fs=2.0, cell=cell) as writer:
        for index, frame in enumerate(coordinates):
            writer.write(frame, np.diag([30.0 + index, 40.0, 50.0]) if cell else None)
    return coordinates


def cut(path: Path, part: DcdPart) -> bytes:
    """What a reader makes of the bytes the part asks for, and of no others."""
    data = path.read_bytes()
    numbers = list(part.frames)
    asked = b"".join(data[first : first + count] for first, count in part.file_ranges(numbers))
    size = sum(count for _, count in part.ranges())
    assert len(asked) == size * len(numbers)
    frames = [part.frame(asked[i * size : (i + 1) * size], n, path.name) for i, n in enumerate(numbers)]
    return part.head() + b"".join(frames)


KEPT = {
    "all": np.arange(NATOM),
    "the first": np.arange(40),
    "protein and ions": np.concatenate((np.arange(900), np.arange(4990, NATOM))),
    "every third": np.arange(0, NATOM, 3),
    "the last": np.array([NATOM - 1]),
}


@pytest.mark.parametrize("cell", [True, False])
@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("frames", [Frames(0, 12, 1), Frames(1, 12, 5), Frames(11, 12, 1)])
def test_a_part_holds_the_chosen_atoms_of_the_chosen_frames(
    tmp_path: Path, cell: bool, kept: str, frames: Frames
) -> None:
    coordinates = trajectory(tmp_path / "run.dcd", cell=cell)
    with DcdReader(tmp_path / "run.dcd") as whole:
        part = DcdPart(whole.header, frames, KEPT[kept])
        data = cut(tmp_path / "run.dcd", part)
        assert len(data) == part.size
        with DcdReader(data) as smaller:
            assert len(smaller) == len(frames) == smaller.header.frames_announced
            for place, number in enumerate(frames):
                frame = smaller.frame(place)
                np.testing.assert_array_equal(frame.coordinates, coordinates[number][KEPT[kept]])
                assert frame.step == whole.frame(number).step
                assert frame.cell == whole.frame(number).cell
            assert smaller.header.timestep_fs == pytest.approx(2.0)


def test_only_the_bytes_of_the_kept_atoms_are_asked_for(tmp_path: Path) -> None:
    trajectory(tmp_path / "run.dcd")
    with DcdReader(tmp_path / "run.dcd") as whole:
        part = DcdPart(whole.header, Frames(0, 12, 4), KEPT["the first"])
        asked = sum(count for _, count in part.file_ranges(list(part.frames)))
    assert asked < 3 * (56 + 3 * 40 * 4 + 100)


def test_atoms_in_many_places_are_never_more_pieces_than_a_reader_stands(tmp_path: Path) -> None:
    trajectory(tmp_path / "run.dcd")
    scattered = np.arange(0, NATOM, 2000)
    with DcdReader(tmp_path / "run.dcd") as whole:
        part = DcdPart(whole.header, Frames(0, 400, 1), scattered)
        assert len(part.file_ranges(range(400))) <= MAX_RANGES


def test_frames_that_follow_each_other_are_one_piece(tmp_path: Path) -> None:
    trajectory(tmp_path / "run.dcd")
    with DcdReader(tmp_path / "run.dcd") as whole:
        part = DcdPart(whole.header, Frames(2, 9, 1), KEPT["all"])
        assert len(part.file_ranges(list(part.frames))) == 1


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.dcd"
    trajectory(path)
    with DcdReader(path) as whole:
        header = whole.header
    data = bytearray(path.read_bytes())
    begin = header.header_bytes + 3 * header.frame_bytes
    data[begin : begin + 4] = b"\0\0\0\0"
    path.write_bytes(data)
    with pytest.raises(InputError, match="frame 3 is damaged"):
        cut(path, DcdPart(header, Frames(0, 12, 3), KEPT["the first"]))


@pytest.mark.parametrize("cell", [np.diag([30.0, 40.0, 50.0]), None])
def test_one_frame_of_a_restart_set(cell: np.ndarray | None) -> None:
    coordinates = np.random.default_rng(1).normal(0, 9, (30, 3))
    kept = np.array([0, 4, 29])
    with DcdReader(one_frame(coordinates, kept, step=1500, timestep_fs=4.0, cell=cell)) as reader:
        frame = reader.frame(0)
        np.testing.assert_allclose(frame.coordinates, coordinates[kept], rtol=1e-6)
        assert (len(reader), frame.step, frame.cell is None) == (1, 1500, cell is None)

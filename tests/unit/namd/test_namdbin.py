"""Binary coordinates and velocities: layout, byte order, damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from namdrunner.errors import InputError
from namdrunner.namd.namdbin import count_atoms, expected_size, read_namdbin, write_namdbin


@given(values=arrays(np.float64, (5, 3)))
def test_what_is_written_is_read_back_bit_for_bit(values: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("bin") / "x.coor"
    write_namdbin(path, values)
    assert path.stat().st_size == expected_size(5) == 124
    assert read_namdbin(path).values.tobytes() == values.tobytes()
    assert count_atoms(path) == 5


def test_the_other_byte_order_is_recognised() -> None:
    data = struct.pack(">i6d", 2, *range(6))
    result = read_namdbin(data)
    assert result.byte_swapped
    assert result.values.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("cut", [0, 2, 4, 50, 123])
def test_a_truncated_file_is_refused(cut: int) -> None:
    data = struct.pack("<i15d", 5, *range(15))[:cut]
    with pytest.raises(InputError) as caught:
        read_namdbin(data, name="x.vel")
    assert caught.value.code in {"namdbin-truncated", "namdbin-size"}
    assert "x.vel" in caught.value.message


def test_a_huge_count_costs_nothing() -> None:
    with pytest.raises(InputError, match="no count fits"):
        read_namdbin(struct.pack("<i3d", 2**31 - 1, 0, 0, 0))


def test_nan_is_read_but_told() -> None:
    assert not read_namdbin(struct.pack("<i3d", 1, 0, float("nan"), 0)).finite


def test_only_points_in_space_are_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shape"):
        write_namdbin(tmp_path / "x", [1.0, 2.0, 3.0])


@pytest.mark.shared_data
def test_restart_files_of_real_runs_are_rewritten_byte_for_byte(shared_data: Path, tmp_path: Path) -> None:
    files = [p for end in ("coor", "vel") for p in (shared_data / "restart_sets").glob(f"*.{end}")]
    assert len(files) == 8
    for path in files:
        result = read_namdbin(path)
        assert (result.natom, result.finite, result.byte_swapped) == (2176, True, False)
        write_namdbin(tmp_path / "copy", result.values)
        assert (tmp_path / "copy").read_bytes() == path.read_bytes()

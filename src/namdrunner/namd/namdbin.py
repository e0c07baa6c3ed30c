"""NAMD's binary coordinates and velocities: a count (int32), then x, y, z of each atom (float64)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from namdrunner.namd.files import Source, bad_input, file_size, read_bytes, source_name

VELOCITY_UNIT_A_PER_PS = 20.45482706
"""One unit of a velocity file in Angstrom per picosecond (NAMD common.h, PDBVELFACTOR)."""

_REMEDY = "Copy the file again, or use an earlier restart file (.restart.coor, .old)."


@dataclass(frozen=True, eq=False)
class NamdBin:
    """Values of shape (n, 3): Angstrom in a coordinate file, NAMD's own unit in a velocity file."""

    values: NDArray[np.float64]
    byte_swapped: bool
    """Written on a machine of the other byte order; NAMD converts it with a warning."""

    @property
    def natom(self) -> int:
        return len(self.values)

    @property
    def finite(self) -> bool:
        """False when any value is NaN or infinite: NAMD would read it without a word."""
        return bool(np.isfinite(self.values).all())


def expected_size(natom: int) -> int:
    """Bytes of a file for ``natom`` atoms."""
    return 4 + 24 * natom


def _byte_order(head: bytes, size: int, label: str) -> tuple[str, int]:
    if len(head) < 4:
        raise bad_input("namdbin-truncated", f"{label} is empty or cut short ({size} bytes).", _REMEDY, label)
    counts = {order: int(struct.unpack(order + "i", head[:4])[0]) for order in "<>"}
    for order, count in counts.items():
        if count > 0 and expected_size(count) == size:
            return order, count
    count = next((value for value in counts.values() if 0 < value < 10**9), 0)
    told = f"its first number says {count} atoms, which would be {expected_size(count)}" if count else "no count fits"
    raise bad_input(
        "namdbin-size",
        f"{label} has {size} bytes, and {told}; it is cut short or no NAMD binary file.",
        _REMEDY,
        label,
    )


def count_atoms(path: Path) -> int:
    """Atoms in the file by its header and size, without reading the rest; raises InputError."""
    size = file_size(path)
    with path.open("rb") as file:
        return _byte_order(file.read(4), size, str(path))[1]


def read_namdbin(source: Source, *, name: str | None = None) -> NamdBin:
    """Read coordinates or velocities; raises InputError when the size does not fit the count."""
    label = source_name(source, name)
    data = read_bytes(source)
    order, count = _byte_order(data[:4], len(data), label)
    values = np.frombuffer(data, dtype=order + "f8", count=3 * count, offset=4).reshape(count, 3)
    return NamdBin(values.astype(np.float64), byte_swapped=order != "<")


def write_namdbin(path: Path, values: ArrayLike) -> None:
    """Write values of shape (n, 3) in NAMD's little-endian layout."""
    array = np.ascontiguousarray(values, dtype="<f8")
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"expected shape (n, 3), not {array.shape}")
    with path.open("wb") as file:
        file.write(struct.pack("<i", len(array)))
        file.write(array.tobytes())

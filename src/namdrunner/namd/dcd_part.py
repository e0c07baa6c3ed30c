"""Some atoms of some frames of a trajectory: which bytes hold them, and the smaller trajectory they make."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from namdrunner.namd.dcd import DcdHeader, dcd_head, frame_bytes, packed_cell
from namdrunner.namd.files import bad_input

Range = tuple[int, int]
"""First byte, and how many."""

MAX_RANGES = 1500
"""Pieces of a file read at once: each costs the reader a seek, or a process on the cluster."""
_FIRST_GAP = 4096


@dataclass(frozen=True)
class Frames:
    """Every ``stride``-th frame from ``first`` up to and without ``end``."""

    first: int
    end: int
    stride: int

    def __len__(self) -> int:
        return len(range(self.first, self.end, self.stride))

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.end, self.stride))


@dataclass(frozen=True, eq=False)
class DcdPart:
    """``kept``: indices of the atoms, ascending. ``ranges`` and ``frame`` are of one frame, counted from its begin."""

    header: DcdHeader
    frames: Frames
    kept: NDArray[np.int64]

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame of the smaller trajectory."""
        return frame_bytes(len(self.kept), cell=self.header.has_cell)

    @property
    def size(self) -> int:
        """Bytes of the smaller trajectory."""
        return len(self.head()) + len(self.frames) * self.frame_bytes

    def head(self) -> bytes:
        """The smaller trajectory's header; frame numbers still tell the simulated time."""
        header = self.header
        return dcd_head(
            len(self.kept),
            frames=len(self.frames),
            first_step=header.first_step + self.frames.first * header.step_interval,
            step_interval=header.step_interval * self.frames.stride,
            timestep_fs=header.timestep_fs,
            cell=header.has_cell,
        )

    def ranges(self) -> tuple[Range, ...]:
        """The bytes to read of one frame: only what is needed, in no more pieces than ``MAX_RANGES`` for all frames."""
        whole = self._exact_ranges()
        gap = _FIRST_GAP
        merged = _merged(whole, gap)
        while len(merged) > 1 and len(merged) * len(self.frames) > MAX_RANGES:
            gap *= 4
            merged = _merged(whole, gap)
        offset, count = merged[-1]
        if offset + count == self.header.frame_bytes - 4:  # to the end: then frames that follow each other touch
            merged = (*merged[:-1], (offset, count + 4))
        return merged

    def file_ranges(self, numbers: Sequence[int]) -> list[Range]:
        """Where the bytes of these frames are in the file; frames that follow each other are one piece."""
        inside = self.ranges()
        size, begin = self.header.frame_bytes, self.header.header_bytes
        pieces = [(begin + n * size + offset, count) for n in numbers for offset, count in inside]
        return list(_merged(pieces, 0))

    def frame(self, data: bytes | memoryview, index: int, name: str) -> bytes:
        """A frame of the smaller trajectory from the bytes that ``ranges`` asked for. Raises InputError."""
        inside = self.ranges()
        buffer = bytearray(self.header.frame_bytes)
        taken = 0
        for offset, count in inside:
            buffer[offset : offset + count] = data[taken : taken + count]
            taken += count
        return self._cut(memoryview(buffer), index, name)

    def _cut(self, frame: memoryview, index: int, name: str) -> bytes:
        order, natom = self.header.byte_order, self.header.natom
        parts = []
        self._check(frame[:4], 48 if self.header.has_cell else 4 * natom, index, name)
        if self.header.has_cell:
            parts.append(_record(struct.pack("<6d", *struct.unpack(order + "6d", frame[4:52]))))
        begin = 56 if self.header.has_cell else 0
        for axis in range(3):
            offset = begin + axis * (4 * natom + 8) + 4
            values = np.frombuffer(frame, order + "f4", natom, offset)[self.kept]
            parts.append(_record(values.astype("<f4", copy=False).tobytes()))
        return b"".join(parts)

    def _check(self, mark: memoryview, size: int, index: int, name: str) -> None:
        if struct.unpack(self.header.byte_order + "i", mark)[0] != size:
            what = f"{name}: frame {index} is damaged."
            raise bad_input("dcd-damaged-frame", what, "Show the frames before it, or copy the file again.", name)

    def _exact_ranges(self) -> list[Range]:
        natom = self.header.natom
        begin = 56 if self.header.has_cell else 0
        ranges = [(0, begin or 4)]
        starts, counts = _runs(self.kept)
        for axis in range(3):
            offset = begin + axis * (4 * natom + 8) + 4
            ranges += [(offset + 4 * int(s), 4 * int(n)) for s, n in zip(starts, counts, strict=True)]
        return ranges


def _runs(kept: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    breaks = np.flatnonzero(np.diff(kept) != 1) + 1
    starts = np.concatenate(([0], breaks)).astype(np.int64)
    return kept[starts] if kept.size else starts[:0], np.diff(np.append(starts, kept.size)) if kept.size else starts[:0]


def _merged(ranges: Sequence[Range], gap: int) -> tuple[Range, ...]:
    merged: list[Range] = []
    for offset, count in ranges:
        if merged and offset - sum(merged[-1]) <= gap:
            merged[-1] = (merged[-1][0], offset + count - merged[-1][0])
        else:
            merged.append((offset, count))
    return tuple(merged)


def one_frame(
    coordinates: ArrayLike,
    kept: NDArray[np.int64],
    *,
    step: int,
    timestep_fs: float,
    cell: ArrayLike | None,
) -> bytes:
    """A trajectory of one frame: coordinates (n, 3) in Angstrom, ``cell`` as (3, 3) rows of vectors or None."""
    array = np.asarray(coordinates, dtype="<f4")[kept]
    parts = [
        dcd_head(
            len(kept),
            frames=1,
            first_step=step,
            step_interval=1,
            timestep_fs=timestep_fs,
            cell=cell is not None,
        )
    ]
    if cell is not None:
        parts.append(_record(packed_cell(np.asarray(cell, float))))
    parts += [_record(np.ascontiguousarray(array[:, axis]).tobytes()) for axis in range(3)]
    return b"".join(parts)


def _record(data: bytes) -> bytes:
    mark = struct.pack("<i", len(data))
    return mark + data + mark

"""DCD trajectories: header, frames, and a writer with NAMD's own layout.

NAMD's header has 276 bytes; a frame has 3 x (4N + 8) bytes and 56 more with a unit cell. The count in the
header follows every frame, but a killed run may leave a partial frame behind: the size decides.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from namdrunner.namd.files import Source, bad_input, file_size, read_bytes, source_name, unreadable_file
from namdrunner.namd.pdb import UnitCell

TIME_UNIT_FS = 48.88821
"""NAMD's internal unit of time, in which the header states the timestep."""

HEADER_BYTES = 276
_MAX_TITLES = 1000
_LONGEST_EDGE = 1e8
"""Angstrom; a cell beyond it is damage."""
_REMEDY = "Copy the trajectory again from where NAMD wrote it."


@dataclass(frozen=True)
class DcdHeader:
    """What the head of the file says; ``frames`` comes from the file's size, not from the header."""

    natom: int
    frames_announced: int
    frames: int
    first_step: int
    step_interval: int
    last_step: int
    timestep_fs: float
    has_cell: bool
    byte_order: str
    header_bytes: int
    title: tuple[str, ...]
    trailing_bytes: int
    """Bytes behind the last whole frame: a frame that was being written when the run died."""

    @property
    def frame_bytes(self) -> int:
        return frame_bytes(self.natom, cell=self.has_cell)


@dataclass(frozen=True, eq=False)
class DcdFrame:
    """Coordinates of shape (n, 3), float32, Angstrom; the cell as edges and angles, None without one."""

    index: int
    step: int
    coordinates: NDArray[np.float32]
    cell: UnitCell | None


def frame_bytes(natom: int, *, cell: bool) -> int:
    """Bytes of one frame."""
    return 3 * (4 * natom + 8) + (56 if cell else 0)


class DcdReader:
    """Random access to the frames of a trajectory; a context manager. Raises InputError."""

    def __init__(self, source: Source, *, name: str | None = None) -> None:
        self.name = source_name(source, name)
        self._file: BinaryIO
        if isinstance(source, bytes):
            size = len(source)
            self._file = io.BytesIO(read_bytes(source))
        else:
            path = Path(source)
            size = file_size(path)
            try:
                self._file = path.open("rb")
            except OSError as error:
                raise unreadable_file(path, error) from None
        try:
            self.header = _read_header(self._file, size, self.name)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self.header.frames

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[DcdFrame]:
        for index in range(len(self)):
            yield self.frame(index)

    def close(self) -> None:
        self._file.close()

    def frame(self, index: int) -> DcdFrame:
        """Read one frame; negative indices count from the end. Raises IndexError outside the trajectory."""
        header = self.header
        if not -header.frames <= index < header.frames:
            raise IndexError(f"frame {index} of {header.frames}")
        index %= header.frames
        self._file.seek(header.header_bytes + index * header.frame_bytes)
        cell = self._cell(self._record(48, index)) if header.has_cell else None
        axes = [np.frombuffer(self._record(4 * header.natom, index), header.byte_order + "f4") for _ in "xyz"]
        coordinates = np.stack(axes, axis=1).astype(np.float32, copy=False)
        step = header.first_step + index * header.step_interval
        return DcdFrame(index, step, coordinates, cell)

    def _record(self, size: int, index: int) -> bytes:
        data = self._file.read(size + 8)
        marks = (data[:4], data[-4:])
        if len(data) < size + 8 or any(struct.unpack(self.header.byte_order + "i", m)[0] != size for m in marks):
            what = f"{self.name}: frame {index} is damaged."
            raise bad_input("dcd-damaged-frame", what, _REMEDY, self.name)
        return data[4:-4]

    def _cell(self, record: bytes) -> UnitCell | None:
        a, gamma, b, beta, alpha, c = struct.unpack(self.header.byte_order + "6d", record)
        if not max(map(abs, (a, b, c, alpha, beta, gamma))) < _LONGEST_EDGE or not min(a, b, c) > 0:
            return None
        if max(abs(alpha), abs(beta), abs(gamma)) <= 1:
            alpha, beta, gamma = np.degrees(np.arccos((alpha, beta, gamma)))
        elif not all(1 < angle < 180 for angle in (alpha, beta, gamma)):
            return cell_of(np.array([[a, gamma, beta], [gamma, b, alpha], [beta, alpha, c]]))
        return UnitCell(a, b, c, float(alpha), float(beta), float(gamma))


def cell_of(vectors: NDArray[np.float64]) -> UnitCell:
    """Edges and angles of a cell given as (3, 3) rows of vectors (CHARMM stores a symmetric such matrix)."""
    a, b, c = (float(np.linalg.norm(vector)) for vector in vectors)
    cosines = [_cosine(vectors, i, j) for i, j in ((1, 2), (0, 2), (0, 1))]
    alpha, beta, gamma = (float(np.degrees(np.arccos(np.clip(x, -1, 1)))) for x in cosines)
    return UnitCell(a, b, c, alpha, beta, gamma)


def _cosine(vectors: NDArray[np.float64], i: int, j: int) -> float:
    norm = float(np.linalg.norm(vectors[i]) * np.linalg.norm(vectors[j]))
    return float(vectors[i] @ vectors[j]) / norm if norm else 0.0


def read_dcd_header(source: Source, *, name: str | None = None) -> DcdHeader:
    """Read only the header; raises InputError."""
    with DcdReader(source, name=name) as reader:
        return reader.header


def _read_header(file: BinaryIO, size: int, label: str) -> DcdHeader:
    head = file.read(92)
    order = next((o for o in "<>" if len(head) == 92 and struct.unpack(o + "i", head[:4])[0] == 84), None)
    if order is None or head[4:8] not in (b"CORD", b"VELD") or head[88:] != head[:4]:
        raise bad_input("dcd-not-a-dcd", f"{label} is no DCD trajectory, or is cut short.", _REMEDY, label)
    control = struct.unpack(order + "20i", head[8:88])
    if control[8] != 0:
        what = f"{label} stores only part of the atoms ({control[8]} fixed); NAMD writes no such files."
        raise bad_input("dcd-fixed-atoms", what, "Convert it to a plain DCD.", label)
    is_charmm = control[19] != 0
    has_cell = is_charmm and control[10] == 1
    if is_charmm and control[11] == 1:
        raise bad_input("dcd-four-dimensional", f"{label} has a fourth dimension.", "Convert it.", label)
    timestep = struct.unpack(order + ("f" if is_charmm else "d"), head[44 : 48 if is_charmm else 52])[0]
    title = _title(file, order, label)
    tail = file.read(12)
    if len(tail) < 12 or struct.unpack(order + "i", tail[:4])[0] != 4:
        raise bad_input("dcd-not-a-dcd", f"{label} is cut short in its header.", _REMEDY, label)
    natom = struct.unpack(order + "i", tail[4:8])[0]
    begin = file.tell()
    if natom <= 0:
        raise bad_input("dcd-not-a-dcd", f"{label} announces {natom} atoms.", _REMEDY, label)
    frames, rest = divmod(max(size - begin, 0), frame_bytes(natom, cell=has_cell))
    return DcdHeader(
        natom=natom,
        frames_announced=control[0],
        frames=frames,
        first_step=control[1],
        step_interval=control[2],
        last_step=control[3],
        timestep_fs=timestep * TIME_UNIT_FS,
        has_cell=has_cell,
        byte_order=order,
        header_bytes=begin,
        title=title,
        trailing_bytes=rest,
    )


def _title(file: BinaryIO, order: str, label: str) -> tuple[str, ...]:
    head = file.read(8)
    size, lines = struct.unpack(order + "2i", head) if len(head) == 8 else (0, 0)
    if not 0 <= lines <= _MAX_TITLES or size != 4 + 80 * lines:
        raise bad_input("dcd-not-a-dcd", f"{label} has a damaged title.", _REMEDY, label)
    text = file.read(80 * lines)
    if file.read(4) != head[:4]:
        raise bad_input("dcd-not-a-dcd", f"{label} is cut short in its title.", _REMEDY, label)
    rows = (text[80 * row : 80 * row + 80] for row in range(lines))
    return tuple(row.replace(b"\0", b" ").decode("latin-1").strip() for row in rows)


class DcdWriter:
    """Writes a trajectory byte for byte in NAMD's layout; a context manager.

    The counts in the header are brought up to date after every frame, so that a reader sees whole frames only.
    """

    def __init__(
        self,
        path: Path,
        natom: int,
        *,
        first_step: int,
        step_interval: int,
        timestep_fs: float,
        cell: bool = True,
        title: tuple[str, str] | None = None,
    ) -> None:
        self.natom = natom
        self.has_cell = cell
        self.frames = 0
        self._first = first_step
        self._interval = step_interval
        self._file = path.open("wb")
        lines = title or (f"REMARKS FILENAME={path.name} CREATED BY NAMDRunner", "REMARKS")
        self._file.write(_header(natom, first_step, step_interval, timestep_fs, cell, lines))
        self._file.flush()

    def write(self, coordinates: ArrayLike, cell: ArrayLike | None = None) -> None:
        """Append a frame: coordinates (n, 3) in Angstrom, ``cell`` as (3, 3) rows of vectors."""
        array = np.asarray(coordinates, dtype="<f4")
        if array.shape != (self.natom, 3):
            raise ValueError(f"expected shape ({self.natom}, 3), not {array.shape}")
        parts = []
        if self.has_cell:
            parts.append(_record(_pack_cell(np.zeros((3, 3)) if cell is None else np.asarray(cell, float))))
        parts += [_record(np.ascontiguousarray(array[:, axis]).tobytes()) for axis in range(3)]
        self._file.seek(0, io.SEEK_END)
        self._file.write(b"".join(parts))
        self.frames += 1
        self._file.seek(8)
        last = self._first + (self.frames - 1) * self._interval
        self._file.write(struct.pack("<4i", self.frames, self._first, self._interval, last))
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _record(data: bytes) -> bytes:
    mark = struct.pack("<i", len(data))
    return mark + data + mark


def _header(natom: int, first: int, interval: int, timestep_fs: float, cell: bool, title: tuple[str, str]) -> bytes:
    control = bytearray(80)
    struct.pack_into("<4i", control, 0, 0, first, interval, first)
    struct.pack_into("<f", control, 36, timestep_fs / TIME_UNIT_FS)
    struct.pack_into("<i", control, 40, int(cell))
    struct.pack_into("<i", control, 76, 24)
    lines = b"".join(line.encode("ascii", "replace")[:80].ljust(80) for line in title)
    return _record(b"CORD" + control) + _record(struct.pack("<i", 2) + lines) + _record(struct.pack("<i", natom))


def dcd_head(natom: int, *, frames: int, first_step: int, step_interval: int, timestep_fs: float, cell: bool) -> bytes:
    """The header of a trajectory whose frames are known beforehand, as NAMD writes it."""
    title = ("REMARKS CREATED BY NAMDRunner", "REMARKS part of a trajectory")
    head = bytearray(_header(natom, first_step, step_interval, timestep_fs, cell, title))
    last = first_step + max(frames - 1, 0) * step_interval
    struct.pack_into("<4i", head, 8, frames, first_step, step_interval, last)
    return bytes(head)


def packed_cell(vectors: NDArray[np.float64]) -> bytes:
    """The six numbers of a frame's cell, of (3, 3) rows of vectors, in NAMD's order."""
    return _pack_cell(vectors)


def _pack_cell(vectors: NDArray[np.float64]) -> bytes:
    """NAMD's order: a, cos(gamma), b, cos(beta), cos(alpha), c."""
    a, b, c = (float(np.linalg.norm(vector)) for vector in vectors)
    gamma, beta, alpha = (_cosine(vectors, i, j) for i, j in ((0, 1), (0, 2), (1, 2)))
    return struct.pack("<6d", a, gamma, b, beta, alpha, c)

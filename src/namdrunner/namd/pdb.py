"""Coordinates in Protein Data Bank format, by columns as NAMD reads them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd import tokens
from namdrunner.namd.files import Source, bad_input, first_bytes, line_at, read_bytes, source_name

_CRYST1 = re.compile(rb"^CRYST1(.{9})(.{9})(.{9})(.{7})(.{7})(.{7})", re.MULTILINE)
_LAST_COORDINATE = 54
_LONGEST_LINE = 158
"""NAMD reads lines into a buffer of 160 bytes and stops at longer ones, whatever they hold."""
_REMEDY = "Write the PDB file again; x, y and z belong in columns 31-54 of every ATOM or HETATM line."


@dataclass(frozen=True)
class UnitCell:
    """Edges a, b, c in Angstrom and angles alpha, beta, gamma in degrees."""

    a: float
    b: float
    c: float
    alpha: float
    beta: float
    gamma: float

    @property
    def vectors(self) -> tuple[tuple[float, float, float], ...]:
        """The three cell vectors in Angstrom: the first along x, the second in the xy plane."""
        alpha, beta, gamma = (math.radians(angle) for angle in (self.alpha, self.beta, self.gamma))
        bx, by = self.b * math.cos(gamma), self.b * math.sin(gamma)
        cx = self.c * math.cos(beta)
        cy = self.c * (math.cos(alpha) - math.cos(beta) * math.cos(gamma)) / math.sin(gamma)
        cz = math.sqrt(max(self.c**2 - cx**2 - cy**2, 0.0))
        rounded = [round(value, 6) + 0.0 for value in (bx, by, cx, cy, cz)]
        return (self.a, 0.0, 0.0), (rounded[0], rounded[1], 0.0), (rounded[2], rounded[3], rounded[4])


@dataclass(frozen=True, eq=False)
class Pdb:
    """Atoms in the order of the file.

    ``coordinates`` has shape (n, 3) in Angstrom; names are byte strings without blanks; ``cryst1`` is None
    when the file has no CRYST1 record or one with an edge of zero (as VMD writes for "no cell").
    """

    coordinates: NDArray[np.float64]
    occupancy: NDArray[np.float64]
    beta: NDArray[np.float64]
    names: NDArray[np.bytes_]
    residues: NDArray[np.bytes_]
    residue_ids: NDArray[np.bytes_]
    chains: NDArray[np.bytes_]
    segments: NDArray[np.bytes_]
    cryst1: UnitCell | None
    source: str = field(default="", compare=False)

    @property
    def natom(self) -> int:
        return len(self.coordinates)


def read_pdb(source: Source, *, name: str | None = None) -> Pdb:
    """Read ATOM and HETATM records from a path or from bytes; raises InputError with file and line."""
    label = source_name(source, name)
    if b"\0" in first_bytes(source):
        raise bad_input("pdb-no-atoms", f"{label} is not text, so it is no PDB file.", _REMEDY, label, 1)
    data = read_bytes(source)
    text = tokens.as_array(data)
    parts = []
    for start, stop in tokens.chunks(0, len(data), text):
        parts.append(_atoms(data, text[start:stop], start, label))
    filled = [part for part in parts if part["x"].size]
    if not filled:
        raise bad_input("pdb-no-atoms", f"{label} has no ATOM or HETATM line.", _REMEDY, label)
    joined = {key: np.concatenate([part[key] for part in filled]) for key in filled[0]}
    coordinates = np.column_stack([joined.pop(axis) for axis in "xyz"])
    return Pdb(coordinates=coordinates, cryst1=_cell(data), source=label, **joined)


def _atoms(data: bytes, text: tokens.Bytes, offset: int, label: str) -> dict[str, NDArray]:  # type: ignore[type-arg]
    breaks = np.flatnonzero(text == 10)
    begins = np.concatenate(([0], breaks + 1)).astype(np.int64)
    ends = np.concatenate((breaks, [text.size])).astype(np.int64)
    long = np.flatnonzero(ends - begins > _LONGEST_LINE)
    if long.size:
        line = line_at(data, offset + int(begins[long[0]]))
        what = f"{label}: line {line} is longer than {_LONGEST_LINE} characters; NAMD refuses the file."
        raise bad_input("pdb-long-line", what, "Shorten the line; is this a PDB file?", label, line)
    begins, ends = begins[ends - begins >= 6], ends[ends - begins >= 6]
    heads = np.ascontiguousarray(text[begins[:, None] + np.arange(6)]).view("S6").ravel() if begins.size else None
    is_atom = np.isin(heads, (b"ATOM", b"ATOM  ", b"HETATM")) if heads is not None else np.zeros(0, bool)
    begins, ends = begins[is_atom], ends[is_atom]
    short = np.flatnonzero(ends - begins < _LAST_COORDINATE)
    if short.size:
        line = line_at(data, offset + int(begins[short[0]]))
        raise bad_input("pdb-bad-line", f"{label}: line {line} ends before its coordinates.", _REMEDY, label, line)

    def number(first: int, last: int, default: float | None = None) -> NDArray[np.float64]:
        starts, stops = _trim(text, begins + first - 1, np.minimum(begins + last, ends))
        blank = starts >= stops
        values = np.full(begins.size, np.nan if default is None else default)
        wanted = np.flatnonzero(~blank)
        if default is not None:
            values[wanted] = tokens.floats(text, starts[wanted], stops[wanted], default=default)
            return values
        bad: int | None = None
        try:
            values[wanted] = tokens.floats(text, starts[wanted], stops[wanted])
        except tokens.BadNumberError as error:
            bad = int(wanted[error.index])
        if bad is None and not np.isfinite(values).all():
            bad = int(np.argmin(np.isfinite(values)))
        if bad is not None:
            line = line_at(data, offset + int(begins[bad]))
            what = f"{label}: line {line} has no usable number in columns {first}-{last}."
            raise bad_input("pdb-bad-number", what, _REMEDY, label, line)
        return values

    def word(first: int, last: int) -> NDArray[np.bytes_]:
        starts, stops = _trim(text, begins + first - 1, np.minimum(begins + last, ends))
        return tokens.words(text, np.minimum(starts, stops), stops)

    return {
        "x": number(31, 38),
        "y": number(39, 46),
        "z": number(47, 54),
        "occupancy": number(55, 60, default=0.0),
        "beta": number(61, 66, default=0.0),
        "names": word(13, 16),
        "residues": word(18, 21),
        "chains": word(22, 22),
        "residue_ids": word(23, 27),
        "segments": word(73, 76),
    }


def _trim(text: tokens.Bytes, begins: tokens.Offsets, ends: tokens.Offsets) -> tuple[tokens.Offsets, tokens.Offsets]:
    """Narrow each column to what is not blank at either side."""
    ends = np.maximum(begins, ends)
    begins, ends = begins.copy(), ends.copy()
    last = text.size - 1
    for _ in range(int((ends - begins).max(initial=0))):
        blank = (begins < ends) & (text[np.minimum(begins, last)] <= 32)
        if not blank.any():
            break
        begins += blank
    for _ in range(int((ends - begins).max(initial=0))):
        blank = (begins < ends) & (text[np.clip(ends - 1, 0, last)] <= 32)
        if not blank.any():
            break
        ends -= blank
    return begins, ends


def _cell(data: bytes) -> UnitCell | None:
    match = _CRYST1.search(data)
    if match is None:
        return None
    try:
        a, b, c, alpha, beta, gamma = (float(group) for group in match.groups())
    except ValueError:
        return None
    if not all(0 < edge < 1e9 for edge in (a, b, c)) or not all(0 < x < 180 for x in (alpha, beta, gamma)):
        return None
    return UnitCell(a, b, c, alpha, beta, gamma)

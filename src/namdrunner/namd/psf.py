"""Protein structure files (PSF): atoms and the lists of bonded terms.

Reads what NAMD 2.12 to 3.0 read: words separated by white space whatever the flags (standard, EXT,
XPLOR, CMAP, NAMD), atoms in order, named atom types. What NAMD refuses is refused here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from namdrunner.errors import InputError
from namdrunner.namd import tokens
from namdrunner.namd.files import Source, bad_input, first_bytes, line_at, read_bytes, source_name

_SECTIONS = {"NBOND": 2, "NTHETA": 3, "NPHI": 4, "NIMPHI": 4}
_ORDER = (*_SECTIONS, "NDON", "NACC", "NNB")
"""The order in which NAMD looks for the sections; all of them have to be there."""
_HEADER = re.compile(rb"^[ \t]*(-?\d+)?[^\n!]*!([A-Z]+)[^\n]*$", re.MULTILINE)
_REBUILD = "Write the structure file again (psfgen: writepsf) or copy it again from where it was made."


@dataclass(frozen=True, eq=False)
class Psf:
    """A molecular structure; indices count from 0.

    Names are byte strings (numpy dtype ``S``); charges are in e, masses in u; ``bonds`` has shape (n, 2),
    ``angles`` (n, 3), ``dihedrals`` and ``impropers`` (n, 4), ``crossterms`` (n, 8), all int32.
    """

    flags: tuple[str, ...]
    title: tuple[str, ...]
    segments: NDArray[np.bytes_]
    residue_ids: NDArray[np.bytes_]
    residues: NDArray[np.bytes_]
    names: NDArray[np.bytes_]
    types: NDArray[np.bytes_]
    charges: NDArray[np.float64]
    masses: NDArray[np.float64]
    bonds: NDArray[np.int32]
    angles: NDArray[np.int32]
    dihedrals: NDArray[np.int32]
    impropers: NDArray[np.int32]
    crossterms: NDArray[np.int32]
    lone_pairs: int = 0
    source: str = field(default="", compare=False)

    @property
    def natom(self) -> int:
        return len(self.charges)

    @property
    def total_charge(self) -> float:
        """In e."""
        return float(self.charges.sum())

    @cached_property
    def _encoded_types(self) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        return tokens.encode_names(self.types)

    @property
    def type_names(self) -> tuple[str, ...]:
        """The distinct atom types, sorted."""
        return self._encoded_types[0]

    @property
    def type_index(self) -> NDArray[np.int32]:
        """For each atom the index of its type in ``type_names``."""
        return self._encoded_types[1]


def read_psf(source: Source, *, name: str | None = None) -> Psf:
    """Read a structure file from a path or from its bytes; raises InputError with file and line."""
    label = source_name(source, name)
    first = first_bytes(source).split(maxsplit=1)
    if first and b"PSF" not in first[0].upper():
        raise _not_a_psf(label)
    return _Reader(read_bytes(source), label).read()


def _not_a_psf(label: str) -> InputError:
    what = f"{label} does not begin with the word PSF, so it is no structure file."
    return bad_input("psf-not-a-psf", what, _REBUILD, label, 1)


class _Atoms(NamedTuple):
    """The columns of the atom section that are kept."""

    segments: NDArray[np.bytes_]
    residue_ids: NDArray[np.bytes_]
    residues: NDArray[np.bytes_]
    names: NDArray[np.bytes_]
    types: NDArray[np.bytes_]
    charges: NDArray[np.float64]
    masses: NDArray[np.float64]


class _Reader:
    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.text = tokens.as_array(data)
        self.name = name

    def read(self) -> Psf:
        flags, title, natom, begin = self.head()
        headers = [(m.group(2).decode(), m.group(1), m.start(), m.end()) for m in self.headers(begin)]
        atoms_end = headers[0][2] if headers else len(self.data)
        columns = self.atoms(begin, atoms_end, natom)
        lists = {key: np.zeros((0, width), np.int32) for key, width in _SECTIONS.items()}
        lists["NCRTERM"] = np.zeros((0, 8), np.int32)
        lone_pairs = 0
        found: list[str] = []
        for number, (key, count, start, end) in enumerate(headers):
            stop = headers[number + 1][2] if number + 1 < len(headers) else len(self.data)
            width = _SECTIONS.get(key)
            if key == "NUMLP":
                lone_pairs = self.count(count, start)
            if key in _ORDER and key not in found:
                found.append(key)
                if key in _SECTIONS:
                    lists[key] = self.index_list(key, self.count(count, start), width or 0, end, stop, natom)
                else:
                    self.other_list(key, self.count(count, start), end, stop, natom)
            elif key == "NCRTERM" and not len(lists[key]):
                lists[key] = self.index_list(key, self.count(count, start), 8, end, stop, natom)
        self.complete(found, atoms_end)
        return Psf(
            flags=flags,
            title=title,
            segments=columns.segments,
            residue_ids=columns.residue_ids,
            residues=columns.residues,
            names=columns.names,
            types=columns.types,
            charges=columns.charges,
            masses=columns.masses,
            bonds=lists["NBOND"],
            angles=lists["NTHETA"],
            dihedrals=lists["NPHI"],
            impropers=lists["NIMPHI"],
            crossterms=lists["NCRTERM"],
            lone_pairs=lone_pairs,
            source=self.name,
        )

    def headers(self, begin: int) -> list[re.Match[bytes]]:
        """Section header lines; found by their '!' so that the numbers between are not scanned."""
        found = []
        position = self.data.find(b"!", begin)
        while position >= 0:
            line_start = self.data.rfind(b"\n", 0, position) + 1
            match = _HEADER.match(self.data, line_start)
            if match is not None and match.end() >= position:
                found.append(match)
                position = self.data.find(b"!", match.end())
            else:
                position = self.data.find(b"!", position + 1)
            if len(found) > 100:
                raise self.error("psf-not-a-psf", "has more than 100 sections", position)
        return found

    def head(self) -> tuple[tuple[str, ...], tuple[str, ...], int, int]:
        start, line = self.next_filled(0)
        position = start + len(line) + 1
        first = line.split()
        if not first or b"PSF" not in first[0].upper():
            raise _not_a_psf(self.name)
        flags = tuple(word.decode("latin-1") for word in first[1:])
        start, line = self.next_filled(position)
        if b"NTITLE" not in line:
            raise self.error("psf-not-a-psf", "has no !NTITLE line", start)
        ntitle = self.count(line.split()[0], start)
        title: list[str] = []
        position = start + len(line) + 1
        while len(title) < ntitle:
            start, line = self.next_filled(position)
            position = start + len(line) + 1
            if b"!NATOM" in line:
                break
            title.append(line.decode("latin-1").strip())
        else:
            start, line = self.next_filled(position)
        if b"NATOM" not in line or len(title) != ntitle:
            raise bad_input(
                "psf-title-count",
                f"{self.name}: the number of title lines is not the {ntitle} that !NTITLE announces.",
                "Correct the number in front of !NTITLE; NAMD refuses the file as it is.",
                self.name,
                line_at(self.data, start),
            )
        natom = self.count(line.split()[0], start)
        return flags, tuple(title), natom, start + len(line) + 1

    def next_filled(self, position: int) -> tuple[int, bytes]:
        while position < len(self.data):
            end = self.data.find(b"\n", position)
            end = len(self.data) if end < 0 else end
            line = self.data[position:end]
            if line.strip():
                return position, line
            position = end + 1
        raise self.error("psf-truncated", "ends before its atoms", len(self.data))

    def count(self, word: bytes | None, offset: int) -> int:
        try:
            value = int(word) if word is not None and len(word) < 20 else -1
        except ValueError:
            value = -1
        if value < 0:
            raise self.error("psf-bad-count", "has a section header without a usable number", offset)
        if value > len(self.data):
            raise self.error("psf-truncated", f"announces {value} entries, more than the file can hold", offset)
        return value

    def atoms(self, begin: int, end: int, natom: int) -> _Atoms:
        parts: list[_Atoms] = []
        done = 0
        for start, stop in tokens.chunks(begin, end, self.text):
            part = self.atom_lines(start, stop, done, natom)
            done += len(part.charges)
            parts.append(part)
        if done < natom:
            raise self.error("psf-truncated", f"has {done} of the {natom} atoms it announces", end)
        if not parts:
            none, zeros = np.zeros(0, dtype="S1"), np.zeros(0)
            parts = [_Atoms(none, none, none, none, none, zeros, zeros)]
        return _Atoms(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def atom_lines(self, start: int, stop: int, done: int, natom: int) -> _Atoms:
        text = self.text[start:stop]
        begins, ends = tokens.find_words(text)
        line_starts = np.concatenate(([0], np.flatnonzero(text == 10) + 1))
        first = np.searchsorted(begins, line_starts)
        counts = np.diff(np.append(first, begins.size))
        filled = counts > 0
        first, counts = first[filled], counts[filled]
        if done + first.size > natom:
            offset = start + int(begins[first[natom - done]])
            raise self.error("psf-bad-count", f"has more atom lines than the {natom} it announces", offset)
        short = np.flatnonzero(counts < 8)
        if short.size:
            offset = start + int(begins[first[short[0]]])
            what = f"has an atom line with {counts[short[0]]} words where at least 8 are needed"
            raise self.error("psf-bad-atom-line", what, offset)

        def column(index: int) -> tuple[tokens.Offsets, tokens.Offsets]:
            return begins[first + index], ends[first + index]

        try:
            numbers = tokens.integers(text, *column(0))
            charges = tokens.floats(text, *column(6))
            masses = tokens.floats(text, *column(7))
        except tokens.BadNumberError as error:
            offset = start + int(begins[first[error.index]])
            what = f"has {error.word[:20]!r} on an atom line where a number is needed"
            if self.numeric_types(text, *column(5)) is not None:
                raise self.numeric_types_error(offset) from None
            raise self.error("psf-bad-atom-line", what, offset) from None
        types = tokens.words(text, *column(5))
        numeric = self.numeric_types(text, *column(5))
        if numeric is not None:
            raise self.numeric_types_error(start + int(begins[first[numeric]]))
        wrong = np.flatnonzero(numbers != np.arange(done + 1, done + 1 + numbers.size))
        if wrong.size:
            offset = start + int(begins[first[wrong[0]]])
            raise self.error("psf-atom-order", f"has atom numbers out of order at atom {done + wrong[0] + 1}", offset)
        finite = np.isfinite(charges) & np.isfinite(masses)
        if not finite.all():
            offset = start + int(begins[first[int(np.argmin(finite))]])
            raise self.error("psf-bad-atom-line", "has a charge or mass that is not a finite number", offset)
        return _Atoms(
            segments=tokens.words(text, *column(1)),
            residue_ids=tokens.words(text, *column(2)),
            residues=tokens.words(text, *column(3)),
            names=tokens.words(text, *column(4)),
            types=types,
            charges=charges,
            masses=masses,
        )

    @staticmethod
    def numeric_types(text: tokens.Bytes, starts: tokens.Offsets, ends: tokens.Offsets) -> int | None:
        """Index of the first type that begins as a number does (NAMD's own test), or None."""
        if starts.size == 0:
            return None
        first = text[starts]
        second = text[np.minimum(starts + 1, text.size - 1)]
        signed = ((first == 43) | (first == 45)) & (ends - starts > 1)
        digit = (first - np.uint8(48) < 10) | (signed & (second - np.uint8(48) < 10))
        return int(np.argmax(digit)) if digit.any() else None

    def numeric_types_error(self, offset: int) -> Exception:
        return bad_input(
            "psf-numeric-types",
            f"{self.name} has numbers for atom types (CHARMM's own format) or an empty segment name; "
            "NAMD needs named types.",
            "Write the PSF in X-PLOR format (psfgen, or CHARMM: write psf card xplor), with a segment name.",
            self.name,
            line_at(self.data, offset),
        )

    def index_list(self, key: str, count: int, width: int, begin: int, end: int, natom: int) -> NDArray[np.int32]:
        parts: list[NDArray[np.int32]] = []
        needed = count * width
        if needed > (end - begin + 1) // 2:
            raise self.error("psf-truncated", f"announces {count} entries in !{key} and holds fewer", begin)
        for start, stop in tokens.chunks(begin, end, self.text):
            piece = self.text[start:stop]
            begins, ends = tokens.find_words(piece)
            try:
                values = tokens.integers(piece, begins, ends)
            except tokens.BadNumberError as error:
                offset = start + int(begins[error.index])
                what = f"has {error.word[:20]!r} in section !{key} where an atom number is needed"
                raise self.error("psf-bad-index", what, offset) from None
            outside = np.flatnonzero((values < 1) | (values > natom))
            if outside.size:
                offset = start + int(begins[outside[0]])
                what = f"names atom {values[outside[0]]} in section !{key}, but has {natom} atoms"
                raise self.error("psf-index-out-of-range", what, offset)
            parts.append((values - 1).astype(np.int32))
        flat = np.concatenate(parts) if parts else np.zeros(0, np.int32)
        if flat.size != needed:
            what = f"holds {flat.size} atom numbers in section !{key} where {needed} are announced"
            raise self.error("psf-truncated" if flat.size < needed else "psf-bad-count", what, begin)
        return flat.reshape(count, width)

    def other_list(self, key: str, count: int, begin: int, end: int, natom: int) -> None:
        """Donors, acceptors and exclusions: not kept, but NAMD reads them and stops where they are wrong.

        Exclusions are ``count`` partners and then, for each atom, how far its own reach in that list.
        """
        if count == 0:
            return
        needed = count + natom if key == "NNB" else 2 * count
        words = self.data[begin:end].split()
        if len(words) < needed:
            what = f"announces {count} entries in !{key} and holds fewer"
            raise self.error("psf-truncated", what, begin)
        for number, word in enumerate(words[:needed]):
            limit = count if key == "NNB" and number >= count else natom
            if not word.isdigit() or int(word[:18]) > limit:
                shown = word[:20].decode("latin-1")
                raise self.error("psf-index-out-of-range", f"has {shown!r} in section !{key}, beyond {limit}", begin)

    def complete(self, found: list[str], atoms_end: int) -> None:
        for key in _ORDER:
            if key not in found:
                at = atoms_end if key in _SECTIONS else len(self.data)
                raise self.error("psf-truncated", f"has no !{key} section", at)
        if tuple(found) != _ORDER:
            first = next(key for key, expected in zip(found, _ORDER, strict=True) if key != expected)
            raise self.error("psf-section-order", f"has !{first} where NAMD looks for another section", atoms_end)

    def error(self, code: str, what: str, offset: int) -> Exception:
        return bad_input(code, f"{self.name} {what}.", _REBUILD, self.name, line_at(self.data, offset))

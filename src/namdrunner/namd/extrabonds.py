"""Extra bonds files (extraBondsFile): restraints by atom index, counted from 0.

Energies are k (r - r0)^2 without a half, k in kcal/mol/A^2 (or per rad^2), angles in degrees
(NAMD user guide, "Extra bond, angle, and dihedral terms").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd import tokens
from namdrunner.namd.files import Source, bad_input, line_at, read_bytes, source_name

_REMEDY = "Make the file again for this structure; indices count from 0 and a line holds one restraint only."


@dataclass(frozen=True)
class _Form:
    """How a kind of line is laid out: atoms, then numbers; the accepted numbers of numbers."""

    kind: str
    atoms: int
    numbers: tuple[int, ...]


_FORMS = {
    b"bond": _Form("bond", 2, (2,)),
    b"angl": _Form("angle", 3, (2, 4)),
    b"dihe": _Form("dihedral", 4, (2, 3)),
    b"impr": _Form("improper", 4, (2, 3)),
    b"wall": _Form("wall", 2, (3,)),
}
_WIDEST = 5


@dataclass(frozen=True, eq=False)
class ExtraTerms:
    """Restraints of one kind: ``atoms`` (n, 2..4) from 0 and ``numbers`` (n, 5) as written, NaN where absent.

    Numbers are: bond k r0; angle k theta0 [k_ub r_ub]; dihedral and improper k [n] phi0; wall k lower upper.
    """

    kind: str
    atoms: NDArray[np.int64]
    numbers: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.atoms)

    @property
    def force_constants(self) -> NDArray[np.float64]:
        return self.numbers[:, 0]

    @property
    def multiplicities(self) -> NDArray[np.int64]:
        """Periodicity n of dihedrals and impropers; 0 is a harmonic term."""
        periodic = ~np.isnan(self.numbers[:, 2])
        return np.where(periodic, np.nan_to_num(self.numbers[:, 1]), 0).astype(np.int64)

    @property
    def references(self) -> NDArray[np.float64]:
        """r0, theta0 or phi0 (of a wall: its lower end)."""
        if self.kind in ("dihedral", "improper"):
            return np.where(np.isnan(self.numbers[:, 2]), self.numbers[:, 1], self.numbers[:, 2])
        return self.numbers[:, 1]


@dataclass(frozen=True, eq=False)
class ExtraBonds:
    """All restraints of a file by kind: bond, angle, dihedral, improper, wall."""

    terms: Mapping[str, ExtraTerms]
    source: str = field(default="", compare=False)

    def __len__(self) -> int:
        return sum(len(terms) for terms in self.terms.values())

    def highest_index(self) -> int:
        """The highest atom index used, -1 when there is none."""
        return max((int(t.atoms.max(initial=-1)) for t in self.terms.values()), default=-1)

    @property
    def bonds(self) -> ExtraTerms:
        return self.terms["bond"]


def read_extrabonds(source: Source, *, natom: int | None = None, name: str | None = None) -> ExtraBonds:
    """Read restraints; raises InputError for a bad line and, with ``natom``, for an index outside the structure."""
    label = source_name(source, name)
    data = read_bytes(source)
    text = tokens.as_array(data)
    atoms: dict[str, list[NDArray[np.int64]]] = {form.kind: [] for form in _FORMS.values()}
    numbers: dict[str, list[NDArray[np.float64]]] = {form.kind: [] for form in _FORMS.values()}
    for start, stop in tokens.chunks(0, len(data), text):
        _Piece(data, text[start:stop], start, label, natom).collect(atoms, numbers)
    terms = {}
    for form in _FORMS.values():
        indices = [np.zeros((0, form.atoms), np.int64), *atoms[form.kind]]
        values = [np.zeros((0, _WIDEST)), *numbers[form.kind]]
        terms[form.kind] = ExtraTerms(form.kind, np.concatenate(indices), np.concatenate(values))
    return ExtraBonds(terms, label)


class _Piece:
    """Some whole lines of the file."""

    def __init__(self, data: bytes, text: tokens.Bytes, offset: int, label: str, natom: int | None) -> None:
        self.data, self.text, self.offset, self.label, self.natom = data, text, offset, label, natom
        self.begins, self.ends = tokens.find_words(text)
        lines = np.concatenate(([0], np.flatnonzero(text == 10) + 1))
        first = np.searchsorted(self.begins, lines)
        counts = np.diff(np.append(first, self.begins.size))
        filled = counts > 0
        self.first, self.counts = first[filled], counts[filled]
        comment = self.text[self.begins[self.first]] == ord("#") if self.first.size else self.first.astype(bool)
        self.first, self.counts = self.first[~comment], self.counts[~comment]

    def collect(self, atoms: dict[str, list[NDArray[np.int64]]], numbers: dict[str, list[NDArray[np.float64]]]) -> None:
        if not self.first.size:
            return
        starts = self.begins[self.first]
        stops = np.minimum(self.ends[self.first], starts + 4)
        kinds = np.char.lower(tokens.words(self.text, starts, stops))
        known = np.isin(kinds, list(_FORMS))
        if not known.all():
            self.fail("exb-bad-line", "does not begin with bond, angle, dihedral, improper or wall", ~known)
        for key, form in _FORMS.items():
            rows = np.flatnonzero(kinds == key)
            if rows.size:
                self.form_lines(form, rows, atoms[form.kind], numbers[form.kind])

    def form_lines(
        self,
        form: _Form,
        rows: NDArray[np.int64],
        atoms: list[NDArray[np.int64]],
        numbers: list[NDArray[np.float64]],
    ) -> None:
        given = self.counts[rows] - 1 - form.atoms
        wrong = ~np.isin(given, form.numbers)
        if wrong.any():
            needed = " or ".join(str(n + form.atoms) for n in form.numbers)
            self.fail("exb-bad-line", f"is a {form.kind} that needs {needed} numbers and nothing else", wrong, rows)
        first = self.first[rows]
        indices = np.empty((rows.size, form.atoms), np.int64)
        values = np.full((rows.size, _WIDEST), np.nan)
        try:
            for column in range(form.atoms):
                at = first + 1 + column
                indices[:, column] = tokens.integers(self.text, self.begins[at], self.ends[at])
            chosen = np.arange(rows.size)
            for column in range(max(form.numbers)):
                chosen = np.flatnonzero(given > column)
                at = first[chosen] + 1 + form.atoms + column
                values[chosen, column] = tokens.floats(self.text, self.begins[at], self.ends[at])
        except tokens.BadNumberError as error:
            bad = np.zeros(self.first.size, bool)
            bad[rows[error.index if error.index < rows.size else 0]] = True
            self.fail("exb-bad-line", f"has {error.word[:20]!r} where a number is needed", bad)
        highest = np.iinfo(np.int32).max if self.natom is None else self.natom - 1
        outside = np.any((indices < 0) | (indices > highest), axis=1)
        if outside.any():
            limit = f" of a structure of {self.natom} atoms (0 to {self.natom - 1})" if self.natom else ""
            self.fail("exb-atom-out-of-range", f"names an atom outside the range{limit}", outside, rows)
        atoms.append(indices)
        numbers.append(values)

    def fail(self, code: str, what: str, bad: NDArray[np.bool_], rows: NDArray[np.int64] | None = None) -> None:
        row = int(np.argmax(bad))
        row = row if rows is None else int(rows[row])
        line = line_at(self.data, self.offset + int(self.begins[self.first[row]]))
        raise bad_input(code, f"{self.label}: line {line} {what}.", _REMEDY, self.label, line)

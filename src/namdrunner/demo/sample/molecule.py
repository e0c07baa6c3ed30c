"""A molecular system in the making: atoms with topology and coordinates."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Atom:
    """One atom as PSF and PDB name it; charge in e, mass in atomic mass units."""

    name: str
    type: str
    charge: float
    mass: float
    residue: str
    residue_id: int
    segment: str


@dataclass
class Molecule:
    """Atoms, coordinates (A) and the covalent terms as tuples of 0-based indices."""

    atoms: list[Atom] = field(default_factory=list)
    positions: list[NDArray[np.float64]] = field(default_factory=list)
    bonds: list[tuple[int, int]] = field(default_factory=list)
    impropers: list[tuple[int, ...]] = field(default_factory=list)
    crossterms: list[tuple[int, ...]] = field(default_factory=list)

    def add(self, atom: Atom, position: NDArray[np.float64]) -> int:
        """Append an atom and return its index."""
        self.atoms.append(atom)
        self.positions.append(position)
        return len(self.atoms) - 1

    def coordinates(self) -> NDArray[np.float64]:
        """All positions, shape (atoms, 3), A."""
        return np.array(self.positions)

    def extend(self, other: Molecule) -> None:
        """Append another molecule, its terms renumbered."""
        shift = len(self.atoms)
        self.atoms.extend(other.atoms)
        self.positions.extend(other.positions)
        self.bonds.extend((a + shift, b + shift) for a, b in other.bonds)
        self.impropers.extend(tuple(i + shift for i in term) for term in other.impropers)
        self.crossterms.extend(tuple(i + shift for i in term) for term in other.crossterms)


def neighbours(molecule: Molecule) -> list[list[int]]:
    """The bonded neighbours of each atom, ascending."""
    table: list[list[int]] = [[] for _ in molecule.atoms]
    for a, b in molecule.bonds:
        table[a].append(b)
        table[b].append(a)
    return [sorted(row) for row in table]


def angles_of(molecule: Molecule) -> list[tuple[int, int, int]]:
    """Every pair of bonds that share an atom, once each."""
    table = neighbours(molecule)
    return [(a, b, c) for b, row in enumerate(table) for i, a in enumerate(row) for c in row[i + 1 :]]


def dihedrals_of(molecule: Molecule) -> list[tuple[int, int, int, int]]:
    """Every chain of three bonds, once each."""
    table = neighbours(molecule)
    return [
        (a, b, c, d)
        for b, c in sorted((min(pair), max(pair)) for pair in molecule.bonds)
        for a in table[b]
        if a != c
        for d in table[c]
        if d not in (a, b)
    ]

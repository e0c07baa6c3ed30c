"""Force-field parameters as NAMD keeps them after reading CHARMM or X-PLOR files.

Types compare without regard to case. A term without the wildcard X goes before any with it, and of several
wildcard terms the first read wins (NAMD Parameters.C). Energies in kcal/mol, lengths in Angstrom, angles
in degrees; no factor 1/2 anywhere: E = k (x - x0)^2, and k (1 + cos(n phi - phase)) for n > 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Types = tuple[str, ...]
Value = TypeVar("Value")

WILDCARD = "X"
MAX_MULTIPLICITY = 6
"""Terms one dihedral may have (NAMD structures.h)."""

_TWO_TO_SIXTH = 2.0 ** (1.0 / 6.0)


@dataclass(frozen=True)
class BondType:
    k: float
    r0: float


@dataclass(frozen=True)
class AngleType:
    """``k_ub`` and ``r_ub`` are the Urey-Bradley term between the outer atoms, 0 without one."""

    k: float
    theta0: float
    k_ub: float = 0.0
    r_ub: float = 0.0


@dataclass(frozen=True)
class TorsionTerm:
    """``n`` = 0 is harmonic: k (phi - phase)^2."""

    k: float
    n: int
    phase: float


@dataclass(frozen=True)
class VdwType:
    """Lennard-Jones well depth (>= 0) and sigma, plain and for atoms three bonds apart."""

    epsilon: float
    sigma: float
    epsilon14: float
    sigma14: float

    @property
    def r_min_half(self) -> float:
        """Half the distance of the minimum, as CHARMM files state it."""
        return self.sigma * _TWO_TO_SIXTH / 2

    @property
    def r_min_half14(self) -> float:
        return self.sigma14 * _TWO_TO_SIXTH / 2


@dataclass(frozen=True)
class VdwPair:
    """NBFIX: E = a / r^12 - b / r^6 for one pair of types, plain and for atoms three bonds apart."""

    a: float
    b: float
    a14: float
    b14: float

    @property
    def epsilon(self) -> float:
        return self.b * self.b / (4 * self.a) if self.a else 0.0

    @property
    def r_min(self) -> float:
        return float((2 * self.a / self.b) ** (1 / 6)) if self.b > 0 and self.a > 0 else 0.0


@dataclass(frozen=True, eq=False)
class CmapType:
    """A square map of energies over two dihedral angles from -180 degrees on; first index: first dihedral."""

    values: NDArray[np.float64]

    @property
    def dimension(self) -> int:
        return len(self.values)


def sigma_from_r_min_half(r_min_half: float) -> float:
    """Sigma of a CHARMM entry, which states half the distance of the minimum."""
    return 2 * r_min_half / _TWO_TO_SIXTH


class WildcardTable(Generic[Value]):
    """Terms by type tuple, forwards or backwards, with X as a wildcard and NAMD's order of precedence."""

    def __init__(self) -> None:
        self.exact: dict[Types, Value] = {}
        self.wild: dict[Types, Value] = {}

    def __len__(self) -> int:
        return len(self.exact) + len(self.wild)

    def items(self) -> Iterator[tuple[Types, Value]]:
        """All terms in order of precedence."""
        yield from self.exact.items()
        yield from self.wild.items()

    def defined(self, types: Types) -> tuple[Types, Value] | None:
        """The very entry with these words in the file, X meaning X."""
        table = self.wild if WILDCARD in types else self.exact
        for key in (types, types[::-1]):
            if key in table:
                return key, table[key]
        return None

    def put(self, types: Types, value: Value) -> None:
        """Add or replace an entry."""
        known = self.defined(types)
        table = self.wild if WILDCARD in types else self.exact
        table[known[0] if known else types] = value

    def find(self, types: Types) -> Value | None:
        """The term NAMD applies to these types, None when there is none."""
        for key in (types, types[::-1]):
            if key in self.exact:
                return self.exact[key]
        for key, value in self.wild.items():
            if _matches(key, types) or _matches(key[::-1], types):
                return value
        return None


def _matches(pattern: Types, types: Types) -> bool:
    return all(want in (WILDCARD, have) for want, have in zip(pattern, types, strict=True))


@dataclass(frozen=True, eq=False)
class Parameters:
    """All parameters of the files read, looked up by type names in any case."""

    bonds: dict[Types, BondType] = field(default_factory=dict)
    angles: dict[Types, AngleType] = field(default_factory=dict)
    dihedrals: WildcardTable[tuple[TorsionTerm, ...]] = field(default_factory=WildcardTable)
    impropers: WildcardTable[tuple[TorsionTerm, ...]] = field(default_factory=WildcardTable)
    cmaps: dict[Types, CmapType] = field(default_factory=dict)
    vdw_types: dict[str, VdwType] = field(default_factory=dict)
    vdw_pairs: dict[Types, VdwPair] = field(default_factory=dict)
    thole_pairs: dict[Types, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What was passed over or overridden, in the order of reading."""
    sources: list[str] = field(default_factory=list)

    def bond(self, a: str, b: str) -> BondType | None:
        key = ordered(a.upper(), b.upper())
        found = self.bonds.get(key)
        if found is None and "DRUD" in key and WILDCARD not in key:
            return self.bonds.get(ordered("DRUD", WILDCARD))
        return found

    def angle(self, a: str, b: str, c: str) -> AngleType | None:
        return self.angles.get(ordered_ends(a.upper(), b.upper(), c.upper()))

    def dihedral(self, a: str, b: str, c: str, d: str) -> tuple[TorsionTerm, ...] | None:
        return self.dihedrals.find(_upper(a, b, c, d))

    def improper(self, a: str, b: str, c: str, d: str) -> tuple[TorsionTerm, ...] | None:
        return self.impropers.find(_upper(a, b, c, d))

    def cmap(self, *types: str) -> CmapType | None:
        """The map of eight types; either half may stand backwards."""
        key = _upper(*types)
        halves = ((key[:4], key[4:]), (key[3::-1], key[4:]), (key[:4], key[:3:-1]), (key[3::-1], key[:3:-1]))
        for first, second in halves:
            if first + second in self.cmaps:
                return self.cmaps[first + second]
        for pattern, value in self.cmaps.items():
            if WILDCARD in pattern and any(_matches(pattern, first + second) for first, second in halves):
                return value
        return None

    def vdw(self, name: str) -> VdwType | None:
        return self.vdw_types.get(name.upper())

    def nbfix(self, a: str, b: str) -> VdwPair | None:
        a, b = a.upper(), b.upper()
        return self.vdw_pairs.get((a, b)) or self.vdw_pairs.get((b, a))

    def counts(self) -> Mapping[str, int]:
        """Entries by kind."""
        return {
            "bonds": len(self.bonds),
            "angles": len(self.angles),
            "dihedrals": len(self.dihedrals),
            "impropers": len(self.impropers),
            "cmaps": len(self.cmaps),
            "vdw_types": len(self.vdw_types),
            "vdw_pairs": len(self.vdw_pairs),
        }


def ordered(a: str, b: str) -> Types:
    """The key of a symmetric pair."""
    return (a, b) if a <= b else (b, a)


def ordered_ends(a: str, b: str, c: str) -> Types:
    """The key of an angle."""
    return (a, b, c) if a <= c else (c, b, a)


def _upper(*types: str) -> Types:
    return tuple(name.upper() for name in types)

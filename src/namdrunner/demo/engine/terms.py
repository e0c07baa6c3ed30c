"""Parameters of every bonded term and atom of a structure, looked up as NAMD does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from namdrunner.demo.engine.fatal import FatalError
from namdrunner.namd.charmm import CmapType, Parameters, TorsionTerm, VdwPair, VdwType
from namdrunner.namd.psf import Psf

Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class BondTerms:
    """k (r - r0)^2: kcal/mol/A^2, A."""

    atoms: Indices
    k: Numbers
    r0: Numbers


@dataclass(frozen=True, eq=False)
class AngleTerms:
    """k (theta - theta0)^2 + k_ub (s - r_ub)^2: kcal/mol/rad^2, degrees, kcal/mol/A^2, A."""

    atoms: Indices
    k: Numbers
    theta0: Numbers
    k_ub: Numbers
    r_ub: Numbers


@dataclass(frozen=True, eq=False)
class TorsionTerms:
    """k (1 + cos(n phi - phase)), or k (phi - phase)^2 where n is 0: kcal/mol, degrees."""

    atoms: Indices
    k: Numbers
    n: Indices
    phase: Numbers


@dataclass(frozen=True, eq=False)
class CmapTerms:
    """Eight atoms each, and which of `maps` applies."""

    atoms: Indices
    index: Indices
    maps: tuple[CmapType, ...]


@dataclass(frozen=True, eq=False)
class VdwTerms:
    """Lennard-Jones per atom (kcal/mol, A), the type number of each atom, and NBFIX pairs of type numbers."""

    types: Indices
    epsilon: Numbers
    sigma: Numbers
    epsilon14: Numbers
    sigma14: Numbers
    pairs: dict[tuple[int, int], VdwPair]


@dataclass(frozen=True, eq=False)
class Terms:
    """Everything but charges."""

    bonds: BondTerms
    angles: AngleTerms
    dihedrals: TorsionTerms
    impropers: TorsionTerms
    cmaps: CmapTerms
    vdw: VdwTerms


def assign_terms(psf: Psf, parameters: Parameters) -> Terms:
    """Look everything up, in NAMD's order; raises FatalError with NAMD's words for what is missing."""
    vdw = _vdw(psf, parameters)
    return Terms(
        bonds=_bonds(psf, parameters),
        angles=_angles(psf, parameters),
        dihedrals=_torsions(psf, psf.dihedrals, "DIHEDRAL", parameters.dihedral),
        impropers=_torsions(psf, psf.impropers, "IMPROPER", parameters.improper),
        cmaps=_cmaps(psf, parameters),
        vdw=vdw,
    )


def _look_up(
    psf: Psf, terms: NDArray[np.int32], kind: str, find: Callable[..., Found | None]
) -> tuple[list[Found], Indices]:
    """The parameters of each distinct combination of types, and which of them each term uses."""
    if not len(terms):
        return [], np.zeros(0, np.int64)
    combinations, first, inverse = np.unique(psf.type_index[terms], axis=0, return_index=True, return_inverse=True)
    found: dict[int, Found] = {}
    for number in np.argsort(first):
        names = [psf.type_names[t] for t in combinations[number]]
        value = find(*names)
        if value is None:
            atoms = " ".join(str(atom + 1) for atom in terms[first[number]])
            raise FatalError(f"UNABLE TO FIND {kind} PARAMETERS FOR {' '.join(names)} (ATOMS {atoms})")
        found[int(number)] = value
    return [found[number] for number in range(len(combinations))], inverse.reshape(-1).astype(np.int64)


def _column(values: list[float], index: Indices) -> Numbers:
    return np.array(values, dtype=np.float64)[index] if values else np.zeros(0)


def _bonds(psf: Psf, parameters: Parameters) -> BondTerms:
    found, index = _look_up(psf, psf.bonds, "BOND", parameters.bond)
    return BondTerms(
        psf.bonds.astype(np.int64), _column([b.k for b in found], index), _column([b.r0 for b in found], index)
    )


def _angles(psf: Psf, parameters: Parameters) -> AngleTerms:
    found, index = _look_up(psf, psf.angles, "ANGLE", parameters.angle)
    return AngleTerms(
        psf.angles.astype(np.int64),
        _column([a.k for a in found], index),
        _column([a.theta0 for a in found], index),
        _column([a.k_ub for a in found], index),
        _column([a.r_ub for a in found], index),
    )


def _torsions(
    psf: Psf,
    terms: NDArray[np.int32],
    kind: str,
    find: Callable[..., tuple[TorsionTerm, ...] | None],
) -> TorsionTerms:
    found, index = _look_up(psf, terms, kind, find)
    rows: list[Indices] = []
    values: list[NDArray[np.float64]] = []
    for number, series in enumerate(found):
        own = terms[index == number].astype(np.int64)
        for term in series:
            rows.append(own)
            values.append(np.tile((term.k, term.n, term.phase), (len(own), 1)))
    atoms = np.concatenate([np.zeros((0, 4), np.int64), *rows])
    table = np.concatenate([np.zeros((0, 3)), *values])
    return TorsionTerms(atoms, table[:, 0], table[:, 1].astype(np.int64), table[:, 2])


def _cmaps(psf: Psf, parameters: Parameters) -> CmapTerms:
    found, index = _look_up(psf, psf.crossterms, "CROSSTERM", parameters.cmap)
    return CmapTerms(psf.crossterms.astype(np.int64).reshape(-1, 8), index, tuple(found))


def _vdw(psf: Psf, parameters: Parameters) -> VdwTerms:
    for pair in parameters.vdw_pairs:
        for name in pair:
            if parameters.vdw(name) is None:
                raise FatalError(f"DIDN'T FIND vdW PARAMETER FOR ATOM TYPE {name}")
    first = {int(t): row for row, t in reversed(list(enumerate(psf.type_index)))}
    found: list[VdwType] = [VdwType(0, 0, 0, 0)] * len(psf.type_names)
    for number in sorted(first, key=first.__getitem__):
        name = psf.type_names[number]
        value = parameters.vdw(name)
        if value is None:
            raise FatalError(f"DIDN'T FIND vdW PARAMETER FOR ATOM TYPE {name}")
        found[number] = value
    types = psf.type_index.astype(np.int64)
    return VdwTerms(
        types=types,
        epsilon=_column([v.epsilon for v in found], types),
        sigma=_column([v.sigma for v in found], types),
        epsilon14=_column([v.epsilon14 for v in found], types),
        sigma14=_column([v.sigma14 for v in found], types),
        pairs=_pairs(psf.type_names, parameters),
    )


def _pairs(names: tuple[str, ...], parameters: Parameters) -> dict[tuple[int, int], VdwPair]:
    pairs = {}
    for i, first in enumerate(names):
        for j in range(i, len(names)):
            pair = parameters.nbfix(first, names[j])
            if pair is not None:
                pairs[(i, j)] = pair
    return pairs

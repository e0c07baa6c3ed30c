"""Which terms of a structure the parameter files do not define."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd.charmm import Parameters
from namdrunner.namd.psf import Psf


@dataclass(frozen=True)
class MissingParameter:
    """A term NAMD would not find.

    ``kind`` is vdw, nbfix, bond, angle, dihedral, improper or cmap; ``types`` its atom types; ``atoms`` the first
    place where it is needed (indices from 0; empty for nbfix) and ``count`` how often.
    """

    kind: str
    types: tuple[str, ...]
    atoms: tuple[int, ...]
    count: int

    def __str__(self) -> str:
        return f"{self.kind} {'-'.join(self.types)} ({self.count} times, first at atoms {self.atoms})"


def missing_parameters(psf: Psf, parameters: Parameters) -> list[MissingParameter]:
    """Everything the structure needs and the parameters lack, in the order in which NAMD looks."""
    names = psf.type_names
    index = psf.type_index
    missing = _missing_vdw(psf, parameters)

    def lookup(kind: str, terms: NDArray[np.int32], find: Callable[..., object | None]) -> None:
        for types, row, count in distinct_types(terms, index, len(names)):
            words = tuple(names[t] for t in types)
            if find(*words) is None:
                atoms = tuple(int(atom) for atom in terms[row])
                missing.append(MissingParameter(kind, words, atoms, count))

    lookup("bond", psf.bonds, parameters.bond)
    lookup("angle", psf.angles, parameters.angle)
    lookup("dihedral", psf.dihedrals, parameters.dihedral)
    lookup("improper", psf.impropers, parameters.improper)
    lookup("cmap", psf.crossterms, parameters.cmap)
    return missing


def _missing_vdw(psf: Psf, parameters: Parameters) -> list[MissingParameter]:
    missing = []
    pairs = sorted({name for pair in parameters.vdw_pairs for name in pair})
    for name in pairs:
        # NAMD resolves both types of every NBFIX entry, whether the structure uses them or not.
        if parameters.vdw(name) is None:
            count = sum(name in pair for pair in parameters.vdw_pairs)
            missing.append(MissingParameter("nbfix", (name,), (), count))
    counts = np.bincount(psf.type_index, minlength=len(psf.type_names))
    for number, name in enumerate(psf.type_names):
        if parameters.vdw(name) is None:
            first = int(np.argmax(psf.type_index == number))
            missing.append(MissingParameter("vdw", (name,), (first,), int(counts[number])))
    return missing


def distinct_types(
    terms: NDArray[np.int32], type_index: NDArray[np.int32], ntypes: int
) -> list[tuple[tuple[int, ...], int, int]]:
    """Distinct tuples of type numbers among the terms (n, width), each with its first row and its count."""
    if not len(terms):
        return []
    width = terms.shape[1]
    if ntypes**width < 2**62:
        keys = np.zeros(len(terms), dtype=np.int64)
        for column in range(width):
            keys *= ntypes
            keys += type_index[terms[:, column]]
    else:
        rows = np.ascontiguousarray(type_index[terms])
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * width))).ravel()  # type: ignore[assignment]
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    order = np.argsort(first)
    return [
        (tuple(int(t) for t in type_index[terms[row]]), int(row), int(count))
        for row, count in zip(first[order], counts[order], strict=True)
    ]

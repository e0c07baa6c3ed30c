"""The geometry at the start: bonds that are torn, atoms that lie on each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd.check.box import Box
from namdrunner.namd.check.context import Context
from namdrunner.namd.psf import Psf

_CLOSE = 0.9
"""Angstrom; no two atoms that are not bonded come closer in a sound structure."""

_SHORTEST_BOND = 0.6

_LONG = 3.0
"""Angstrom; longer than any covalent bond of light elements."""


def check(ctx: Context) -> None:
    psf, positions = ctx.inputs.psf, ctx.inputs.positions
    if psf is None or positions is None or len(positions) != psf.natom:
        return
    if not np.isfinite(positions).all() or (np.abs(positions) > 1e5).any():
        if ctx.config.startup("bincoordinates") is None:
            ctx.error(
                "not-finite",
                "The coordinates have numbers that are no coordinates.",
                "Write the coordinates again.",
                keyword="coordinates",
            )
        return
    name = "bincoordinates" if ctx.given("bincoordinates") else "coordinates"
    _torn_bonds(ctx, psf, positions, name)
    _overlaps(ctx, psf, positions, name)


def _minimizes_first(ctx: Context) -> bool:
    steps = ctx.config.steps
    return bool(steps) and steps[0].kind == "minimize" and steps[0].steps > 0


def _torn_bonds(ctx: Context, psf: Psf, positions: NDArray[np.float64], name: str) -> None:
    if not len(psf.bonds):
        return
    differences = positions[psf.bonds[:, 1]] - positions[psf.bonds[:, 0]]
    box = ctx.inputs.box
    if box is not None and box.periodic:
        differences = box.nearest_images(differences)
    lengths = np.linalg.norm(differences, axis=1)
    heavy = (psf.masses[psf.bonds] >= 1.5).all(axis=1)
    limit = np.where(heavy, _LONG, 2.0)
    torn = np.flatnonzero(lengths > limit)
    if not torn.size:
        return
    worst = int(torn[np.argmax(lengths[torn])])
    a, b = (int(x) + 1 for x in psf.bonds[worst])
    share = torn.size / len(psf.bonds)
    reason = (
        "the order of atoms may differ from the structure" if share > 0.02 else "they may cross the cell's boundary"
    )
    ctx.warning(
        "bonds-torn",
        f"{torn.size} bonds are too long (atoms {a} and {b}: {lengths[worst]:.1f} A); {reason}.",
        "Check that coordinates, structure and cell belong together.",
        keyword=name,
    )


def _overlaps(ctx: Context, psf: Psf, positions: NDArray[np.float64], name: str) -> None:
    box = ctx.inputs.box
    if len(positions) and box is not None and box.periodic and len(positions) / box.volume > 1:
        return  # The density rule says so; the number of contacts would be meaningless and large.
    periodic = box if box is not None and box.periodic and min(box.widths) > 3 * _CLOSE else None
    pairs = close_pairs(positions, _CLOSE, periodic)
    apart = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    apart = periodic.nearest_images(apart) if periodic is not None else apart
    pairs = _without_bonded(psf, pairs, np.linalg.norm(apart, axis=1))
    if not len(pairs):
        return
    a, b = (int(x) + 1 for x in pairs[0])
    difference = positions[pairs[0, 1]] - positions[pairs[0, 0]]
    wrapped = periodic is not None and bool(np.linalg.norm(difference) > 2 * _CLOSE)
    crowd = len(pairs) > 0.05 * psf.natom
    how = " through the cell's boundary" if wrapped else ""
    message = f"{len(pairs)} pairs of atoms lie closer than {_CLOSE} A{how} (first: atoms {a} and {b})."
    remedy = "Check the cell." if wrapped else "Minimise first, or rebuild that part."
    if crowd and not _minimizes_first(ctx):
        ctx.error("atoms-overlap", message, remedy, keyword=_culprit(ctx, name) if wrapped else name)
    else:
        ctx.warning("atoms-overlap", message, remedy, keyword=_culprit(ctx, name) if wrapped else name)


def _culprit(ctx: Context, name: str) -> str:
    if ctx.given("extendedsystem"):
        return "extendedSystem"
    return "cellBasisVector1" if ctx.given("cellbasisvector1") else name


def _without_bonded(psf: Psf, pairs: NDArray[np.int64], distances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Leave out pairs that are bonded, or bonded to one atom in common, unless even a bond is never so short."""
    if not len(pairs):
        return pairs
    natom = psf.natom
    near = [psf.bonds.astype(np.int64)]
    if len(psf.angles):
        near.append(psf.angles[:, [0, 2]].astype(np.int64))
    known = np.sort(np.concatenate(near), axis=1)
    keys = known[:, 0] * natom + known[:, 1]
    ordered = np.sort(pairs, axis=1)
    massless = (psf.masses[pairs] < 0.001).any(axis=1)
    bonded = np.isin(ordered[:, 0] * natom + ordered[:, 1], keys) & (distances > _SHORTEST_BOND)
    return np.asarray(pairs[~bonded & ~massless])


def close_pairs(positions: NDArray[np.float64], distance: float, box: Box | None = None) -> NDArray[np.int64]:
    """Pairs (m, 2) of atoms closer than ``distance``, across the boundaries of a periodic box too.

    Atoms are sorted into cubes of that edge and compared within a cube and with 13 of its neighbours.
    """
    if len(positions) < 2:
        return np.zeros((0, 2), np.int64)
    if box is not None:
        fractions = box.fractions(positions) + 0.5
        fractions -= np.floor(fractions)
        counts = np.maximum(1, np.floor(np.array(box.widths) / distance)).astype(np.int64)
        cells = np.minimum((fractions * counts).astype(np.int64), counts - 1)
    else:
        shifted = (positions - positions.min(axis=0)) / distance
        cells = shifted.astype(np.int64)
        counts = cells.max(axis=0) + 3
        cells += 1
    keys = (cells[:, 0] * counts[1] + cells[:, 1]) * counts[2] + cells[:, 2]
    order = np.argsort(keys, kind="stable")
    cells, keys = cells[order], keys[order]
    occupied, first, members = np.unique(keys, return_index=True, return_counts=True)
    found = [_same_cell(order, keys)]
    for offset in _HALF:
        neighbours = cells + offset
        if box is not None:
            neighbours %= counts
        wanted = (neighbours[:, 0] * counts[1] + neighbours[:, 1]) * counts[2] + neighbours[:, 2]
        # Atoms are in the order of their cells, so what is looked for is nearly sorted, and quickly found.
        at = np.minimum(np.searchsorted(occupied, wanted), len(occupied) - 1)
        rows = np.flatnonzero(occupied[at] == wanted)
        found.append(_neighbours(order, rows, first[at[rows]], members[at[rows]]))
    pairs = np.concatenate(found)
    differences = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    if box is not None:
        differences = box.nearest_images(differences)
    return np.asarray(pairs[np.einsum("ij,ij->i", differences, differences) < distance**2])


_HALF = np.array(
    [(1, y, z) for y in (-1, 0, 1) for z in (-1, 0, 1)] + [(0, 1, z) for z in (-1, 0, 1)] + [(0, 0, 1)], dtype=np.int64
)
_MOST = 64
"""Atoms of one cube that are compared; more only happens in nonsense, which shows all the same."""


def _same_cell(order: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    parts = []
    for step in range(1, min(_MOST, len(keys))):
        same = np.flatnonzero(keys[step:] == keys[:-step])
        if not same.size:
            break
        parts.append(np.column_stack((order[same], order[same + step])))
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)


def _neighbours(
    order: NDArray[np.int64], rows: NDArray[np.int64], first: NDArray[np.int64], members: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Pairs of the atoms at ``rows`` with each of the ``members`` atoms that begin at ``first``."""
    parts = []
    for step in range(int(min(members.max(initial=0), _MOST))):
        more = np.flatnonzero(members > step)
        parts.append(np.column_stack((order[rows[more]], order[first[more] + step])))
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)

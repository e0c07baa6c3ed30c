"""Which pairs of atoms have no or a modified nonbonded interaction (keyword `exclude`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.int64]


class Policy(StrEnum):
    """Values of the keyword `exclude`."""

    NONE = "none"
    ONE_TWO = "1-2"
    ONE_THREE = "1-3"
    ONE_FOUR = "1-4"
    SCALED_ONE_FOUR = "scaled1-4"

    @property
    def reach(self) -> int:
        """Pairs at most this many bonds apart are excluded or modified."""
        reaches = {Policy.NONE: 0, Policy.ONE_TWO: 1, Policy.ONE_THREE: 2}
        return reaches.get(self, 3)


@dataclass(frozen=True, eq=False)
class Exclusions:
    """Pairs i < j, shape (n, 2): fully excluded, and modified (three bonds apart under scaled1-4)."""

    excluded: Pairs
    modified: Pairs


def find_exclusions(bonds: NDArray[np.integer], natom: int, policy: Policy) -> Exclusions:
    """Follow the bonds as far as the policy reaches; pairs joined by a shorter path count as the shorter."""
    table: list[list[int]] = [[] for _ in range(natom)]
    for a, b in bonds.tolist():
        table[a].append(b)
        table[b].append(a)
    levels: list[list[tuple[int, int]]] = [[], [], []]
    reach = policy.reach
    for start in range(natom if reach else 0):
        seen, front = {start}, [start]
        for level in levels[:reach]:
            front = sorted({n for atom in front for n in table[atom]} - seen)
            seen.update(front)
            level += [(start, other) for other in front if other > start]
    last = levels.pop() if policy is Policy.SCALED_ONE_FOUR else []
    return Exclusions(_pairs([pair for level in levels for pair in level]), _pairs(last))


def _pairs(pairs: list[tuple[int, int]]) -> Pairs:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def number_molecules(bonds: NDArray[np.integer], natom: int) -> tuple[NDArray[np.int64], int]:
    """The molecule each atom belongs to, counted from 0, and how many there are."""
    parent = list(range(natom))

    def root(atom: int) -> int:
        while parent[atom] != atom:
            parent[atom] = parent[parent[atom]]
            atom = parent[atom]
        return atom

    for a, b in bonds.tolist():
        first, second = root(a), root(b)
        if first != second:
            parent[max(first, second)] = min(first, second)
    roots = np.array([root(atom) for atom in range(natom)], dtype=np.int64)
    _, number = np.unique(roots, return_inverse=True)
    return number.astype(np.int64), int(number.max(initial=-1)) + 1


def make_whole(
    points: NDArray[np.float64], bonds: NDArray[np.integer], vectors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Join molecules that are cut at the border of the cell: every bond becomes its shortest image."""
    inverse = np.linalg.inv(vectors)
    if not len(bonds) or not np.round((points[bonds[:, 1]] - points[bonds[:, 0]]) @ inverse).any():
        return points
    whole = points.copy()
    table: list[list[int]] = [[] for _ in points]
    for a, b in bonds.tolist():
        table[a].append(b)
        table[b].append(a)
    done = np.zeros(len(points), dtype=bool)
    for start in range(len(points)):
        if done[start]:
            continue
        done[start] = True
        stack = [start]
        while stack:
            atom = stack.pop()
            for other in table[atom]:
                if not done[other]:
                    done[other] = True
                    step = whole[other] - whole[atom]
                    whole[other] -= np.round(step @ inverse) @ vectors
                    stack.append(other)
    return whole

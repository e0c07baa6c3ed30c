"""The periodic cell: NAMD's free vectors and the reduced, axis-aligned form that OpenMM wants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cell:
    """Cell vectors as rows (A) and origin (A) in NAMD's frame.

    `rotation` turns NAMD's frame into OpenMM's (row vectors: x' = x @ rotation), `change` is the integer
    matrix that makes OpenMM's reduced vectors out of the rotated ones.
    """

    vectors: Matrix
    origin: NDArray[np.float64]
    rotation: Matrix
    change: Matrix

    @property
    def volume(self) -> float:
        """In A^3."""
        return float(abs(np.linalg.det(self.vectors)))

    @property
    def orthorhombic(self) -> bool:
        """True when the vectors lie along x, y and z in this order."""
        return bool(np.allclose(self.vectors, np.diag(np.diag(self.vectors))) and (np.diag(self.vectors) > 0).all())

    @property
    def reduced(self) -> Matrix:
        """OpenMM's box vectors as rows, A."""
        box = self.change @ self.vectors @ self.rotation
        return np.tril(box)

    @property
    def shortest_width(self) -> float:
        """The narrowest extent of the reduced cell along x, y or z, A; a cutoff must be at most half of it."""
        return float(np.diag(self.reduced).min())

    def with_reduced(self, box: Matrix) -> Cell:
        """The cell after OpenMM changed its box vectors (rows, A)."""
        vectors = np.linalg.solve(self.change, box) @ self.rotation.T
        return Cell(vectors, self.origin, self.rotation, self.change)

    def to_engine(self, points: Points) -> Points:
        """Positions or velocities from NAMD's frame to OpenMM's."""
        return points @ self.rotation

    def to_namd(self, points: Points) -> Points:
        """Positions or velocities from OpenMM's frame to NAMD's."""
        return points @ self.rotation.T


def make_cell(vectors: Matrix, origin: NDArray[np.float64]) -> Cell:
    """Find rotation and reduction for NAMD's vectors (rows, A)."""
    vectors = np.asarray(vectors, dtype=np.float64)
    handed = np.diag([1.0, 1.0, 1.0 if np.linalg.det(vectors) > 0 else -1.0])
    rotation = _rotation(handed @ vectors)
    change = handed.copy()
    box = handed @ vectors @ rotation
    # OpenMM's conditions: |bx| <= ax/2, |cx| <= ax/2, |cy| <= by/2; c against b first, as that changes cx.
    for row, column in ((2, 1), (2, 0), (1, 0)):
        times = np.round(box[row, column] / box[column, column])
        box[row] -= times * box[column]
        change[row] -= times * change[column]
    return Cell(vectors, np.asarray(origin, dtype=np.float64), rotation, change)


def _rotation(vectors: Matrix) -> Matrix:
    """The rotation (for row vectors) that lays a along x and b into the xy plane; the identity when they are."""
    a, b = vectors[0], vectors[1]
    if a[1] == a[2] == b[2] == 0.0 and a[0] > 0 and b[1] > 0:
        return np.eye(3)
    x = a / np.linalg.norm(a)
    y = b - np.dot(b, x) * x
    y /= np.linalg.norm(y)
    return np.column_stack([x, y, np.cross(x, y)])


def molecule_centres(points: Points, molecule: NDArray[np.int64], count: int) -> Points:
    """Geometric centre of each molecule; `molecule` numbers the molecule of each atom."""
    sizes = np.bincount(molecule, minlength=count)[:, None]
    sums = np.column_stack([np.bincount(molecule, weights=points[:, axis], minlength=count) for axis in range(3)])
    return np.asarray(sums / sizes)


def lattice_shift(vectors: Matrix, displacement: Points) -> Points:
    """The lattice vector nearest to each displacement (A)."""
    return np.asarray(np.round(displacement @ np.linalg.inv(vectors)) @ vectors)


def follow(points: Points, before: Points, vectors: Matrix, molecule: NDArray[np.int64], count: int) -> Points:
    """Undo jumps of whole molecules by lattice vectors since `before`, so that paths are continuous."""
    moved = molecule_centres(points - before, molecule, count)
    return points - lattice_shift(vectors, moved)[molecule]


def wrap(points: Points, cell: Cell, molecule: NDArray[np.int64], count: int) -> Points:
    """Move whole molecules so that their centres lie in the cell around the origin."""
    centres = molecule_centres(points, molecule, count)
    return points - lattice_shift(cell.vectors, centres - cell.origin)[molecule]

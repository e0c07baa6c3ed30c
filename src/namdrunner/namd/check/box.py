"""The periodic cell: three vectors and an origin, and what geometry follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]
ZERO: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Box:
    """Cell vectors and origin in Angstrom; a zero vector is a direction that is not periodic."""

    vectors: tuple[Vector, Vector, Vector]
    origin: Vector = ZERO
    step: int | None = None

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """Vectors as rows, shape (3, 3)."""
        return np.array(self.vectors, dtype=np.float64)

    @property
    def lengths(self) -> Vector:
        a, b, c = (float(x) for x in np.linalg.norm(self.matrix, axis=1))
        return a, b, c

    @property
    def periodic(self) -> bool:
        """Periodic in all three directions with a volume."""
        return min(self.lengths) > 0 and self.volume > 1e-6

    @property
    def volume(self) -> float:
        """In cubic Angstrom; 0 when a direction is missing."""
        return abs(float(np.linalg.det(self.matrix)))

    @property
    def left_handed(self) -> bool:
        return float(np.linalg.det(self.matrix)) < 0

    @cached_property
    def widths(self) -> Vector:
        """Distances between opposite faces: the shortest way from an atom to its own images."""
        normals = np.linalg.inv(self.matrix)
        a, b, c = (float(1 / np.linalg.norm(normals[:, i])) for i in range(3))
        return a, b, c

    def fractions(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions (n, 3) in units of the vectors, the origin at 0 (the cell spans -0.5 to 0.5)."""
        return np.asarray((positions - np.array(self.origin)) @ np.linalg.inv(self.matrix))

    def nearest_images(self, differences: NDArray[np.float64]) -> NDArray[np.float64]:
        """Difference vectors (n, 3) moved to the image nearest in each direction."""
        if not self.periodic:
            return differences
        fractions = differences @ np.linalg.inv(self.matrix)
        return np.asarray((fractions - np.rint(fractions)) @ self.matrix)


class BoxError(ValueError):
    """An extended system file that NAMD refuses."""


def read_box(path: Path) -> Box:
    """The cell of an extended system file as NAMD reads it: the first numbers after the line of labels."""
    text = path.read_bytes()[:1_000_000].decode("latin-1")
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if line.startswith("#$LABELS ")), None)
    if start is None:
        raise BoxError("has no line that begins with '#$LABELS '")
    labels = lines[start].split()[1:]
    words = " ".join(lines[start + 1 :]).split()[: len(labels)]
    if len(words) < len(labels):
        raise BoxError(f"has {len(words)} numbers where its labels announce {len(labels)}")
    try:
        values = {label: float(word) for label, word in zip(labels, words, strict=True)}
    except ValueError:
        raise BoxError("has a word where a number is needed") from None
    rows = [tuple(values.get(f"{axis}_{x}", 0.0) for x in "xyz") for axis in "abco"]
    if not np.isfinite(np.array(rows)).all():
        raise BoxError("has a value that is not finite")
    a, b, c, origin = ((r[0], r[1], r[2]) for r in rows)
    step = values.get("step")
    return Box((a, b, c), origin, int(step) if step is not None and abs(step) < 2**53 else None)

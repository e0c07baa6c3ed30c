"""Placing atoms: internal coordinates and random orientations."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def unit(vector: Vector) -> Vector:
    """The vector scaled to length one."""
    return vector / np.linalg.norm(vector)


def place(bonded: Vector, angled: Vector, turned: Vector, length: float, angle: float, dihedral: float) -> Vector:
    """The atom at `length` (A) from `bonded`, `angle` (degrees) to `angled`, `dihedral` (degrees) to `turned`.

    The dihedral is new - bonded - angled - turned in the IUPAC sign convention.
    """
    theta, phi = math.radians(angle), math.radians(dihedral)
    axis = unit(bonded - angled)
    normal = unit(np.cross(angled - turned, axis))
    inward = np.cross(normal, axis)
    return bonded + length * (
        -math.cos(theta) * axis + math.sin(theta) * (math.cos(phi) * inward + math.sin(phi) * normal)
    )


def dihedral(a: Vector, b: Vector, c: Vector, d: Vector) -> float:
    """The dihedral angle a - b - c - d in degrees, in the IUPAC sign convention."""
    axis = unit(c - b)
    left = (a - b) - np.dot(a - b, axis) * axis
    right = (d - c) - np.dot(d - c, axis) * axis
    return math.degrees(math.atan2(float(np.dot(np.cross(axis, left), right)), float(np.dot(left, right))))


def random_rotation(generator: np.random.Generator) -> NDArray[np.float64]:
    """A 3 x 3 rotation matrix drawn uniformly, from a unit quaternion."""
    w, x, y, z = unit(generator.normal(size=4))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )

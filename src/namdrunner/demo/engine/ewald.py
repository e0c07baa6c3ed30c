"""PME parameters as NAMD chooses them (user guide, "PME parameters"; measured against NAMD 2.12 and 3.0)."""

from __future__ import annotations

import math

SPACING_LIMIT = 1.5
"""NAMD's grid may not be coarser than this, A, when only the sizes are given."""


def ewald_coefficient(tolerance: float, cutoff: float) -> float:
    """The coefficient (1/A) for which erfc(coefficient * cutoff) / cutoff equals the tolerance; cutoff in A."""
    low, high = 0.0, 1.0
    while math.erfc(high * cutoff) / cutoff >= tolerance:
        high *= 2.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        if math.erfc(middle * cutoff) / cutoff >= tolerance:
            low = middle
        else:
            high = middle
    return low


def _grid_sizes(limit: int) -> list[int]:
    """Even sizes 2 * 2^a 3^b 5^c 7^d 11^e with c <= 2, d <= 1, e <= 1 and c + d + e <= a, up to the limit."""
    sizes = []
    for c, d, e in ((c, d, e) for c in range(3) for d in range(2) for e in range(2)):
        base = 5**c * 7**d * 11**e
        a = c + d + e
        while 2 * 2**a * base <= limit:
            value = 2 * 2**a * base
            while value <= limit:
                sizes.append(value)
                value *= 3
            a += 1
    return sorted(set(sizes))


def grid_size(length: float, spacing: float) -> int:
    """The number of grid points along a cell edge of this length (A) for a spacing (A)."""
    needed = math.ceil(length / spacing - 1e-9)
    return next(size for size in _grid_sizes(4 * max(needed, 8)) if size >= needed)

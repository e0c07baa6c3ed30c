"""Switching functions: NAMD's, OpenMM's, and the parameters that make them alike."""

from __future__ import annotations

import numpy as np

NAMD_SWITCH = "select(step(r-{on}), ({off}^2-r^2)^2*({off}^2+2*r^2-3*{on}^2)/({off}^2-{on}^2)^3, 1)"
"""Multiplies the Lennard-Jones energy between switchdist and cutoff (user guide, "Non-bonded interactions")."""
QUINTIC_SWITCH = "select(step(r-{on}), 1-x^3*(10-x*(15-6*x)), 1)"
"""OpenMM's, with x = (r - on) / (off - on)."""


def namd_switch(r: np.ndarray, on: float, off: float) -> np.ndarray:
    """NAMD's switching function at distances r."""
    square = r * r
    value = (off**2 - square) ** 2 * (off**2 + 2 * square - 3 * on**2) / (off**2 - on**2) ** 3
    return np.where(r < on, 1.0, np.where(r > off, 0.0, value))


def quintic_switch(r: np.ndarray, on: float, off: float) -> np.ndarray:
    """OpenMM's switching function at distances r."""
    x = np.clip((r - on) / (off - on), 0.0, 1.0)
    return 1 - x**3 * (10 - x * (15 - 6 * x))


def matching_start(on: float, off: float) -> float:
    """Where OpenMM's function must begin to keep as much dispersion energy as NAMD's does.

    Weighted with r^-4: in a homogeneous liquid energy and pressure of the r^-6 term are then the same.
    """
    r = np.linspace(min(on, 0.5 * off), off, 20001)
    weight = r**-4.0
    target = float((weight * namd_switch(r, on, off)).sum())
    low, high = min(on, 0.5 * off), off * (1 - 1e-9)
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float((weight * quintic_switch(r, middle, off)).sum()) < target:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)

"""The ETITLE and ENERGY lines, column by column as NAMD prints them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from namdrunner.demo.engine.energies import Potential

LIMIT = 99999999999.9999


@dataclass(frozen=True)
class Row:
    """One line: kcal/mol, K, bar, A^3; pressure and volume only with a cell."""

    step: int
    potential: Potential
    kinetic: float
    temperature: float
    pressure: float
    volume: float
    periodic: bool
    merged_crossterm: bool


def columns(row: Row) -> list[list[tuple[str, float]]]:
    """Names and values in the blocks that NAMD sets apart by extra blanks."""
    p = row.potential
    dihedral = p.dihedral + (p.crossterm if row.merged_crossterm else 0.0)
    total = p.total + row.kinetic
    bonded = [("BOND", p.bond), ("ANGLE", p.angle), ("DIHED", dihedral), ("IMPRP", p.improper)]
    if not row.merged_crossterm:
        bonded.append(("CROSS", p.crossterm))
    blocks = [
        bonded,
        [
            ("ELECT", p.electrostatic),
            ("VDW", p.vdw),
            ("BOUNDARY", p.boundary),
            ("MISC", p.misc),
            ("KINETIC", row.kinetic),
        ],
        [
            ("TOTAL", total),
            ("TEMP", row.temperature),
            ("POTENTIAL", p.total),
            ("TOTAL3", total),
            ("TEMPAVG", row.temperature),
        ],
    ]
    if row.periodic:
        blocks.append(
            [
                ("PRESSURE", row.pressure),
                ("GPRESSURE", row.pressure),
                ("VOLUME", row.volume),
                ("PRESSAVG", row.pressure),
                ("GPRESSAVG", row.pressure),
            ]
        )
    return blocks


def number(value: float) -> str:
    """A value in 15 columns (more when it overflows), NaN as NAMD prints it."""
    if math.isnan(value):
        return f"{'-nan':>15}" if math.copysign(1, value) < 0 else f"{'nan':>15}"
    return f" {max(-LIMIT, min(LIMIT, value)):14.4f}"


def title_line(row: Row) -> str:
    """The ETITLE line."""
    blocks = ["".join(f"{name:>15}" for name, _ in block) for block in columns(row)]
    return f"ETITLE:      TS{'     '.join(blocks)}"


def energy_line(row: Row) -> str:
    """The ENERGY line."""
    blocks = ["".join(number(value) for _, value in block) for block in columns(row)]
    return f"ENERGY: {row.step:7d}{'     '.join(blocks)}"

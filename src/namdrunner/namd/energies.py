"""Series of energies: tables by column name, joined segments, averages with their statistical error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEP = "TS"
_SHORT = "TS BOND ANGLE DIHED IMPRP ELECT VDW BOUNDARY MISC KINETIC TOTAL TEMP POTENTIAL TOTAL3 TEMPAVG"
_PRESSURES = "PRESSURE GPRESSURE VOLUME PRESSAVG GPRESSAVG"
_SETS = (tuple(_SHORT.split()), (*_SHORT.split(), *_PRESSURES.split()))
_FEWEST_BLOCKS = 8


def usual_columns(count: int) -> tuple[str, ...] | None:
    """The names NAMD gives ``count`` columns without and with a periodic cell; None for another number."""
    return next((names for names in _SETS if len(names) == count), None)


@dataclass(frozen=True, eq=False)
class EnergyTable:
    """Rows of a log: ``columns`` are ETITLE's names (the first is TS), ``values`` has shape (n, columns).

    Energies are in kcal/mol, temperatures in K, pressures in bar, volumes in cubic Angstrom.
    """

    columns: tuple[str, ...]
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    @property
    def steps(self) -> NDArray[np.int64]:
        return self.values[:, 0].astype(np.int64)

    def column(self, name: str) -> Floats:
        """One column; raises KeyError when the log has none of that name."""
        try:
            return self.values[:, self.columns.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def select(self, names: Sequence[str]) -> EnergyTable:
        """A table of some columns, TS first."""
        wanted = (STEP, *(name for name in names if name != STEP))
        return EnergyTable(wanted, np.column_stack([self.column(name) for name in wanted]))


def concatenate(tables: Iterable[EnergyTable]) -> EnergyTable:
    """Rows one after another; of differing columns those common to all are kept, in the order of the first."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return EnergyTable((STEP,), np.zeros((0, 1)))
    common = tuple(name for name in filled[0].columns if all(name in table for table in filled))
    parts = [t.values if t.columns == common else t.select(common).values for t in filled]
    return EnergyTable(common, np.concatenate(parts))


def join_segments(tables: Iterable[EnergyTable]) -> EnergyTable:
    """One series from the logs of a run and its continuations.

    A continuation repeats the step it started from and may repeat more, when its parent died behind its last
    restart: what the later segment says replaces what the earlier said from its first step on.
    """
    kept: list[EnergyTable] = []
    for table in tables:
        if not len(table):
            continue
        first = table.values[0, 0]
        kept = [EnergyTable(t.columns, t.values[t.values[:, 0] < first]) for t in kept]
        kept.append(unique_steps(table))
    return concatenate(kept)


def unique_steps(table: EnergyTable) -> EnergyTable:
    """Rows with rising steps: of a repeated step (the end of one stage, the start of the next) the later row."""
    if len(table) < 2:
        return table
    steps = table.values[:, 0]
    # A row stays when every later row has a higher step.
    lowest_later = np.minimum.accumulate(steps[::-1])[::-1]
    keep = np.append(steps[:-1] < lowest_later[1:], True)
    return EnergyTable(table.columns, table.values[keep])


@dataclass(frozen=True)
class Average:
    """Mean of a correlated series with its standard error, and how far it drifts from first to last value."""

    mean: float
    error: float
    standard_deviation: float
    drift: float
    count: int

    @property
    def drifting(self) -> bool:
        """True when the drift is larger than fluctuations explain (more than four standard errors)."""
        return self.count >= 2 * _FEWEST_BLOCKS and abs(self.drift) > 4 * np.sqrt(12) * self.error > 0


def average(values: Floats) -> Average | None:
    """Average by blocking; None without values, and values that are not finite make it NaN.

    The error is the largest over all block lengths that leave at least eight blocks (Flyvbjerg and Petersen,
    J. Chem. Phys. 91, 461, 1989).
    """
    count = len(values)
    if count == 0:
        return None
    mean = float(values.mean())
    deviation = float(values.std(ddof=1)) if count > 1 else 0.0
    blocks, error = values, 0.0
    while len(blocks) >= _FEWEST_BLOCKS:
        error = max(error, float(blocks.std(ddof=1)) / float(np.sqrt(len(blocks))))
        even = len(blocks) // 2 * 2
        blocks = 0.5 * (blocks[0:even:2] + blocks[1:even:2])
    if error == 0.0 and count > 1:
        error = deviation / float(np.sqrt(count))
    drift = 0.0
    if count > 2:
        time = np.linspace(-0.5, 0.5, count)
        drift = float((time * (values - mean)).sum() / (time * time).sum())
    return Average(mean, error, deviation, drift, count)


def averages(table: EnergyTable, *, skip: float = 0.5) -> dict[str, Average]:
    """Averages of every column but TS over the rows behind the first ``skip`` part."""
    if not 0 <= skip < 1:
        raise ValueError(f"skip must be in [0, 1), not {skip}")
    rest = table.values[int(len(table) * skip) :]
    found = {}
    for index, name in enumerate(table.columns):
        result = average(rest[:, index]) if index else None
        if result is not None:
            found[name] = result
    return found

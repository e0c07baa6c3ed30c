"""A long series kept small: sums, lowest and highest values in a bounded number of buckets."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CAPACITY = 128


class EnergySeries:
    """Buckets of equally many rows; when there are too many, neighbours are merged and buckets grow twofold."""

    def __init__(self, columns: tuple[str, ...], capacity: int = CAPACITY) -> None:
        self.columns = columns
        self.capacity = capacity
        self.rows_per_bucket = 1
        width = len(columns)
        self.counts = np.zeros(0, dtype=np.int64)
        self.sums, self.lowest, self.highest = (np.zeros((0, width)) for _ in range(3))

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def means(self) -> Floats:
        """Mean of each bucket (buckets, columns); the first column is the mean step."""
        return self.sums / np.maximum(self.counts, 1)[:, None]

    def add(self, values: Floats) -> None:
        """Append rows (n, columns)."""
        if len(values) > 64 * self.rows_per_bucket * self.capacity:
            middle = len(values) // 2
            self.add(values[:middle])
            self.add(values[middle:])
            return
        start = 0
        if len(self.counts) and self.counts[-1] < self.rows_per_bucket:
            start = int(min(self.rows_per_bucket - self.counts[-1], len(values)))
            head = values[:start]
            if start:
                self.counts[-1] += start
                self.sums[-1] += head.sum(axis=0)
                self.lowest[-1] = np.fmin(self.lowest[-1], head.min(axis=0))
                self.highest[-1] = np.fmax(self.highest[-1], head.max(axis=0))
        rest = values[start:]
        if len(rest):
            edges = np.arange(0, len(rest), self.rows_per_bucket)
            sizes = np.diff(np.append(edges, len(rest)))
            self.counts = np.append(self.counts, sizes)
            self.sums = np.concatenate([self.sums, np.add.reduceat(rest, edges, axis=0)])
            self.lowest = np.concatenate([self.lowest, np.minimum.reduceat(rest, edges, axis=0)])
            self.highest = np.concatenate([self.highest, np.maximum.reduceat(rest, edges, axis=0)])
        while len(self.counts) > self.capacity:
            self._merge()

    def _merge(self) -> None:
        edges = np.arange(0, len(self.counts), 2)
        self.counts = np.add.reduceat(self.counts, edges)
        self.sums = np.add.reduceat(self.sums, edges, axis=0)
        self.lowest = np.minimum.reduceat(self.lowest, edges, axis=0)
        self.highest = np.maximum.reduceat(self.highest, edges, axis=0)
        self.rows_per_bucket *= 2

    def document(self) -> dict[str, Any]:
        """Means, lowest and highest of each bucket by column, for a chart."""
        names = self.columns
        kinds = {"mean": self.means, "min": self.lowest, "max": self.highest}
        return {
            "columns": list(names),
            "rows_per_bucket": self.rows_per_bucket,
            "counts": self.counts.tolist(),
            **{kind: {n: table[:, i].tolist() for i, n in enumerate(names)} for kind, table in kinds.items()},
        }

    def state(self) -> dict[str, Any]:
        """A small JSON document from which the series can go on."""
        tables = (self.counts.astype("<f8")[:, None], self.sums, self.lowest, self.highest)
        packed = np.concatenate(tables, axis=1).astype("<f8").tobytes()
        return {
            "columns": list(self.columns),
            "capacity": self.capacity,
            "rows_per_bucket": self.rows_per_bucket,
            "data": base64.b64encode(packed).decode("ascii"),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> EnergySeries:
        """Go on from ``state()``; raises ValueError or KeyError when it is none."""
        series = cls(tuple(state["columns"]), int(state["capacity"]))
        series.rows_per_bucket = int(state["rows_per_bucket"])
        width = len(series.columns)
        table = np.frombuffer(base64.b64decode(state["data"], validate=True), "<f8").reshape(-1, 1 + 3 * width)
        series.counts = table[:, 0].astype(np.int64)
        parts = (table[:, 1 + i * width : 1 + (i + 1) * width].copy() for i in range(3))
        series.sums, series.lowest, series.highest = parts
        return series

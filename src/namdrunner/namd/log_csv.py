"""Energies as comma-separated values, with the digits NAMD printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd.files import Source
from namdrunner.namd.log import LogReader, pump


def write_csv(source: Source, stream: IO[bytes]) -> int:
    """Write a header of ETITLE's names and one row per readable ENERGY line, in order; returns the rows written.

    When the columns change within the log, the first set stays the header and what it lacks is left out.
    """
    writer = _Writer(stream.write)
    reader = LogReader()
    reader.on_lines = writer.lines
    pump(source, reader)
    if writer.header is None and reader.columns:
        stream.write(_line(reader.columns))
    return writer.rows


class _Writer:
    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.write = write
        self.header: tuple[str, ...] | None = None
        self.rows = 0

    def lines(self, columns: tuple[str, ...], data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        if self.header is None:
            self.header = columns
            self.write(_line(columns))
        same = columns == self.header
        chosen = [columns.index(name) + 1 if name in columns else 0 for name in self.header]
        out = []
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            words = data[start:end].split()
            out.append(b",".join(words[1:] if same else [words[i] if i else b"" for i in chosen]))
        self.write(b"\n".join(out) + b"\n")
        self.rows += len(out)


def _line(names: tuple[str, ...]) -> bytes:
    return ",".join(names).encode() + b"\n"

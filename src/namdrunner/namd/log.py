"""NAMD logs, read once from front to end, in pieces as they come."""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from namdrunner.errors import InputError
from namdrunner.namd import log_rows
from namdrunner.namd.energies import EnergyTable, concatenate, usual_columns
from namdrunner.namd.failures import Diagnosis, diagnose_lines
from namdrunner.namd.failures_end import from_end
from namdrunner.namd.files import (
    Source,
    bad_input,
    file_size,
    missing_file,
    source_name,
    unreadable_file,
)
from namdrunner.namd.log_lines import LAST_ONLY_HEADS, QUIET_HEADS, apply_line
from namdrunner.namd.log_series import EnergySeries
from namdrunner.namd.log_state import NotableLines, RunState, run_document, run_from_document
from namdrunner.namd.log_summary import LogProgress, LogSummary

READ_BYTES = 2**20
"""Read from a file at once."""

_POOLED_BYTES = 16 * 2**20
"""A file at least this large is converted by other threads while this one reads on."""
_MOST_WORKERS = 3
_MOST_PENDING = 6
"""Pieces that wait for their conversion; bounds the memory."""

_STATE_VERSION = 1
_HEAD_BYTES = 1024
_LONGEST_LINE = 1 << 20
_MAX_COLUMNS = 200
_NOTED_ROWS = 3
_NEWLINE = 10
_OVERFLOW = 99999999999.0
"""NAMD prints 99999999999.9999 for what does not fit (Controller.C)."""

RowSink = Callable[[EnergyTable], None]
LineSink = Callable[[tuple[str, ...], bytes, NDArray[np.int64], NDArray[np.int64]], None]
"""Takes the columns, a piece of the log and where in it readable ENERGY lines begin and end."""


def _head_words(heads: tuple[bytes, ...]) -> NDArray[np.uint64]:
    return np.sort(np.frombuffer(b"".join(head.ljust(8)[:8] for head in heads), dtype="<u8"))


_QUIET = _head_words(QUIET_HEADS)
_LAST_ONLY = _head_words(LAST_ONLY_HEADS)
_TITLE = _head_words((b"ETITLE: ",))[0]


@dataclass(frozen=True, eq=False)
class _Conversion:
    """ENERGY lines of a piece on their way to numbers."""

    rows: Future[log_rows.Rows]
    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    numbers: NDArray[np.int64]


class LogReader:
    """Reads a log incrementally: feed it bytes in order, ask for the summary whenever wanted.

    Energy rows go to ``on_rows`` as they come (tables of the rows of one piece) and are not kept; a decimated series
    of the present kind of stage is. ``state()`` is a small JSON document; a reader made from it goes on at ``offset``.
    """

    def __init__(self, on_rows: RowSink | None = None, *, name: str = "", pool: Executor | None = None) -> None:
        self.name = name
        """What causes are told to stand in."""
        self.on_rows = on_rows
        self.on_lines: LineSink | None = None
        self.last_line = ""
        """The last line that is not empty (of the piece read last; not part of ``state()``)."""
        self.offset = 0
        """Bytes of whole lines taken in so far: where to read on after ``from_state``."""
        self.run = RunState()
        self.runs = 0
        self.columns: tuple[str, ...] = ()
        self.energy_rows = 0
        self.bad_rows = 0
        self.first_step: int | None = None
        self.last_row: tuple[float, ...] = ()
        self.notable = NotableLines()
        self.series: EnergySeries | None = None
        self._head = b""
        self._lines = 0
        self._title = b""
        self._partial = b""
        self._pool = pool
        self._pending: deque[_Conversion] = deque()
        self._converters: list[log_rows.RowConverter] = []
        self._mask = np.empty(0, dtype=bool)

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the log, cut anywhere."""
        if len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        end = data.rfind(b"\n") + 1
        if end == 0:
            self._partial += data
            if len(self._partial) > _LONGEST_LINE:
                self._drop_partial()
            return
        whole = b"".join((self._partial, memoryview(data)[:end])) if self._partial or end < len(data) else data
        self._partial = data[end:]
        start = 0
        while start < len(whole):
            # A piece ends at a line end; what is not much longer than a piece is one.
            stop = len(whole)
            if stop - start > 2 * READ_BYTES:
                stop = whole.find(b"\n", start + READ_BYTES) + 1
            self._piece(whole if (start, stop) == (0, len(whole)) else whole[start:stop])
            start = stop
        self.offset += len(whole)

    def finish(self) -> None:
        """Take in a last line that has no line end, unless it is an ENERGY line (it may be cut short)."""
        line, self._partial = self._partial, b""
        if line and not line.startswith((log_rows.PREFIX, b"ETITLE:")):
            self._line(line)
        self.offset += len(line)
        self._settle()

    def summary(self, extra: Sequence[Diagnosis] = ()) -> LogSummary:
        """What is known so far; ``extra`` are causes known from elsewhere."""
        self._settle()
        pairs = dict(zip(self.columns, self.last_row, strict=False)) if self.last_row else {}
        return LogSummary(
            run=self.run,
            runs=max(self.runs, 1),
            first_step=self.first_step,
            last_step=self.last_step,
            energy_rows=self.energy_rows,
            bad_rows=self.bad_rows,
            columns=self.columns,
            last_energies=pairs,
            diagnosis=diagnose_lines(
                {self.name: [(n.line, n.text) for n in self.notable.lines()]}, self.run, extra=extra
            ),
        )

    @property
    def last_step(self) -> int | None:
        """The step of the last ENERGY row."""
        return int(self.last_row[0]) if self.last_row else None

    def progress(self, target_step: int | None = None) -> LogProgress:
        """Shorthand for the summary's progress."""
        return self.summary().progress(target_step)

    def continues(self, head: bytes, size: int | None = None) -> bool:
        """Whether a file that begins with ``head`` and has ``size`` bytes is the one read so far, perhaps grown.

        False when it was replaced or has become shorter: then it has to be read again from its start.
        """
        known = self._head[: self.offset + len(self._partial)]
        return head[: len(known)] == known and (size is None or size >= self.offset)

    # Serialisation

    def state(self) -> dict[str, Any]:
        """A JSON document of everything but a last unfinished line, which is read again."""
        self._settle()
        return {
            "version": _STATE_VERSION,
            "offset": self.offset,
            "head_bytes": min(len(self._head), self.offset),
            "head_crc": zlib.crc32(self._head[: self.offset]),
            "run": run_document(self.run),
            "runs": self.runs,
            "columns": list(self.columns),
            "energy_rows": self.energy_rows,
            "bad_rows": self.bad_rows,
            "first_step": self.first_step,
            "last_row": [value if np.isfinite(value) else repr(value) for value in self.last_row],
            "notable": self.notable.state(),
            "series": self.series.state() if self.series is not None else None,
            "lines": self._lines,
            "head": self._head[: self.offset].decode("latin-1"),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], on_rows: RowSink | None = None) -> LogReader:
        """Go on from ``state()``; raises InputError when it is not one of this version."""
        reader = cls(on_rows)
        try:
            if state["version"] != _STATE_VERSION:
                raise ValueError("another version")
            reader.offset = int(state["offset"])
            reader.run = run_from_document(state["run"])
            reader.runs = int(state["runs"])
            reader._use_columns(tuple(str(name) for name in state["columns"]))
            reader.energy_rows, reader.bad_rows = int(state["energy_rows"]), int(state["bad_rows"])
            reader.first_step = state["first_step"]
            reader.last_row = tuple(float(value) for value in state["last_row"])
            reader.notable = NotableLines.from_state(state["notable"])
            if state["series"] is not None:
                reader.series = EnergySeries.from_state(state["series"])
            reader._lines = int(state["lines"])
            reader._head = str(state["head"]).encode("latin-1")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "The saved state of a log cannot be used; the log has to be read from its start.",
                code="log-state-invalid",
                remedy="Read the log again from its start.",
                context={"reason": str(error)},
            ) from None
        return reader

    # Lines

    def _piece(self, data: bytes) -> None:
        """Whole lines, the last with its line end."""
        if len(self._mask) < len(data):
            self._mask = np.empty(len(data), dtype=bool)
        breaks = np.equal(np.frombuffer(data, dtype=np.uint8), _NEWLINE, out=self._mask[: len(data)])
        ends = np.flatnonzero(breaks)
        starts = np.empty_like(ends)
        starts[0] = 0
        np.add(ends[:-1], 1, out=starts[1:])
        energy = log_rows.is_energy(data, starts)
        others = self._others(data, starts, ends, energy)
        begin = 0
        for index in others:
            line = data[starts[index] : ends[index]]
            if line.startswith((b"ETITLE:", b"TCL: ", b"Info: NAMD ")):
                if line == self._title:
                    continue
                self._rows(data, starts[begin:index], ends[begin:index], energy[begin:index], begin)
                begin = int(index)
            if b"ENERGY: " in line and not line.startswith(b"Info: "):
                # Output of several processes got mixed: the row behind other text cannot be trusted.
                self.bad_rows += 1
            self._line(line, self._lines + int(index) + 1)
        self._rows(data, starts[begin:], ends[begin:], energy[begin:], begin)
        self._lines += int(starts.size)
        tail = data[-2000:].rstrip()
        if tail:
            self.last_line = tail[tail.rfind(b"\n") + 1 :].decode("utf-8", "replace")

    def _others(
        self, data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], energy: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Lines other than ENERGY to look at one by one: not empty, not known to carry nothing."""
        candidates = np.flatnonzero(~energy & (ends > starts))
        if not candidates.size:
            return candidates
        long = starts[candidates] + 8 <= len(data)
        heads = np.zeros(candidates.size, dtype=np.uint64)
        if long.any():
            words = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
            heads[long] = words[starts[candidates[long]]]
        wanted = ~np.isin(heads, _QUIET)
        wanted &= ~self._same_titles(data, starts[candidates], ends[candidates], heads)
        for word in _LAST_ONLY:
            same = np.flatnonzero(heads == word)
            wanted[same[:-1]] = False
        return candidates[wanted]

    def _same_titles(
        self, data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], heads: NDArray[np.uint64]
    ) -> NDArray[np.bool_]:
        """Which of the lines repeat the title that is known."""
        same = np.zeros(starts.size, dtype=bool)
        if not self._title:
            return same
        length = len(self._title)
        alike = np.flatnonzero((heads == _TITLE) & (ends - starts == length))
        if alike.size:
            lines = np.ndarray((len(data) - length + 1,), dtype=f"S{length}", buffer=data, strides=(1,))
            same[alike] = lines[starts[alike]] == self._title
        return same

    def _line(self, line: bytes, number: int | None = None) -> None:
        if number is None:
            self._lines += 1
            number = self._lines
        if line.startswith(b"ETITLE:"):
            self._titles(line)
            return
        text = line.rstrip(b"\r").decode("utf-8", "replace")
        if text.startswith("Info: NAMD "):
            self._next_run()
        stage = self.run.stage
        routine = apply_line(self.run, text)
        if self.run.stage is not stage and self.run.stage is not None:
            self._stage_changed(stage.kind if stage else None, self.run.stage.kind)
        if not routine and text.strip():
            self.notable.add(number, text)

    def _next_run(self) -> None:
        self._settle()
        self.runs += 1
        if self.runs > 1:
            self.run = RunState()

    def _stage_changed(self, before: str | None, after: str) -> None:
        if before == "minimize" and after == "run":
            self._settle()
            self.series = None

    def _titles(self, line: bytes) -> None:
        names = tuple(line.decode("ascii", "replace").split()[1:])
        if names[:1] != ("TS",) or len(names) > _MAX_COLUMNS or len(set(names)) != len(names):
            self.bad_rows += 1
            return
        if self.columns and len(names) != len(self.columns) and usual_columns(len(names)) is None:
            # An interleaved title: a real change of columns comes with a new run or a known set.
            known = set(self.columns)
            if not known <= set(names) and not set(names) <= known:
                self.bad_rows += 1
                return
        self._title = line
        self._use_columns(names)

    def _use_columns(self, names: tuple[str, ...]) -> None:
        if names != self.columns:
            self._settle()
            self.columns = names
            self._converters = []
            self.series = None

    def _rows(
        self,
        data: bytes,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        energy: NDArray[np.bool_],
        first: int,
    ) -> None:
        """Take in the ENERGY lines among these lines, the first of which is number ``first`` of the piece."""
        starts, ends = starts[energy], ends[energy]
        if not starts.size:
            return
        numbers = np.flatnonzero(energy) + (self._lines + first + 1)
        if not self.columns:
            lost = self._guess_columns(data, starts, ends)
            self.bad_rows += lost
            starts, ends, numbers = starts[lost:], ends[lost:], numbers[lost:]
            if not starts.size:
                return
        if self._pool is None:
            self._converted(self._convert(data, starts, ends), data, starts, ends, numbers)
            return
        rows = self._pool.submit(self._convert, data, starts, ends)
        self._pending.append(_Conversion(rows, data, starts, ends, numbers))
        self._settle(_MOST_PENDING)

    def _settle(self, waiting: int = 0) -> None:
        """Take in rows that were handed to the pool, in their order, until no more than so many wait."""
        while len(self._pending) > waiting:
            entry = self._pending.popleft()
            self._converted(entry.rows.result(), entry.data, entry.starts, entry.ends, entry.numbers)

    def _convert(self, data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> log_rows.Rows:
        """Runs in the pool's threads, where there is one: each borrows a converter."""
        converters = self._converters
        try:
            converter = converters.pop()
        except IndexError:
            converter = log_rows.RowConverter(len(self.columns))
        rows = converter.convert(data, starts, ends)
        converters.append(converter)
        return rows

    def _converted(
        self,
        rows: log_rows.Rows,
        data: bytes,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        numbers: NDArray[np.int64],
    ) -> None:
        for index in rows.bad[: max(_NOTED_ROWS - self.bad_rows, 0)]:
            self.notable.add(int(numbers[index]), data[starts[index] : ends[index]].decode("utf-8", "replace"))
        self.bad_rows += int(rows.bad.size)
        if len(rows.values):
            if rows.bad.size:
                kept = np.ones(starts.size, dtype=bool)
                kept[rows.bad] = False
                starts, ends, numbers = starts[kept], ends[kept], numbers[kept]
            self._take(rows.values, numbers)
            if self.on_lines is not None:
                self.on_lines(self.columns, data, starts, ends)

    def _guess_columns(self, data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> int:
        """Name the columns of rows without a title by their number; returns how many rows come before."""
        for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            names = usual_columns(len(data[start:end].split()) - 1)
            if names is not None:
                self._use_columns(names)
                return index
        return int(starts.size)

    def _take(self, values: NDArray[np.float64], numbers: NDArray[np.int64]) -> None:
        """Take in rows that were read; ``numbers`` are those of their lines."""
        if self.first_step is None:
            self.first_step = int(values[0, 0])
        self.energy_rows += len(values)
        self.last_row = tuple(values[-1].tolist())
        self.run.step = max(int(values[-1, 0]), self.run.step or 0)
        # Also false when one is NaN.
        if not self.run.overflowed and not (values.max() < _OVERFLOW and values.min() > -_OVERFLOW):
            self.run.overflowed = True
            row = int(np.argmin((np.abs(values) < _OVERFLOW).all(axis=1)))
            self.notable.add(int(numbers[row]), "ENERGY: " + " ".join(f"{value:.4f}" for value in values[row]))
        if self.series is None:
            self.series = EnergySeries(self.columns)
        self.series.add(values)
        if self.on_rows is not None:
            self.on_rows(EnergyTable(self.columns, values))

    def _drop_partial(self) -> None:
        self.bad_rows += 1
        self.offset += len(self._partial)
        self._partial = b""


def _open(path: Path) -> BinaryIO:
    file_size(path)
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise unreadable_file(path, error) from None


def pump(source: Source, reader: LogReader) -> None:
    """Feed a reader a whole log, from a path or from bytes; raises InputError when it cannot be read."""
    for data in _pieces(source):
        reader.feed(data)
    reader.finish()


def _pieces(source: Source) -> Iterator[bytes]:
    if isinstance(source, bytes):
        for begin in range(0, len(source), READ_BYTES):
            yield source[begin : begin + READ_BYTES]
        return
    with _open(Path(source)) as file:
        while data := file.read(READ_BYTES):
            yield data


@contextmanager
def conversion_pool(source: Source) -> Iterator[Executor | None]:
    """Threads for a `LogReader` of a large source; None for a small one, or where there is one processor."""
    size = len(source) if isinstance(source, bytes) else file_size(Path(source))
    workers = (
        min((os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count()) or 1, 1 + _MOST_WORKERS)
        - 1
    )
    if size < _POOLED_BYTES or workers < 1:
        yield None
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="log") as pool:
        yield pool


def read_log(source: Source, on_rows: RowSink | None = None) -> LogSummary:
    """Read a whole log, saying also what its end means; raises InputError when it cannot be read or is none."""
    with conversion_pool(source) as pool:
        reader = LogReader(on_rows, name=source_name(source), pool=pool)
        pump(source, reader)
    if not reader.runs and not reader.energy_rows and not reader.bad_rows and reader.run.processors is None:
        raise bad_input(
            "log-not-namd",
            f"{source_name(source)} is not the output of NAMD.",
            "Give the file with NAMD's standard output.",
            source_name(source),
        )
    return reader.summary(from_end(reader.run, reader.last_step, reader.last_line, reader.name))


def read_energies(source: Source, columns: tuple[str, ...] | None = None) -> EnergyTable:
    """All ENERGY rows in order, or only some ``columns`` of them (TS is always there)."""
    tables: list[EnergyTable] = []

    def keep(table: EnergyTable) -> None:
        tables.append(table if columns is None else table.select([c for c in columns if c in table]))

    with conversion_pool(source) as pool:
        reader = LogReader(keep, pool=pool)
        pump(source, reader)
    if not tables and reader.columns:
        return EnergyTable(reader.columns, np.zeros((0, len(reader.columns))))
    return concatenate(tables)


def iter_energies(source: Source) -> Iterator[EnergyTable]:
    """ENERGY rows in tables of some thousands, so that a log of any length needs little memory."""
    tables: list[EnergyTable] = []
    with conversion_pool(source) as pool:
        reader = LogReader(tables.append, pool=pool)
        for data in _pieces(source):
            reader.feed(data)
            yield from tables
            tables.clear()
        reader.finish()
    yield from tables

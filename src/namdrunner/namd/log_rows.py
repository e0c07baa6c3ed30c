"""ENERGY lines converted in bulk.

NAMD prints every number with four decimals, right-aligned in fixed columns, so that lines of equal length have
their decimal points at the same offsets. Such lines are converted eight digits at a time as 64-bit integers;
every byte is checked on the way, and a line that does not fit exactly goes to the slow path, word by word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
U8 = NDArray[np.uint8]
Offsets = NDArray[np.int64]

PREFIX = b"ENERGY:"
BATCH_BYTES = 256 * 2**10
"""Converted at once, so that the working arrays stay in the processor's cache."""

_HEAD = np.frombuffer(b"ENERGY: ", dtype="<u8")[0]
_BEGIN = 8
"""Behind the prefix and the blank that always follows it."""
_DECIMALS = 4
_WINDOW = 16
"""Characters of a number that are looked at: eleven before the point, the point, four behind."""
_FIELD = re.compile(rb" *-?\d{1,11}\.\d{4}(?= |$)")
_STEP_FIELD = re.compile(rb"ENERGY: *(\d{1,15})(?= )")
_FEWEST = 8
"""Lines of one length that make the fast path worth its preparation."""

_ALL = 2**64 - 1
_SIGNS = np.uint64(0x8080808080808080)
_DIGITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_POINT = np.uint64(0x00000000FF000000)
# Neighbours a, b in one word, the lower first: times 10 + 2^-8 (of the word's width) and shifted down it is 10 a + b.
_TO_PAIRS = np.uint16(10 * 2**8 + 1)
_TO_QUADS = np.uint32(100 * 2**16 + 1)
_TO_EIGHT = np.uint64(10_000 * 2**32 + 1)
_TO_SEVEN = np.uint64(1_000 * 2**32 + 1)


@dataclass(frozen=True, eq=False)
class Rows:
    """Converted lines: ``values`` (n, columns) with the step first; ``bad`` indexes lines that cannot be read."""

    values: NDArray[np.float64]
    bad: Offsets


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where numbers end in lines of one length, counted from behind the prefix."""

    line_bytes: int
    length: int
    step_end: int
    ends: tuple[int, ...]
    keep: U64
    """Per number, the bytes of its first eight that are its own (the others belong to the number before)."""

    @property
    def points(self) -> NDArray[np.intp]:
        return np.array([end - 1 - _DECIMALS for end in self.ends], dtype=np.intp)

    @property
    def lasts(self) -> NDArray[np.intp]:
        return np.array([end - 1 for end in (self.step_end, *self.ends)], dtype=np.intp)


def is_energy(data: bytes, starts: Offsets) -> NDArray[np.bool_]:
    """Which of the lines that begin at these offsets are ENERGY lines."""
    found = np.zeros(starts.size, dtype=bool)
    inside = starts + 8 <= len(data)
    if inside.any():
        view = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
        found[inside] = view[starts[inside]] == _HEAD
    return found


class RowConverter:
    """Converts lines of one number of columns; keeps its working memory between calls."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._benches: dict[int, _Bench | None] = {}

    def convert(self, data: bytes, starts: Offsets, ends: Offsets) -> Rows:
        """Convert the ENERGY lines at ``[starts, ends)``, line ends excluded."""
        values = np.empty((starts.size, self.columns), dtype=np.float64)
        slow = np.ones(starts.size, dtype=bool)
        lengths = ends - starts
        first = int(lengths[0]) if starts.size else 0
        alike = bool((lengths == first).all())
        for length in (first,) if alike else np.unique(lengths).tolist():
            chosen = np.arange(starts.size) if alike else np.flatnonzero(lengths == length)
            if chosen.size < _FEWEST:
                continue
            begin = int(starts[chosen[0]])
            bench = self._bench(data[begin : begin + length])
            if bench is None:
                continue
            numbers = values if alike else np.empty((chosen.size, self.columns))
            for begin in range(0, chosen.size, bench.capacity):
                part = slice(begin, begin + bench.capacity)
                slow[chosen[part]] = ~bench.convert(data, starts[chosen[part]], numbers[part])
            if not alike:
                values[chosen] = numbers
        bad: list[int] = []
        for index in np.flatnonzero(slow):
            row = convert_line(data[starts[index] : ends[index]], self.columns)
            if row is None:
                bad.append(int(index))
            else:
                values[index] = row
        dropped = np.array(bad, dtype=np.int64)
        return Rows(np.delete(values, dropped, axis=0) if bad else values, dropped)

    def _bench(self, line: bytes) -> _Bench | None:
        known = self._benches.get(len(line))
        if known is not None:
            return known
        layout = _layout(line, self.columns)
        if layout is None:
            return None
        if len(self._benches) > 8:
            self._benches.clear()
        self._benches[len(line)] = bench = _Bench(layout)
        return bench


def convert_line(line: bytes, columns: int) -> list[float] | None:
    """One line, word by word; None when it is damaged."""
    words = line.split()[1:]
    if len(words) != columns or not words[0].isdigit() or b"_" in line:
        return None
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def _layout(line: bytes, columns: int) -> _Layout | None:
    match = _STEP_FIELD.match(line)
    if match is None:
        return None
    position = match.end()
    ends: list[int] = []
    while position < len(line) and len(ends) < columns:
        field = _FIELD.match(line, position)
        if field is None:
            return None
        position = field.end()
        ends.append(position - _BEGIN)
    if len(ends) != columns - 1 or ends[0] < _WINDOW:
        return None
    keep, previous = [], match.end() - _BEGIN
    for end in ends:
        width = end - previous
        if not _WINDOW - 6 <= width <= 64:
            return None
        keep.append(_ALL & ~((1 << (8 * max(_WINDOW - width, 0))) - 1))
        previous = end
    words = np.array(keep, dtype=np.uint64)[:, None]
    return _Layout(len(line), previous, match.end() - _BEGIN, tuple(ends), words)


class _Bench:
    """Working memory for lines of one layout, and the conversion on it."""

    def __init__(self, layout: _Layout) -> None:
        self.layout = layout
        self.capacity = max(BATCH_BYTES // layout.length, 1)
        shape = (self.capacity, layout.length)
        template = np.full(layout.length, 48, dtype=np.uint8)
        template[layout.points] = 46
        boundary = np.zeros(layout.length, dtype=np.uint8)
        boundary[layout.lasts] = 1
        # A byte XOR its template is the digit's value, or 0 for a point where a point belongs.
        self.template = np.ascontiguousarray(np.broadcast_to(template, shape))
        # 1 at the last byte of a number: what follows starts a new one.
        self.boundary = np.ascontiguousarray(np.broadcast_to(boundary, shape))
        self.digits, self.digit, self.blank, self.minus, self.signs = (np.empty(shape, np.uint8) for _ in range(5))
        fields = len(layout.ends)
        # The first and the second eight characters of every number: (2, numbers, lines).
        self.halves = np.empty((2, fields, self.capacity), np.uint64)
        self.scratch = np.empty((fields, self.capacity), np.uint64)
        self.result = np.empty((fields, self.capacity), np.float64)

    def convert(self, data: bytes, starts: Offsets, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Fill ``values`` (n, columns), meaningless for lines that do not fit the layout exactly; say which do."""
        length = self.layout.length
        lines = np.ndarray((len(data) - length + 1, length), dtype=np.uint8, buffer=data, strides=(1, 1))
        valid = self._classify(lines[starts + _BEGIN])
        count = starts.size
        halves = self.halves[:, :, :count]
        if count < self.capacity:
            halves = np.ascontiguousarray(halves)
        low, high = halves
        for field, end in enumerate(self.layout.ends):
            high[field] = self._eight(end - 8, count)
            low[field] = self._eight(end - 16, count)
        low &= self.layout.keep
        # Byte 3 of the second half is the point, which became zero if it is one.
        if np.bitwise_or.reduce(high, axis=None) & _POINT:
            valid &= ((high & _POINT) == 0).all(axis=0)
        values[:, 1:] = self._numbers(halves).T
        steps = np.zeros(count, dtype=np.int64)
        for column in range(self.layout.step_end):
            steps *= 10
            steps += self.digits[:count, column]
        values[:, 0] = steps
        return valid

    def _classify(self, rows: U8) -> NDArray[np.bool_]:
        """Fill ``digits`` (values of digits, bit 7 for a minus) and say which rows fit.

        Between two bytes of one number either the second is a digit, or the first is a blank and the second a blank
        or a minus; so blanks stand in front, then perhaps a minus, then digits without a gap. The bytes of all rows
        are taken as one sequence, which is right because a row ends where a number ends.
        """
        count = len(rows)
        digits, digit, blank, minus, signs = (
            array[:count] for array in (self.digits, self.digit, self.blank, self.minus, self.signs)
        )
        np.bitwise_xor(rows, self.template[:count], out=digits)
        np.less(digits, 10, out=digit.view(bool))
        np.equal(rows, 32, out=blank.view(bool))
        np.equal(rows, 45, out=minus.view(bool))
        np.negative(digit.view(np.int8), out=signs.view(np.int8))
        digits &= signs
        np.negative(minus.view(np.int8), out=signs.view(np.int8))
        signs &= np.uint8(0x80)
        digits |= signs
        minus |= blank
        blank |= self.boundary[:count]
        np.bitwise_and(blank.ravel()[:-1], minus.ravel()[1:], out=minus.ravel()[1:])
        minus |= digit
        # The step ends in a digit; that every other number does follows from its point.
        valid: NDArray[np.bool_] = digit[:, self.layout.step_end - 1].astype(bool)
        if not minus.view(bool).all():
            valid &= minus.view(bool).all(axis=1)
        return valid

    def _eight(self, begin: int, count: int) -> U64:
        """Eight bytes of every row of ``digits`` as one little-endian integer."""
        return np.ndarray((count,), dtype="<u8", buffer=self.digits, offset=begin, strides=(self.layout.length,))

    def _numbers(self, halves: U64) -> NDArray[np.float64]:
        """The numbers (fields, n) whose last sixteen characters are ``halves`` (2, fields, n), which are used up."""
        count = halves.shape[2]
        low, high = halves
        signs, result = self.scratch[:, :count], self.result[:, :count]
        np.bitwise_or(high, low, out=signs)
        signs &= _SIGNS
        halves &= _DIGITS
        # Lanes of two, then four, then eight digits: narrow ones are converted many at a time.
        pairs, quads = halves.view(np.uint16), halves.view(np.uint32)
        pairs *= _TO_PAIRS
        pairs >>= np.uint16(8)
        quads *= _TO_QUADS
        quads >>= np.uint32(16)
        low *= _TO_EIGHT
        low >>= np.uint64(32)
        # The point is a zero between the third and the fourth digit of the second half.
        high *= _TO_SEVEN
        high >>= np.uint64(32)
        low *= np.uint64(10**7)
        low += high
        np.copyto(result, low.view(np.int64), casting="unsafe")
        result /= 10.0**_DECIMALS
        np.negative(result, out=result, where=signs != 0)
        return result

"""Words and numbers in large texts, found and converted as numpy arrays.

Everything works on a ``uint8`` view of the text; words are pairs of byte offsets ``[start, end)``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

CHUNK_BYTES = 4 * 2**20
"""Text converted at once: temporaries stay a small multiple of it."""

_EXACT_DIGITS = 15
"""A decimal with at most this many digits converts exactly by one division (IEEE 754 double)."""


class BadNumberError(ValueError):
    """A word that should be a number is not; ``index`` counts words from 0."""

    def __init__(self, index: int, word: bytes) -> None:
        super().__init__(f"word {index} is not a number: {word[:40]!r}")
        self.index = index
        self.word = word


def as_array(data: bytes | memoryview) -> Bytes:
    """The text as an array of bytes, without a copy."""
    return np.frombuffer(data, dtype=np.uint8)


def find_words(text: Bytes) -> tuple[Offsets, Offsets]:
    """Start and end offsets of the words that white space separates."""
    if text.size == 0:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    inside = np.empty(text.size + 2, dtype=bool)
    inside[0] = inside[-1] = False
    np.greater(text, 32, out=inside[1:-1])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return edges[0::2], edges[1::2]


def gather(text: Bytes, starts: Offsets, ends: Offsets) -> Bytes:
    """The words as rows of bytes, (n, longest), padded with zero bytes on the right."""
    lengths = ends - starts
    width = int(lengths.max(initial=1))
    columns = np.arange(width)
    positions = starts[:, None] + columns
    np.minimum(positions, text.size - 1, out=positions)
    rows: Bytes = text[positions]
    rows[columns >= lengths[:, None]] = 0
    return rows


def words(text: Bytes, starts: Offsets, ends: Offsets) -> NDArray[np.bytes_]:
    """The words as an array of byte strings."""
    if starts.size == 0:
        return np.zeros(0, dtype="S1")
    rows = np.ascontiguousarray(gather(text, starts, ends))
    return rows.view(f"S{rows.shape[1]}").ravel()


def integers(text: Bytes, starts: Offsets, ends: Offsets) -> NDArray[np.int64]:
    """The words as integers; raises BadNumberError at the first that is none (or has over 18 digits)."""
    values, places, bad = _accumulate(text, starts, ends, widest=19)
    bad |= places >= 0
    if bad.any():
        index = int(np.argmax(bad))
        raise BadNumberError(index, text[starts[index] : ends[index]].tobytes())
    return values


def floats(text: Bytes, starts: Offsets, ends: Offsets, default: float | None = None) -> NDArray[np.float64]:
    """The words as doubles, correctly rounded.

    A word that is no number becomes ``default``; without one it raises BadNumberError.
    """
    mantissa, places, bad = _accumulate(text, starts, ends, widest=_EXACT_DIGITS + 2)
    bad |= np.abs(mantissa) >= 10**_EXACT_DIGITS
    values = mantissa / np.power(10.0, np.maximum(places, 0))
    for index in np.flatnonzero(bad):
        word = text[starts[index] : ends[index]].tobytes()
        try:
            values[index] = float(word)
        except ValueError:
            if default is None:
                raise BadNumberError(int(index), word) from None
            values[index] = default
    return values


def _accumulate(
    text: Bytes, starts: Offsets, ends: Offsets, widest: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Digits read as one integer, places behind the point (-1: no point), and what is not plain decimal."""
    count = starts.size
    lengths = ends - starts
    value = np.zeros(count, dtype=np.int64)
    places = np.full(count, -1, dtype=np.int64)
    digits = np.zeros(count, dtype=np.int64)
    negative = np.zeros(count, dtype=bool)
    bad = lengths > widest
    for position in range(min(int(lengths.max(initial=0)), widest)):
        live = lengths > position
        character = text[np.minimum(starts + position, text.size - 1)]
        digit = character - np.uint8(48)
        is_digit = (digit < 10) & live
        value = np.where(is_digit, value * 10 + digit, value)
        digits += is_digit
        is_point = (character == 46) & live & (places < 0)
        places += is_digit & (places >= 0)
        places[is_point] = 0
        known = is_digit | is_point | ~live
        if position == 0:
            negative = (character == 45) & live
            known |= negative | ((character == 43) & live)
        bad |= ~known
    bad |= digits == 0
    np.negative(value, out=value, where=negative)
    return value, places, bad


def chunks(begin: int, end: int, text: Bytes, size: int = CHUNK_BYTES) -> Iterator[tuple[int, int]]:
    """Cut ``[begin, end)`` at line ends into pieces of about ``size`` bytes, so that no word is split."""
    while begin < end:
        stop = min(begin + size, end)
        while stop < end:
            window = text[stop : min(stop + 65536, end)]
            breaks = np.flatnonzero(window == 10)
            if breaks.size:
                stop += int(breaks[0]) + 1
                break
            stop += window.size
        yield begin, stop
        begin = stop


def encode_names(names: NDArray[np.bytes_]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Distinct names in sorted order and, for each element, its index among them."""
    if names.dtype.itemsize <= 8:
        padded = np.ascontiguousarray(names.astype("S8"))
        keys, inverse = np.unique(padded.view(">u8").astype(np.uint64), return_inverse=True)
        distinct = keys.astype(">u8").view("S8")
    else:
        distinct, inverse = np.unique(names, return_inverse=True)
    return tuple(name.decode("latin-1") for name in distinct.tolist()), inverse.astype(np.int32)

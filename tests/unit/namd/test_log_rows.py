"""ENERGY lines converted in bulk equal what Python makes of each word, and damaged lines are not believed."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.namd.log_rows import RowConverter, convert_line, is_energy

from .log_samples import LONG, SHORT, energy

VALUES = st.floats(-99999999.0, 999999999.0).map(lambda x: round(x, 4))


def convert(lines: list[str], columns: int = len(LONG)) -> tuple[np.ndarray, list[int]]:
    data = "\n".join(lines).encode() + b"\n"
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == 10)
    starts = np.concatenate(([0], ends[:-1] + 1))
    chosen = is_energy(data, starts)
    rows = RowConverter(columns).convert(data, starts[chosen], ends[chosen])
    return rows.values, rows.bad.tolist()


def expected(lines: list[str]) -> list[list[float]]:
    return [[float(word) for word in line.split()[1:]] for line in lines]


@given(st.lists(st.tuples(st.integers(0, 10**8), st.lists(VALUES, min_size=19, max_size=19)), min_size=1, max_size=20))
def test_every_number_is_exact(rows: list[tuple[int, list[float]]]) -> None:
    lines = [energy(step, values) for step, values in rows]
    values, bad = convert(lines)
    assert bad == []
    assert values.tolist() == expected(lines)


@pytest.mark.parametrize("columns", [SHORT, LONG])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 5000])
def test_any_number_of_lines(columns: tuple[str, ...], count: int) -> None:
    lines = [energy(step, columns=columns) for step in range(count)]
    values, bad = convert(lines, len(columns))
    assert bad == []
    assert values.tolist() == expected(lines)


def test_lines_of_several_lengths_stay_in_order() -> None:
    steps = [9_999_980 + 10 * i for i in range(40)]
    values, _ = convert([energy(step) for step in steps])
    assert values[:, 0].tolist() == steps


def test_overflow_and_nan_are_read_word_by_word() -> None:
    odd = energy(5, [99999999999.9999, float("nan"), *range(17)])
    values, bad = convert([*(energy(i) for i in range(20)), odd])
    assert bad == []
    assert values[20, 1] == 99999999999.9999
    assert np.isnan(values[20, 2])


def test_dos_line_ends_are_read() -> None:
    values, bad = convert([energy(i) + "\r" for i in range(20)])
    assert bad == []
    assert values[:, 0].tolist() == list(range(20))


@pytest.mark.parametrize("trial", range(30))
def test_a_damaged_byte_never_gives_a_wrong_number(trial: int) -> None:
    """Whatever one byte becomes, the fast path says what reading word by word says."""
    rng = random.Random(trial)
    lines = [
        energy(100 * i, [rng.uniform(-(10.0**k), 10.0**k) for k in rng.choices(range(8), k=19)]) for i in range(60)
    ]
    whole = [len(line) for line in lines]
    for i in range(0, 60, 2):
        at = rng.randrange(8, whole[i])
        lines[i] = lines[i][:at] + rng.choice("0123456789 -.+eEx_/:,\x00~ ") + lines[i][at + 1 :]
    values, bad = convert(lines)
    slow = [convert_line(line.encode(), len(LONG)) for line in lines]
    assert bad == [i for i, row in enumerate(slow) if row is None]
    assert values.tolist() == [row for row in slow if row is not None]


@pytest.mark.parametrize(
    "line",
    [
        "ENERGY: 100 1.0 2.0",
        "ENERGY: 100 " + "1.0 " * 20,
        "ENERGY: x " + "1.0 " * 19,
        "ENERGY: -5 " + "1.0 " * 19,
        "ENERGY: 5 1_0.0 " + "1.0 " * 18,
        "ENERGY: ",
    ],
)
def test_lines_that_are_no_rows(line: str) -> None:
    values, bad = convert([line])
    assert bad == [0]
    assert len(values) == 0

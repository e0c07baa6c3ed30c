"""Tables of energies: joining, averages with their error, series kept small."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.namd.energies import EnergyTable, average, averages, concatenate, join_segments, unique_steps
from namdrunner.namd.log_series import EnergySeries


def table(steps: list[int], offset: float = 0.0) -> EnergyTable:
    return EnergyTable(("TS", "TEMP"), np.array([[float(s), s + offset] for s in steps]).reshape(-1, 2))


def test_columns_by_name() -> None:
    energies = table([0, 10])
    assert energies.column("TEMP").tolist() == [0, 10]
    assert "TEMP" in energies
    with pytest.raises(KeyError):
        energies.column("VOLUME")


def test_a_continuation_replaces_what_its_parent_wrote_behind_the_restart() -> None:
    joined = join_segments([table([0, 10, 20, 30]), table([20, 30, 40], 0.5), table([])])
    assert joined.steps.tolist() == [0, 10, 20, 30, 40]
    assert joined.column("TEMP").tolist() == [0, 10, 20.5, 30.5, 40.5]


def test_a_step_printed_by_two_stages_counts_once() -> None:
    assert unique_steps(table([0, 10, 10, 20, 15, 25])).steps.tolist() == [0, 10, 15, 25]


def test_tables_of_other_columns_share_what_is_common() -> None:
    wide = EnergyTable(("TS", "TEMP", "VOLUME"), np.array([[50.0, 1.0, 2.0]]))
    joined = concatenate([wide, table([60])])
    assert joined.columns == ("TS", "TEMP")
    assert joined.values.tolist() == [[50, 1], [60, 60]]
    assert len(concatenate([])) == 0


def test_the_error_of_uncorrelated_values_is_the_textbook_s() -> None:
    values = np.random.default_rng(7).normal(300, 5, 20_000)
    result = average(values)
    assert result is not None
    assert result.error == pytest.approx(5 / np.sqrt(20_000), rel=0.5)
    assert abs(result.mean - 300) < 4 * result.error
    assert not result.drifting


def test_correlation_makes_the_error_larger() -> None:
    rng = np.random.default_rng(7)
    noise = rng.normal(size=20_000)
    slow = np.zeros(20_000)
    for i in range(1, 20_000):
        slow[i] = 0.98 * slow[i - 1] + noise[i]
    result = average(slow)
    assert result is not None
    naive = slow.std() / np.sqrt(len(slow))
    # An autoregressive series with 0.98 has a statistical inefficiency of (1 + 0.98) / (1 - 0.98) = 99.
    assert 5 * naive < result.error < 20 * naive


def test_drift_is_noticed() -> None:
    values = 300 + np.linspace(0, 50, 2000) + np.random.default_rng(1).normal(0, 2, 2000)
    result = average(values)
    assert result is not None
    assert result.drift == pytest.approx(50, abs=1)


def test_averages_leave_out_the_first_part() -> None:
    found = averages(table(list(range(0, 1000, 10))), skip=0.5)
    assert found["TEMP"].mean == pytest.approx(np.mean(range(500, 1000, 10)))
    assert "TS" not in found
    with pytest.raises(ValueError, match="skip"):
        averages(table([0]), skip=1.0)
    assert average(np.zeros(0)) is None


@given(st.lists(st.integers(1, 700), max_size=12), st.sampled_from([4, 16, 128]))
def test_a_series_kept_small_loses_no_row(sizes: list[int], capacity: int) -> None:
    series = EnergySeries(("TS", "E"), capacity)
    values = np.random.default_rng(3).normal(size=(sum(sizes), 2))
    start = 0
    for size in sizes:
        series.add(values[start : start + size])
        start += size
    assert len(series) <= capacity
    assert series.counts.sum() == len(values)
    assert (series.counts[:-1] == series.rows_per_bucket).all()
    if len(values):
        assert series.sums.sum(axis=0) == pytest.approx(values.sum(axis=0), abs=1e-9)
        assert series.lowest.min(axis=0).tolist() == values.min(axis=0).tolist()
        assert series.highest.max(axis=0).tolist() == values.max(axis=0).tolist()
    again = EnergySeries.from_state(json.loads(json.dumps(series.state())))
    assert again.document() == series.document()

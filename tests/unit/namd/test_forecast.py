"""Forecasts rest on measurements: the nearest ones, scaled, and none without any."""

from __future__ import annotations

import pytest

from namdrunner.namd.forecast import (
    BillingRates,
    Hardware,
    Measurement,
    forecast_memory,
    forecast_speed,
    service_units,
    steps_within,
    walltime_s,
)

CPU = Hardware("alpine", "acpu", cores=64)
GPU = Hardware("alpine", "aa100", cores=8, gpu_type="a100_80gb", gpus=1)


def run(hardware: Hardware, atoms: int, speed: float, **more: float) -> Measurement:
    return Measurement(hardware, atoms, more.get("timestep_fs", 2.0), speed, memory_bytes=int(more.get("memory", 0)))


def test_none_is_not_zero() -> None:
    assert forecast_speed(CPU, 100_000, 2.0, []) is None
    elsewhere = Hardware("summit", "acpu", cores=64)
    assert forecast_speed(CPU, 100_000, 2.0, [run(elsewhere, 100_000, 10)]) is None
    assert forecast_speed(CPU, 100_000, 2.0, [run(GPU, 100_000, 100)]) is None
    assert forecast_speed(CPU, 100_000, 2.0, [run(CPU, 1_000, 500)]) is None
    assert forecast_speed(CPU, 0, 2.0, [run(CPU, 1_000, 500)]) is None
    assert forecast_memory(CPU, 100_000, [run(CPU, 100_000, 10)]) is None
    assert service_units(CPU, 100, 24, None) is None


def test_the_same_run_is_its_own_forecast() -> None:
    found = forecast_speed(CPU, 100_000, 2.0, [run(CPU, 100_000, 12.5), run(CPU, 20_000, 80)])
    assert found is not None
    assert found.ns_per_day == 12.5
    assert found.low < 12.5 < found.high
    assert [m.atoms for m in found.basis] == [100_000]
    assert not found.extrapolated
    assert found.explanation == "From one earlier run on alpine, partition acpu."


def test_other_sizes_and_timesteps_are_scaled() -> None:
    found = forecast_speed(CPU, 200_000, 4.0, [run(CPU, 100_000, 10)])
    assert found is not None
    assert found.ns_per_day == pytest.approx(10)
    assert found.extrapolated
    assert "another number of atoms" in found.explanation
    assert found.high / found.low > 1.2


def test_other_cores_are_scaled_with_less_than_their_number() -> None:
    found = forecast_speed(CPU, 100_000, 2.0, [run(Hardware("alpine", "acpu", cores=32), 100_000, 10)])
    assert found is not None
    assert 10 < found.ns_per_day < 20
    assert "another number of cores" in found.explanation


def test_several_runs_give_their_median_and_range() -> None:
    found = forecast_speed(GPU, 100_000, 2.0, [run(GPU, 100_000, speed) for speed in (90, 100, 95, 20, 101, 99)])
    assert found is not None
    assert len(found.basis) == 5
    assert 90 <= found.ns_per_day <= 100
    assert found.low < 20 < 101 < found.high


def test_memory_grows_with_the_system_and_never_shrinks() -> None:
    known = [run(CPU, 100_000, 10, memory=4e9)]
    assert forecast_memory(CPU, 200_000, known) == 8_000_000_000
    assert forecast_memory(CPU, 50_000, known) == 4_000_000_000
    assert forecast_memory(CPU, 0, known) is None  # a structure that could not be read


def test_walltime_and_steps_are_inverse() -> None:
    time = walltime_s(10, 20, margin=1.0)
    assert time == 43_200 + 120
    assert steps_within(time, 20, 2.0, multiple=20) == 5_000_000
    assert steps_within(time - 1, 20, 2.0, multiple=20) % 20 == 0
    assert steps_within(60, 20, 2.0) == 0
    with pytest.raises(ValueError, match="positive"):
        walltime_s(1, 0)


def test_cost_by_weights() -> None:
    rates = BillingRates(core=1.0, gpu=108.2, memory_gb=0.25)
    assert service_units(GPU, 32, 2, rates) == pytest.approx(2 * (8 + 108.2 + 8))
    largest = BillingRates(core=1.0, gpu=108.2, memory_gb=0.25, largest_only=True)
    assert service_units(GPU, 32, 2, largest) == pytest.approx(2 * 108.2)

"""Bytes that runs write, against files NAMD wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from namdrunner.namd.sizes import OutputPlan, dcd_bytes, dcd_frames, estimate_outputs, log_bytes, total_bytes


def test_a_microsecond_of_a_million_atoms() -> None:
    # 1 us at 2 fs with a frame every 10,000 steps: 50,000 frames of 12 MB each.
    plan = OutputPlan(atoms=1_000_000, steps=500_000_000, dcd_interval=10_000, restart_interval=10_000)
    sizes = {size.role: size for size in estimate_outputs(plan)}
    assert sizes["trajectory"].bytes == pytest.approx(600e9, rel=1e-3)
    assert sizes["restart"].bytes == pytest.approx(2 * 48e6, rel=1e-3)
    assert sizes["final"].files == 3
    assert "velocity trajectory" not in sizes


def test_kept_restarts_add_up() -> None:
    once = OutputPlan(atoms=1000, steps=10_000, restart_interval=1000)
    kept = OutputPlan(atoms=1000, steps=10_000, restart_interval=1000, keep_all_restarts=True)
    assert total_bytes(kept) - total_bytes(once) == 8 * (2 * 24_004 + 300)


def test_a_run_without_outputs_still_writes_its_final_files() -> None:
    roles = [size.role for size in estimate_outputs(OutputPlan(atoms=10, steps=0, energy_interval=0))]
    assert sorted(roles) == ["final", "log"]


@pytest.mark.parametrize("frames", [0, 1, 17])
@pytest.mark.parametrize("cell", [True, False])
def test_frames_and_bytes_are_inverse(frames: int, cell: bool) -> None:
    size = dcd_bytes(2176, frames, cell=cell)
    assert dcd_frames(size, 2176, cell=cell) == frames
    assert dcd_frames(size + 100, 2176, cell=cell) == frames


@pytest.mark.shared_data
def test_real_outputs_have_the_size_foretold(shared_data: Path) -> None:
    folder = shared_data / "restart_sets"
    plan = OutputPlan(
        atoms=2176,
        steps=2000,
        restart_interval=1000,
        dcd_interval=200,
        xst_interval=100,
        energy_interval=20,
        timing_interval=500,
    )
    sizes = {size.role: size.bytes for size in estimate_outputs(plan)}
    assert sizes["trajectory"] == (folder / "alad_npt_3.0.dcd").stat().st_size
    written = sum((folder / f"alad_npt_3.0.{end}").stat().st_size for end in ("coor", "vel", "xsc"))
    assert sizes["final"] == pytest.approx(written, rel=0.001)
    assert log_bytes(plan) == pytest.approx((folder / "alad_npt_3.0.log").stat().st_size, rel=0.25)
    assert sizes["cell trajectory"] == pytest.approx((folder / "alad_npt_3.0.xst").stat().st_size, rel=0.5)

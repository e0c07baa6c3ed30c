"""How many bytes a run will write.

Formats: coordinates and velocities 4 + 24 N; a DCD header 276 and a frame 12 N + 24, with a unit cell 56 more; the
text files are measured averages of NAMD 2.12 to 3.0 (a line of energies with its title, timing and output lines).
"""

from __future__ import annotations

from dataclasses import dataclass

from namdrunner.namd.dcd import HEADER_BYTES, frame_bytes
from namdrunner.namd.namdbin import expected_size

XSC_BYTES = 300
XST_HEADER_BYTES = 150
XST_LINE_BYTES = 160
LOG_HEAD_BYTES = 12_000
ENERGY_LINE_BYTES = 365
"""With its share of the title (every tenth) and the empty lines between."""
TIMING_LINES_BYTES = 230
RESTART_LINES_BYTES = 400
FRAME_LINES_BYTES = 80


@dataclass(frozen=True)
class OutputPlan:
    """What a run writes and how often; intervals are in steps, 0 means never."""

    atoms: int
    steps: int
    restart_interval: int = 0
    dcd_interval: int = 0
    velocity_dcd_interval: int = 0
    force_dcd_interval: int = 0
    xst_interval: int = 0
    energy_interval: int = 1
    timing_interval: int = 0
    unit_cell: bool = True
    keep_all_restarts: bool = False
    """restartsave: every restart set stays, under a name with its step."""


@dataclass(frozen=True)
class OutputSize:
    """One kind of output: ``files`` of it, ``bytes`` altogether."""

    role: str
    files: int
    bytes: int


def estimate_outputs(plan: OutputPlan) -> tuple[OutputSize, ...]:
    """What the run leaves behind, largest first; kinds that are not written are left out."""
    one_set = 2 * expected_size(plan.atoms) + XSC_BYTES
    sizes = [OutputSize("final", 3, one_set)]
    writes = _times(plan.steps, plan.restart_interval)
    if writes:
        # The set before the last stays as .old.
        kept = writes if plan.keep_all_restarts else min(writes, 2)
        sizes.append(OutputSize("restart", 3 * kept, kept * one_set))
    trajectories = (
        ("trajectory", plan.dcd_interval, plan.unit_cell),
        ("velocity trajectory", plan.velocity_dcd_interval, False),
        ("force trajectory", plan.force_dcd_interval, False),
    )
    for role, interval, cell in trajectories:
        if interval > 0:
            sizes.append(OutputSize(role, 1, dcd_bytes(plan.atoms, _times(plan.steps, interval), cell=cell)))
    if plan.xst_interval > 0:
        lines = _times(plan.steps, plan.xst_interval) + 1
        sizes.append(OutputSize("cell trajectory", 1, XST_HEADER_BYTES + lines * XST_LINE_BYTES))
    sizes.append(OutputSize("log", 1, log_bytes(plan)))
    return tuple(sorted(sizes, key=lambda size: -size.bytes))


def total_bytes(plan: OutputPlan) -> int:
    """All outputs together."""
    return sum(size.bytes for size in estimate_outputs(plan))


def dcd_bytes(atoms: int, frames: int, *, cell: bool = True) -> int:
    """Size of a trajectory."""
    return HEADER_BYTES + frames * frame_bytes(atoms, cell=cell)


def dcd_frames(size: int, atoms: int, *, cell: bool = True) -> int:
    """Whole frames in a trajectory of ``size`` bytes."""
    return max(size - HEADER_BYTES, 0) // frame_bytes(atoms, cell=cell)


def log_bytes(plan: OutputPlan) -> int:
    """Size of NAMD's output, good to some ten per cent."""
    frames = _times(plan.steps, plan.dcd_interval) + _times(plan.steps, plan.velocity_dcd_interval)
    return (
        LOG_HEAD_BYTES
        + (_times(plan.steps, plan.energy_interval) + 1) * ENERGY_LINE_BYTES
        + _times(plan.steps, plan.timing_interval) * TIMING_LINES_BYTES
        + _times(plan.steps, plan.restart_interval) * RESTART_LINES_BYTES
        + frames * FRAME_LINES_BYTES
    )


def _times(steps: int, interval: int) -> int:
    return steps // interval if interval > 0 else 0

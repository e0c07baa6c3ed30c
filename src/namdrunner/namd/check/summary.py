"""The simulation in numbers: atoms, charge, cell, ensemble, length, output."""

from __future__ import annotations

from pathlib import Path

from namdrunner.namd.check import gpu
from namdrunner.namd.check.context import Context
from namdrunner.namd.check.report import FileSummary, Summary

_ENERGY_LINE = 330
_XST_LINE = 170
_XSC_FILE = 300
_LOG_HEAD = 12_000


def summarize(ctx: Context) -> Summary:
    """What the config amounts to; None for what could not be known."""
    psf, box = ctx.inputs.psf, ctx.inputs.box
    mode, reason = gpu.mode(ctx)
    cell = box.vectors if box is not None and any(box.lengths) else None
    return Summary(
        atoms=psf.natom if psf else None,
        charge=round(psf.total_charge, 6) if psf else None,
        cell=cell,
        ensemble=ensemble(ctx),
        steps=ctx.config.total_steps,
        simulated_ns=_simulated_ns(ctx),
        gpu_mode=mode,
        gpu_reason=reason,
        output_bytes=output_bytes(ctx, psf.natom) if psf else None,
        files=_files(ctx),
    )


def _files(ctx: Context) -> tuple[FileSummary, ...]:
    files = [FileSummary("config", ctx.config.path, _size(ctx.config.path))]
    files += [FileSummary(r.role, r.path, _size(r.path) if r.exists else None) for r in ctx.references]
    return tuple(files)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return None


def _simulated_ns(ctx: Context) -> float | None:
    timestep = ctx.number("timestep", 1.0)
    return None if timestep is None else round(ctx.config.dynamics_steps * timestep * 1e-6, 9)


def ensemble(ctx: Context) -> str:
    """NVE, NVT, NPT, NPH or minimisation alone."""
    if ctx.config.total_steps and not ctx.config.dynamics_steps:
        return "minimization"
    box = ctx.inputs.box
    pressure = ctx.barostat is not None and (box is None or box.periodic)
    if ctx.thermostats:
        return "NPT" if pressure else "NVT"
    return "NPH" if pressure else "NVE"


def output_bytes(ctx: Context, natom: int) -> int:
    """Bytes on disk when the run has ended (sizes of NAMD's files: design of DCD, binary and text output)."""
    total = ctx.config.total_steps
    box = ctx.inputs.box
    periodic = box is not None and box.periodic
    state = 2 * (4 + 24 * natom) + _XSC_FILE
    size = state * max(1, len(ctx.config.output_names)) + _LOG_HEAD
    restart = ctx.integer("restartfreq", 0)
    if 0 < restart <= total:
        kept = total // restart if ctx.on("restartsave") else min(2, total // restart)
        size += state * kept
    unit_cell = ctx.on("dcdunitcell") if ctx.given("dcdunitcell") else periodic
    for name, cell in (("dcdfreq", unit_cell), ("veldcdfreq", False), ("forcedcdfreq", False)):
        frequency = ctx.integer(name, 0)
        if frequency > 0:
            size += 276 + (total // frequency) * (12 * natom + 24 + (56 if cell else 0))
    xst = ctx.integer("xstfreq", 0)
    if xst > 0:
        size += _XSC_FILE + (total // xst) * _XST_LINE
    energies = ctx.integer("outputenergies", 1)
    if energies > 0:
        size += (total // energies) * (_ENERGY_LINE + 33)
    return int(size)

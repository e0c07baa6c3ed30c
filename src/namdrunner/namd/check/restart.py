"""Continuations: binary coordinates and velocities, the cell that belongs to them, the step they are from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from namdrunner.namd.check.context import Context
from namdrunner.namd.check.files import BinaryValues
from namdrunner.namd.references import resolve

_BOLTZMANN = 0.001987191
"""kcal/mol/K, NAMD common.h."""


def check(ctx: Context) -> None:
    if ctx.inputs.natom is not None:
        for keyword in ("bincoordinates", "binvelocities"):
            _binary(ctx, keyword)
        _swapped(ctx)
        _hot_velocities(ctx)
    _extended_system(ctx)
    _first_step(ctx)
    _mixed_set(ctx)


def _binary(ctx: Context, keyword: str) -> None:
    binary = ctx.inputs.binary_coordinates if keyword == "bincoordinates" else ctx.inputs.binary_velocities
    if binary is None:
        return
    if not np.isfinite(binary.values).all():
        count = int((~np.isfinite(binary.values)).any(axis=1).sum())
        ctx.error(
            "not-finite",
            f"{count} atoms of the file have no finite numbers; NAMD reads them without a word and computes nonsense.",
            "Go back to an earlier restart file.",
            keyword=keyword,
        )
    elif not binary.sensible and keyword == "bincoordinates":
        ctx.error(
            "not-sensible",
            "The numbers of the file are no coordinates (wrong byte order or damaged).",
            "Go back to an earlier restart file.",
            keyword=keyword,
        )
    elif not binary.sensible:
        ctx.warning("not-sensible", "The numbers of the file are no velocities.", "Use another file.", keyword=keyword)
    if binary.swapped:
        ctx.advice(
            "byte-swapped",
            "The file was written on a machine of the other byte order; NAMD converts it.",
            "Nothing needs to be done.",
            keyword=keyword,
        )
    if binary.extra_bytes:
        ctx.advice(
            "extra-bytes",
            f"The file has {binary.extra_bytes} bytes more than its atoms need; NAMD ignores them.",
            "Check that it is whole.",
            keyword=keyword,
        )


def _extent(values: BinaryValues) -> float:
    return float(np.ptp(values.values, axis=0).max()) if len(values.values) else 0.0


def _swapped(ctx: Context) -> None:
    coordinates = ctx.inputs.binary_coordinates
    if coordinates is None or not coordinates.sensible or len(coordinates.values) < 10:
        return
    if _extent(coordinates) < 0.5 * len(coordinates.values) ** (1 / 3):
        ctx.warning(
            "coordinates-collapsed",
            f"All {len(coordinates.values)} atoms lie within {_extent(coordinates):.2f} A: "
            "this may be the velocity file.",
            "Check that bincoordinates names the .coor file and binvelocities the .vel file.",
            keyword="bincoordinates",
        )


def _hot_velocities(ctx: Context) -> None:
    velocities, psf = ctx.inputs.binary_velocities, ctx.inputs.psf
    if velocities is None or not velocities.sensible or psf is None or not psf.natom:
        return
    kinetic = float((psf.masses[:, None] * velocities.values**2).sum())
    temperature = kinetic / (3 * psf.natom * _BOLTZMANN)
    if temperature > 2000:
        ctx.warning(
            "hot-velocities",
            f"The velocities correspond to {temperature:.3g} K: this may be the coordinate file.",
            "Check that binvelocities names the .vel file of a sound run.",
            keyword="binvelocities",
        )
    elif temperature < 1 and ctx.config.dynamics_steps:
        ctx.advice(
            "cold-velocities",
            "The velocities are those of a minimised structure (0 K).",
            "Use temperature instead of binvelocities, or reinitvels before run.",
            keyword="binvelocities",
        )


def _extended_system(ctx: Context) -> None:
    vectors = [s for i in (1, 2, 3) if (s := ctx.config.startup_setting(f"cellbasisvector{i}"))]
    if ctx.given("extendedsystem") and vectors:
        ctx.advice(
            "cell-twice",
            "The cell is given by extendedSystem and by cellBasisVector; the file counts.",
            "Remove the vectors.",
            setting=vectors[0],
        )
    if ctx.given("extendedsystem") or vectors or not ctx.given("bincoordinates"):
        return
    beside = _xsc_beside(ctx)
    if beside is not None:
        ctx.warning(
            "cell-forgotten",
            f"This continues a run that had a cell ({beside.name} lies beside the coordinates), and no cell is given.",
            "Add extendedSystem with that file.",
            keyword="extendedSystem",
            fix=ctx.fix_insert("extendedSystem", _sibling(ctx.config.startup("bincoordinates") or "")),
        )


def _sibling(written: str) -> str:
    stem, dot, _ = written.strip().rpartition(".")
    return (stem if dot else written.strip()) + ".xsc"


def _xsc_beside(ctx: Context) -> Path | None:
    for keyword in ("bincoordinates", "binvelocities"):
        written = ctx.config.startup(keyword)
        if written is not None:
            path = resolve(ctx.config, _sibling(written))
            if path.is_file():
                return path
    return None


def _first_step(ctx: Context) -> None:
    box = ctx.inputs.box
    continued = ctx.given("binvelocities") or ctx.given("velocities")
    if box is None or not box.step or not continued:
        return
    first = ctx.integer("firsttimestep", 0)
    if first == box.step:
        return
    setting = ctx.config.startup_setting("firsttimestep")
    ctx.advice(
        "step-count-restarts",
        f"The files are from step {box.step}, and this run counts from {first}: step numbers will repeat.",
        f"Set firsttimestep {box.step}.",
        keyword="firsttimestep",
        setting=setting,
        fix=ctx.fix_set("firsttimestep", box.step) or ctx.fix_insert("firsttimestep", box.step),
    )


def _mixed_set(ctx: Context) -> None:
    """Coordinates, velocities and cell should come from one run and one step."""
    names = {
        keyword: Path(value.strip()).name
        for keyword in ("bincoordinates", "binvelocities", "extendedsystem")
        if (value := ctx.config.startup(keyword)) is not None
    }
    old = [name for name in names.values() if name.endswith(".old")]
    if old and len(old) < len(names):
        ctx.warning(
            "mixed-restart-set",
            f"Old and new restart files are mixed: {', '.join(names.values())}.",
            "Take all three from one step.",
            keyword="bincoordinates",
        )

"""The periodic cell against itself, the cutoff, the coordinates and the mass in it."""

from __future__ import annotations

import numpy as np

from namdrunner.namd.check.box import Box
from namdrunner.namd.check.context import Context

_AMU_PER_A3 = 1.66053907
"""g/cm3 of one atomic mass unit per cubic Angstrom."""


def check(ctx: Context) -> None:
    box = ctx.inputs.box
    if box is None:
        return
    _vectors(ctx, box)
    if not box.periodic:
        _wrapping(ctx)
        return
    _against_cutoff(ctx, box)
    _against_cryst1(ctx, box)
    _density(ctx, box)
    _against_coordinates(ctx, box)


def _name(ctx: Context, index: int = 0) -> str:
    return "extendedSystem" if ctx.given("extendedsystem") else f"cellBasisVector{index + 1}"


def _vectors(ctx: Context, box: Box) -> None:
    a, b, c = box.lengths
    if (c and not b) or (b and not a):
        ctx.error(
            "cell-incomplete",
            "A later cell vector is given without an earlier one.",
            "Give cellBasisVector1, 2 and 3.",
            keyword=_name(ctx, 1 if c and not b else 0),
        )
    elif not a and any(box.origin):
        ctx.error(
            "cell-incomplete", "cellOrigin is given without cellBasisVector1.", "Give the cell.", keyword="cellOrigin"
        )
    elif min(box.lengths) > 0 and box.volume <= 1e-6 * a * b * c:
        ctx.error(
            "cell-flat",
            "The cell vectors lie in one plane: the cell has no volume.",
            "Give three independent vectors.",
            keyword=_name(ctx, 2),
        )
    elif any(box.lengths) and not all(box.lengths):
        ctx.advice(
            "cell-partly-periodic",
            "The system is periodic in some directions only.",
            "Give all three vectors unless this is meant.",
            keyword=_name(ctx),
        )
    elif box.periodic and box.left_handed:
        ctx.advice(
            "cell-left-handed",
            "The cell vectors form a left-handed system (one of them is reversed).",
            "Reverse one vector; a positive diagonal is usual.",
            keyword=_name(ctx),
        )


def _wrapping(ctx: Context) -> None:
    for name in ("wrapAll", "wrapWater"):
        if ctx.on(name) and not any(ctx.inputs.box.lengths if ctx.inputs.box else (0,)):
            ctx.advice("wrapping-idle", f"{name} has no effect without a cell.", "Remove it.", keyword=name)
            break


def _against_cutoff(ctx: Context, box: Box) -> None:
    cutoff = ctx.number("cutoff") or 0.0
    shortest = min(box.widths)
    if shortest < cutoff:
        ctx.warning(
            "cell-small",
            f"The cell is {shortest:.1f} A wide, less than the cutoff of {cutoff:g} A: atoms meet their own images.",
            "Enlarge the cell or shorten the cutoff; check the unit (Angstrom).",
            keyword=_name(ctx),
        )
    elif shortest < 2 * cutoff:
        ctx.warning(
            "cell-small",
            f"The cell is {shortest:.1f} A wide, less than twice the cutoff ({2 * cutoff:g} A).",
            "Enlarge the cell or shorten the cutoff.",
            keyword=_name(ctx),
        )


def _against_cryst1(ctx: Context, box: Box) -> None:
    """The cell that the PDB file states, where it states one and its coordinates are the ones used."""
    pdb = ctx.inputs.pdb("coordinates") if not ctx.given("bincoordinates") else None
    if pdb is None or pdb.cryst1 is None:
        return
    stated = pdb.cryst1
    lengths = np.array([stated.a, stated.b, stated.c])
    a, b, c = box.matrix / np.linalg.norm(box.matrix, axis=1)[:, None]
    angles = np.degrees(np.arccos(np.clip([b @ c, a @ c, a @ b], -1, 1)))
    off = np.abs(np.array(box.lengths) - lengths).max()
    tilt = np.abs(angles - np.array([stated.alpha, stated.beta, stated.gamma])).max()
    if lengths.min() > 2 and (off > 0.1 * lengths.max() or tilt > 4):
        ctx.advice(
            "cell-against-pdb",
            f"The PDB file states another cell: {stated.a:g} x {stated.b:g} x {stated.c:g} A, "
            f"angles {stated.alpha:g}, {stated.beta:g}, {stated.gamma:g}.",
            "Check which of the two belongs to the coordinates.",
            keyword=_name(ctx),
        )


def _density(ctx: Context, box: Box) -> None:
    psf = ctx.inputs.psf
    if psf is None or psf.natom < 300:
        return
    per_volume = psf.natom / box.volume
    density = float(psf.masses.sum()) / box.volume * _AMU_PER_A3
    if per_volume > 0.3:
        ctx.error(
            "density",
            f"The density would be {density:.1f} g/cm3: {psf.natom} atoms do not fit into {box.volume:.0f} A3.",
            "Check the lengths of the cell (in Angstrom, the full edge).",
            keyword=_name(ctx),
        )
    elif density > 1.45:
        ctx.warning(
            "density",
            f"The density would be {density:.2f} g/cm3, too high for a solvated system.",
            "Check the lengths of the cell; it may be smaller than the coordinates.",
            keyword=_name(ctx),
        )
    elif density < 0.75 and (ctx.on("pme") or ctx.barostat):
        ctx.warning(
            "density",
            f"The density would be {density:.2f} g/cm3: the cell is larger than its content.",
            "Check the lengths of the cell; empty space collapses under pressure control.",
            keyword=_name(ctx),
        )


def _against_coordinates(ctx: Context, box: Box) -> None:
    positions = ctx.inputs.positions
    if positions is None or not len(positions) or not np.isfinite(positions).all():
        return
    fractions = box.fractions(positions)
    centre = (fractions.max(axis=0) + fractions.min(axis=0)) / 2
    spans = fractions.max(axis=0) - fractions.min(axis=0)
    outside = float((np.abs(fractions) > 0.5).any(axis=1).mean())
    if np.abs(centre).max() > 0.3:
        ctx.advice(
            "cell-off-centre",
            f"The coordinates are not centred on cellOrigin ({outside:.0%} of the atoms lie outside the cell).",
            "Set cellOrigin to the middle of the coordinates.",
            keyword="cellOrigin" if ctx.given("cellorigin") else _name(ctx),
        )
    elif outside > 0.2 and spans.max() > 1.3:
        ctx.warning(
            "cell-against-coordinates",
            f"The coordinates span {spans.max():.2f} cells, and {outside:.0%} of the atoms lie outside.",
            "Check that the cell belongs to these coordinates.",
            keyword=_name(ctx),
        )
    empty = np.flatnonzero(spans < 0.8)
    psf = ctx.inputs.psf
    if empty.size and psf is not None and psf.natom > 300 and ctx.barostat and not _density_told(ctx):
        axis = "abc"[int(empty[0])]
        ctx.advice(
            "cell-against-coordinates",
            f"The coordinates fill only {spans.min():.0%} of the cell along {axis}.",
            "Check the cell; pressure control will shrink it.",
            keyword=_name(ctx, int(empty[0])),
        )


def _density_told(ctx: Context) -> bool:
    return any(finding.code == "density" for finding in ctx.findings)

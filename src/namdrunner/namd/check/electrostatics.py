"""Long-range electrostatics: PME, its grid and its rivals."""

from __future__ import annotations

import math

from namdrunner.namd.check.context import Context

_FULL = ("PME", "fullDirect", "FMA", "MSM", "FMM")


def check(ctx: Context) -> None:
    chosen = [name for name in _FULL if ctx.on(name)]
    if len(chosen) > 1:
        ctx.error(
            "several-electrostatics",
            f"{' and '.join(chosen)} are alternatives, and both are on.",
            "Keep PME.",
            keyword=chosen[-1],
        )
    _implicit_solvent(ctx, chosen)
    if ctx.on("pme"):
        _pme(ctx)
    elif ctx.inputs.box is not None and ctx.inputs.box.periodic and not chosen and not ctx.on("martiniswitching"):
        ctx.advice(
            "no-pme",
            "The system is periodic and PME is off: electrostatics end at the cutoff.",
            "Add PME yes and PMEGridSpacing 1.0.",
            keyword="PME",
        )
    for name in ("LJcorrection", "LJcorrectionAlt"):
        if ctx.on(name) and ctx.inputs.box is not None and not any(ctx.inputs.box.vectors[2]):
            ctx.error("needs-cell", f"{name} needs a periodic cell.", "Add the cell, or switch it off.", keyword=name)
    if ctx.on("ljcorrection") and ctx.on("ljcorrectionalt"):
        ctx.error("contradiction", "Two tail corrections are on.", "Keep LJcorrection.", keyword="LJcorrectionAlt")
    if ctx.on("martiniswitching") and (ctx.on("pme") or ctx.on("vdwforceswitching")):
        ctx.error(
            "contradiction",
            "Martini excludes PME and vdwForceSwitching.",
            "Switch them off.",
            keyword="martiniSwitching",
        )


def _implicit_solvent(ctx: Context, chosen: list[str]) -> None:
    if not ctx.on("gbis"):
        return
    others = [*chosen, *(name for name in ("alch", "les", "drude") if ctx.on(name))]
    if others:
        ctx.error(
            "several-electrostatics",
            f"GBIS (implicit solvent) excludes {', '.join(others)}.",
            f"Switch {others[0]} off.",
            keyword="GBIS",
        )


def _pme(ctx: Context) -> None:
    box = ctx.inputs.box
    if box is not None and not box.periodic:
        missing = "extendedSystem" if ctx.given("extendedsystem") else "cellBasisVector1"
        ctx.error(
            "pme-without-cell",
            "PME needs a periodic cell, and there is none with a volume.",
            f"Add cellBasisVector1 to 3 or extendedSystem{_cell_hint(ctx)}, or switch PME off.",
            keyword="PME" if missing == "cellBasisVector1" else missing,
        )
    sizes = [ctx.integer(f"pmegridsize{axis}", 0) for axis in "xyz"]
    spacing = ctx.number("pmegridspacing", 0.0) or 0.0
    if spacing == 0 and not all(sizes):
        ctx.error(
            "pme-grid",
            "PME is on without PMEGridSpacing or all three of PMEGridSizeX, Y and Z.",
            "Add PMEGridSpacing 1.0.",
            keyword="PMEGridSpacing",
            fix=ctx.fix_insert("PMEGridSpacing", "1.0"),
        )
        return
    given_spacing = ctx.given("pmegridspacing") and spacing > 0
    spacing = spacing or 1.5
    if box is not None and box.periodic and spacing > 0:
        _grid(ctx, box.lengths, sizes, spacing)
    if given_spacing and spacing > 1.5:
        ctx.warning(
            "pme-grid-coarse",
            f"PMEGridSpacing {spacing:g} A is coarse: forces are inaccurate.",
            "Use 1.0 (at most 1.5 with higher PMEInterpOrder).",
            keyword="PMEGridSpacing",
            fix=ctx.fix_set("pmegridspacing", "1.0"),
        )
    elif given_spacing and spacing < 0.5:
        ctx.advice(
            "pme-grid-fine", f"PMEGridSpacing {spacing:g} A is needlessly fine.", "Use 1.0.", keyword="PMEGridSpacing"
        )
    _order(ctx)


def _order(ctx: Context) -> None:
    order = ctx.integer("pmeinterporder", 4)
    if order not in (4, 6, 8, 10):
        ctx.error(
            "pme-order",
            f"PMEInterpOrder {order} is not supported.",
            "Use 4, 6 or 8.",
            keyword="PMEInterpOrder",
            fix=ctx.fix_set("pmeinterporder", 6 if order > 6 else 4),
        )
    tolerance = ctx.number("pmetolerance", 1e-6) or 0.0
    if tolerance <= 0:
        ctx.error(
            "pme-tolerance",
            "PMETolerance must be above 0: NAMD would search for ever.",
            "Use 1e-6.",
            keyword="PMETolerance",
            fix=ctx.fix_set("pmetolerance", "1e-6"),
        )
    elif tolerance >= 1e-3:
        ctx.warning("pme-tolerance", f"PMETolerance {tolerance:g} is coarse.", "Use 1e-6.", keyword="PMETolerance")


def _grid(ctx: Context, lengths: tuple[float, float, float], sizes: list[int], spacing: float) -> None:
    order = ctx.integer("pmeinterporder", 4)
    for axis, length, size in zip("XYZ", lengths, sizes, strict=True):
        points = size or grid_size(math.ceil(length / spacing))
        name = f"PMEGridSize{axis}" if size else "PMEGridSpacing"
        if points * spacing < length:
            ctx.error(
                "pme-grid",
                f"PMEGridSize{axis} {points} is too small: {length / points:.2f} A between grid points along {axis} "
                f"({length:.1f} A), at most {spacing:g} allowed.",
                "Use PMEGridSpacing 1.0 and let NAMD choose the grid.",
                keyword=name,
                fix=ctx.fix_set(name.lower(), grid_size(math.ceil(length))),
            )
        elif points < 5:
            ctx.error(
                "pme-grid",
                f"The PME grid along {axis} (PMEGridSize{axis}) would have {points} points for a cell of {length:g} A.",
                "Check the cell: lengths are in Angstrom, not nanometres.",
                keyword=f"cellBasisVector{'XYZ'.index(axis) + 1}" if not size else name,
            )
        elif points < order:
            ctx.warning(
                "pme-grid",
                f"The PME grid along {axis} has {points} points, fewer than PMEInterpOrder {order}.",
                "Check the cell.",
                keyword=name,
            )
        elif size and length / size > 1.2:
            ctx.advice(
                "pme-grid-coarse",
                f"The PME grid is {length / size:.2f} A along {axis}.",
                "1.0 A is usual.",
                keyword=name,
            )
        elif size and not _smooth(size):
            ctx.advice(
                "pme-grid-slow", f"PMEGridSize{axis} {size} has large prime factors.", "Use 2, 3, 5.", keyword=name
            )


def _smooth(size: int) -> bool:
    for prime in (2, 3, 5, 7):
        while size % prime == 0:
            size //= prime
    return size == 1


def grid_size(minimum: int) -> int:
    """The number of grid points NAMD chooses: the smallest even one of small primes (SimParameters, PMEGridSpacing)."""
    best = 10 * (minimum + 10)
    for a in range(32):
        two = 2 ** (a + 1)
        if two > best:
            break
        for b in range(20):
            if two * 3**b > best:
                break
            for c in range(3):
                for d in range(2):
                    for e in range(2):
                        size = two * 3**b * 5**c * 7**d * 11**e
                        if c + d + e <= a and minimum <= size < best:
                            best = size
    return best


def _cell_hint(ctx: Context) -> str:
    pdb = ctx.inputs.pdb("coordinates")
    if pdb is None or pdb.cryst1 is None:
        return ""
    cell = pdb.cryst1
    return f" (the PDB file says {cell.a:g} x {cell.b:g} x {cell.c:g} A)"

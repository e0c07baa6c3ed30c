"""Values that NAMD takes and that are hardly meant: far from what any sound run uses."""

from __future__ import annotations

from collections.abc import Callable

from namdrunner.namd.check.context import Context

_LIPIDS = ("POP", "DPP", "DOP", "DMP", "DLP", "DSP", "SDP", "PLP", "CHL", "PSM", "TOCL", "LPPC", "POPI", "DYP")


def check(ctx: Context) -> None:
    _restraints(ctx)
    _scaling_of_forces(ctx)
    _berendsen(ctx)
    _hidden_errors(ctx)
    _weak_coupling(ctx)
    _flexible_without_membrane(ctx)
    _idle_names(ctx)


def _restraints(ctx: Context) -> None:
    scaling = ctx.number("constraintscaling")
    if ctx.on("constraints") and scaling is not None and scaling > 100:
        ctx.warning(
            "strong-restraint",
            f"constraintScaling {scaling:g} multiplies every restraint, which makes them too stiff for the timestep.",
            "Use 1, or less to release restraints in stages.",
            keyword="constraintScaling",
        )
    if ctx.on("constraints") and (ctx.text("conskcol") or "").strip().upper()[:1] in ("X", "Y", "Z"):
        ctx.advice(
            "column-of-coordinates",
            "conskcol names a coordinate, which is then taken as force constant.",
            "Use O (occupancy) or B (beta).",
            keyword="conskcol",
        )


def _scaling_of_forces(ctx: Context) -> None:
    if ctx.on("vdwgeometricsigma") and ctx.on("paratypecharmm"):
        ctx.advice(
            "geometric-sigma",
            "vdwGeometricSigma is for OPLS; CHARMM force fields take the arithmetic mean.",
            "Switch it off.",
            keyword="vdwGeometricSigma",
            fix=ctx.fix_set("vdwgeometricsigma", "off"),
        )
    move = ctx.number("maximummove", 0.0) or 0.0
    if 0 < move < 0.1 and ctx.config.dynamics_steps:
        ctx.advice(
            "maximum-move",
            f"maximumMove {move:g} holds atoms back and so falsifies the dynamics.",
            "Use it for a difficult start only.",
            keyword="maximumMove",
        )
    margin = ctx.number("margin", 0.0) or 0.0
    if margin > 10:
        ctx.advice("large-margin", f"margin {margin:g} A costs much time.", "0 to 5 is usual.", keyword="margin")


def _berendsen(ctx: Context) -> None:
    if not ctx.on("berendsenpressure"):
        return
    compressibility, relaxation = (
        ctx.number("berendsenpressurecompressibility"),
        ctx.number("berendsenpressurerelaxationtime"),
    )
    if compressibility is not None and compressibility > 1e-3:
        ctx.warning(
            "compressibility",
            f"BerendsenPressureCompressibility {compressibility:g} per bar is far beyond that of water (4.57e-5).",
            "Use 4.57e-5.",
            keyword="BerendsenPressureCompressibility",
        )
    timestep = ctx.number("timestep", 1.0) or 1.0
    if relaxation is not None and 0 < relaxation < 20 * timestep:
        ctx.warning(
            "pressure-relaxation",
            f"BerendsenPressureRelaxationTime {relaxation:g} fs is only a few timesteps; the cell may swing.",
            "100 to 500 fs is usual.",
            keyword="BerendsenPressureRelaxationTime",
        )


def _hidden_errors(ctx: Context) -> None:
    if ctx.given("rigiddieonerror") and not ctx.on("rigiddieonerror") and ctx.rigid_bonds != "none":
        ctx.advice(
            "rigid-errors-hidden",
            "With rigidDieOnError off a run goes on after its rigid bonds have failed, and its results are worthless.",
            "Leave it on.",
            keyword="rigidDieOnError",
            fix=ctx.fix_set("rigiddieonerror", "on"),
        )


def _weak_coupling(ctx: Context) -> None:
    damping = ctx.number("langevindamping", 0.0) if ctx.on("langevin") else None
    if damping is not None and 0 < damping < 0.05:
        ctx.advice(
            "weak-damping",
            f"langevinDamping {damping:g}/ps hardly couples to the temperature: it takes {1 / damping:.0f} ps.",
            "Use 1 to 5/ps, or 0.1 at least.",
            keyword="langevinDamping",
        )


def _flexible_without_membrane(ctx: Context) -> None:
    psf = ctx.inputs.psf
    constant = ctx.on("useconstantratio") or ctx.on("useconstantarea")
    if not (ctx.on("useflexiblecell") and ctx.barostat) or constant or psf is None or psf.natom < 300:
        return
    names = {name.decode("latin-1") for name in set(psf.residues.tolist())}
    if not any(name.startswith(_LIPIDS) for name in names):
        ctx.advice(
            "flexible-cell",
            "useFlexibleCell lets each edge move by itself; without a membrane a box of water may become a needle.",
            "Switch it off unless the system is a membrane or a crystal.",
            keyword="useFlexibleCell",
            fix=ctx.fix_set("useflexiblecell", "no"),
        )


# Name of a file, what has to be on for it to be written.
_IDLE: tuple[tuple[str, str, Callable[[Context], bool]], ...] = (
    ("DCDfile", "dcdfreq", lambda ctx: ctx.integer("dcdfreq", 0) > 0),
    ("XSTfile", "xstfreq", lambda ctx: ctx.integer("xstfreq", 0) > 0),
    ("restartname", "restartfreq", lambda ctx: ctx.integer("restartfreq", 0) > 0),
)


def _idle_names(ctx: Context) -> None:
    """Files that are named and never written; trajectories that nobody asked for."""
    later = {setting.keyword for setting in ctx.config.settings if setting.after_startup}
    for name, frequency, written in _IDLE:
        if ctx.config.startup(name) is not None and not written(ctx) and frequency not in later:
            ctx.advice(
                "output-idle", f"{name} is named, and without {frequency} nothing is written.", f"Add {frequency}.",
                keyword=name,
            )  # fmt: skip
    if ctx.config.dynamics_steps and ctx.integer("dcdfreq", 0) <= 0 and "dcdfreq" not in later:
        ctx.advice(
            "no-trajectory",
            "dcdfreq is not set: the run leaves no trajectory, only its last state.",
            "Add dcdfreq (5000 steps is usual) if the way there matters.",
            keyword="dcdfreq",
        )

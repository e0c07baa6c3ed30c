"""Timestep, rigid bonds and multiple timestepping: what integrates, and what breaks."""

from __future__ import annotations

from namdrunner.namd.check.context import Context


def check(ctx: Context) -> None:
    timestep = ctx.number("timestep", 1.0)
    if timestep is None or ctx.config.dynamics_steps == 0:
        return
    _timestep(ctx, timestep)
    _multiple_stepping(ctx, timestep)
    _scaling(ctx)
    _exclusions(ctx)


def _repartitioned(ctx: Context) -> bool:
    """Whether hydrogens are heavier than they should be (hydrogen mass repartitioning)."""
    psf = ctx.inputs.psf
    if psf is None:
        return False
    light = psf.masses[(psf.masses > 0.5) & (psf.masses < 4.5)]
    return bool(light.size) and float(light.mean()) > 1.6


def _timestep(ctx: Context, timestep: float) -> None:
    rigid = ctx.rigid_bonds
    if timestep == 0:
        ctx.warning("timestep", "timestep is 0: no time passes.", "Use 1 or 2 fs.", keyword="timestep")
    elif timestep > 5:
        ctx.warning(
            "timestep",
            f"A timestep of {timestep:g} fs does not integrate atoms; rigid bonds fail within a few steps.",
            "Use 2 fs with rigidBonds all, or 4 fs with hydrogen mass repartitioning.",
            keyword="timestep",
            fix=ctx.fix_set("timestep", "2.0"),
        )
    elif timestep > 2.5 and not _repartitioned(ctx):
        ctx.warning(
            "timestep",
            f"A timestep of {timestep:g} fs needs hydrogen mass repartitioning, which the structure does not show.",
            "Use 2 fs with rigidBonds all, or repartition the masses.",
            keyword="timestep",
            fix=ctx.fix_set("timestep", "2.0"),
        )
    elif timestep > 1.25 and rigid != "all":
        what = "solute bonds to hydrogen are flexible" if rigid == "water" else "bonds to hydrogen are flexible"
        ctx.warning(
            "timestep",
            f"With {timestep:g} fs {what} (rigidBonds {rigid}), which heats up or breaks sooner or later.",
            "Set rigidBonds all, or timestep 1.",
            keyword="rigidBonds",
            fix=ctx.fix_set("rigidbonds", "all") or ctx.fix_insert("rigidBonds", "all"),
        )
    elif 0 < timestep < 0.2:
        ctx.advice(
            "timestep", f"A timestep of {timestep:g} fs is very short.", "1 to 2 fs is usual.", keyword="timestep"
        )


def _multiple_stepping(ctx: Context, timestep: float) -> None:
    full = ctx.full_frequency
    if full and full * timestep > 6:
        ctx.warning(
            "multiple-timestepping",
            f"Full electrostatics every {full * timestep:g} fs ({full} steps) resonates; 4 fs is safe.",
            f"Use fullElectFrequency {max(1, int(4 // timestep)) if timestep <= 4 else 1}.",
            keyword="fullElectFrequency",
        )
    nonbonded = ctx.nonbonded_frequency
    if nonbonded * timestep > 4 and nonbonded > 1:
        ctx.warning(
            "multiple-timestepping",
            f"Non-bonded forces every {nonbonded * timestep:g} fs are too rare.",
            "Use nonbondedFreq 1.",
            keyword="nonbondedFreq",
        )
    cycle = ctx.steps_per_cycle
    if cycle * timestep > 100:
        ctx.advice(
            "long-cycle",
            f"stepspercycle {cycle} is {cycle * timestep:g} fs between migrations of atoms.",
            "10 to 20 steps is usual.",
            keyword="stepspercycle",
        )


def _scaling(ctx: Context) -> None:
    name = "oneFourScaling" if ctx.given("onefourscaling") else "1-4scaling"
    value = ctx.number(name)
    if value is not None and value > 1:
        ctx.warning(
            "one-four-scaling",
            f"{name} is {value:g}; it scales 1-4 electrostatics and is at most 1.",
            "Use 1.0 with CHARMM force fields, 0.833333 with AMBER's.",
            keyword=name,
            fix=ctx.fix_set(name.lower(), "1.0"),
        )
    elif value is not None and value < 1 and ctx.on("paratypecharmm") and not ctx.on("martiniswitching"):
        ctx.advice(
            "one-four-scaling",
            f"{name} is {value:g}, and CHARMM force fields are made for 1.0.",
            "Write 1.0, unless these parameters say otherwise.",
            keyword=name,
            fix=ctx.fix_set(name.lower(), "1.0"),
        )
    elif value is not None and value < 0.3:
        ctx.advice("one-four-scaling", f"{name} {value:g} is unusual.", "1.0 is CHARMM's.", keyword=name)
    dielectric = ctx.number("dielectric", 1.0)
    if dielectric is not None and dielectric != 1 and ctx.on("pme"):
        ctx.advice(
            "dielectric", f"dielectric is {dielectric:g} with PME.", "1 is for explicit solvent.", keyword="dielectric"
        )
    scaling = ctx.number("nonbondedscaling", 1.0)
    if scaling is not None and scaling != 1:
        ctx.advice("nonbonded-scaling", f"nonbondedScaling is {scaling:g}.", "1 is normal.", keyword="nonbondedScaling")


def _exclusions(ctx: Context) -> None:
    exclude = (ctx.text("exclude") or "").strip().lower()
    if exclude in ("none", "1-2") and ctx.inputs.charmm_like:
        ctx.warning(
            "exclude",
            f"exclude {exclude} lets bonded atoms repel each other, which no force field is made for.",
            "Use scaled1-4 with CHARMM force fields.",
            keyword="exclude",
            fix=ctx.fix_set("exclude", "scaled1-4"),
        )
        if ctx.rigid_bonds != "none":
            ctx.error(
                "exclude-rigid",
                f"exclude {exclude} cannot be combined with rigidBonds; NAMD refuses it.",
                "Use exclude scaled1-4.",
                keyword="exclude",
                fix=ctx.fix_set("exclude", "scaled1-4"),
            )
    elif exclude in ("1-3", "1-4") and ctx.inputs.charmm_like and ctx.on("paratypecharmm"):
        ctx.advice(
            "exclude",
            f"exclude {exclude} is not what CHARMM force fields are made for.",
            "Use scaled1-4.",
            keyword="exclude",
            fix=ctx.fix_set("exclude", "scaled1-4"),
        )

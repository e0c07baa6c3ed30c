"""GPU modes of NAMD 3: what runs resident, what in offload, and why."""

from __future__ import annotations

from namdrunner.namd.check.context import Context

# NAMD 3.0 release notes and user guide, "GPU-resident mode": what it does not support. Keyword -> what it is.
_NOT_RESIDENT = {
    "fixedAtoms": "fixed atoms",
    "minimization": "the keyword minimization",
    "velocityQuenching": "velocity quenching",
    "pressureProfile": "pressure profiles",
    "accelMD": "accelerated MD",
    "adaptTempMD": "adaptive tempering",
    "molly": "MOLLY",
    "Multigrator": "the multigrator",
    "loweAndersen": "Lowe-Andersen dynamics",
    "langevinBAOAB": "the BAOAB integrator",
    "gridforce": "grid forces",
    "mgridforce": "grid forces",
    "GBIS": "implicit solvent",
    "SASA": "surface area terms",
    "zeroMomentum": "zeroMomentum",
    "MSM": "MSM",
    "FMA": "FMA",
    "FMM": "FMM",
    "fullDirect": "direct electrostatics",
    "BerendsenPressure": "Berendsen pressure control",
    "miscForces": "miscForces",
    "freeEnergy": "free energy restraints",
    "IMDon": "interactive MD",
    "TMD": "targeted MD",
    "symmetryRestraints": "symmetry restraints",
    "QMForces": "QM/MM",
    "sphericalBC": "spherical boundaries",
    "cylindricalBC": "cylindrical boundaries",
    "extForces": "external forces",
    "tabulatedEnergies": "tabulated energies",
    "tclBC": "tclBC",
    "les": "locally enhanced sampling",
    "GoForcesOn": "Go forces",
    "pairInteraction": "pair interactions",
    "movDragOn": "drag",
    "rotDragOn": "drag",
    "consTorqueOn": "torques",
    "stirOn": "stirring",
    "hbonds": "hydrogen bond terms",
    "tCouple": "temperature coupling",
    "drude": "Drude polarisation",
    "constantforce": "constant forces",
}


def check(ctx: Context) -> None:
    if not wants_resident(ctx):
        _offload(ctx)
        if ctx.on("soaintegrate") and not resident_obstacles(ctx) and not ctx.on("constraints"):
            ctx.error(
                "soa-integrate",
                "SOAintegrate is not supported by itself; NAMD refuses it.",
                "Remove it, or use GPUresident with a GPU build.",
                keyword="SOAintegrate",
                fix=ctx.fix_set("soaintegrate", "off"),
            )
        return
    name = "GPUresident" if ctx.given("gpuresident") else "CUDASOAintegrate"
    if not ctx.is_version_3:
        return  # The keyword itself is refused there.
    obstacles = resident_obstacles(ctx)
    for keyword, what in obstacles:
        ctx.error(
            "gpu-resident-incompatible",
            f"GPU-resident mode does not support {what}.",
            f"Switch {keyword} off, or {name} off.",
            keyword=keyword,
            fix=ctx.fix_set(name.lower(), "off"),
        )
    if not ctx.gpu and not obstacles:
        ctx.error(
            "gpu-build-needed",
            f"{name} is refused by NAMD builds without GPU support.",
            "Use a GPU build of NAMD 3 (then check with --gpu), or remove the line.",
            keyword=name,
            fix=ctx.fix_set(name.lower(), "off"),
        )
    energies = ctx.integer("outputenergies", 100)
    if 0 < energies < 100:
        ctx.advice(
            "gpu-output",
            f"outputEnergies {energies} slows GPU-resident mode.",
            "Use 400 or more.",
            keyword="outputEnergies",
        )


def wants_resident(ctx: Context) -> bool:
    return ctx.on("gpuresident") or ctx.on("cudasoaintegrate")


def resident_obstacles(ctx: Context) -> list[tuple[str, str]]:
    """Keywords that keep this config out of GPU-resident mode, with what they are."""
    found = [(name, what) for name, what in _NOT_RESIDENT.items() if ctx.on(name)]
    if ctx.given("rescalefreq"):
        found.append(("rescaleFreq", "velocity rescaling"))
    if (ctx.number("maximummove", 0.0) or 0.0) != 0:
        found.append(("maximumMove", "maximumMove"))
    if (ctx.text("watermodel") or "").lower().startswith("swm4"):
        found.append(("waterModel", "polarisable water"))
    return found


def mode(ctx: Context) -> tuple[str, str]:
    """How it will run on this build: cpu, offload or resident; and why."""
    if not ctx.gpu:
        return "cpu", "the NAMD build has no GPU support"
    if ctx.table_version == "2.12" or not ctx.is_version_3:
        return "offload", f"NAMD {ctx.version} has no GPU-resident mode"
    obstacles = resident_obstacles(ctx)
    if not wants_resident(ctx):
        if obstacles:
            return "offload", f"{obstacles[0][1]} is not supported in GPU-resident mode"
        return "offload", "GPUresident is not on"
    if obstacles:
        return "offload", f"{obstacles[0][1]} is not supported in GPU-resident mode"
    return "resident", "GPUresident is on and nothing stands against it"


def _offload(ctx: Context) -> None:
    if not ctx.gpu or not ctx.is_version_3 or ctx.config.dynamics_steps == 0:
        return
    obstacles = resident_obstacles(ctx)
    if not obstacles:
        ctx.advice(
            "gpu-offload",
            "This runs in GPU-offload mode, because GPUresident is not on; resident mode is several times faster.",
            "Add GPUresident on for production runs.",
            keyword="GPUresident",
            fix=ctx.fix_insert("GPUresident", "on"),
        )

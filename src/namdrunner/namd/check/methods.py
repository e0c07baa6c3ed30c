"""Steering, interactive and other special methods: what each needs and excludes."""

from __future__ import annotations

from namdrunner.namd.check.context import Context


def check(ctx: Context) -> None:
    _steering(ctx)
    _interactive(ctx)
    _accelerated(ctx)
    _restraint_kinds(ctx)
    field = ctx.vector("efield") if ctx.on("efieldon") else None
    if field is not None and max(abs(x) for x in field) > 5:
        ctx.warning(
            "electric-field",
            f"eField reaches {max(abs(x) for x in field):g} kcal/mol/A/e, far beyond any membrane or pore.",
            "The unit is kcal/mol/A/e; 0.001 to 0.5 is usual.",
            keyword="eField",
        )


def _steering(ctx: Context) -> None:
    if not ctx.on("smd"):
        return
    direction = ctx.vector("smddir")
    if direction is not None and not any(direction):
        ctx.error("smd", "SMDDir is the zero vector.", "Give a direction.", keyword="SMDDir")
    stiffness = ctx.number("smdk")
    if stiffness is not None and stiffness <= 0:
        ctx.warning("smd", f"SMDk is {stiffness:g}: nothing is pulled.", "Use 1 to 10 kcal/mol/A2.", keyword="SMDk")
    if stiffness is not None and stiffness > 1000:
        ctx.warning("smd", f"SMDk is {stiffness:g} kcal/mol/A2, very stiff.", "Use 1 to 10.", keyword="SMDk")
    velocity, timestep = ctx.number("smdvel"), ctx.number("timestep", 1.0) or 1.0
    if velocity is not None and velocity / timestep > 0.01:
        ctx.warning(
            "smd",
            f"SMDVel {velocity:g} A per step is {velocity / timestep * 1000:g} A/ps, faster than any process.",
            "The unit is A per timestep; 1e-5 to 1e-4 is usual.",
            keyword="SMDVel",
        )


def _interactive(ctx: Context) -> None:
    if not ctx.on("imdon"):
        return
    if ctx.on("imdwait"):
        ctx.warning(
            "imd-waits",
            "IMDwait makes the job wait for a client that connects; in a queue that may be for ever.",
            "Remove IMDwait.",
            keyword="IMDwait",
            fix=ctx.fix_set("imdwait", "off"),
        )
    elif not ctx.on("imdignore"):
        ctx.advice(
            "imd-open",
            "Anyone on the cluster's network can connect to IMDport and push the atoms.",
            "Add IMDignore yes to let clients watch only.",
            keyword="IMDon",
        )
    port = ctx.integer("imdport", 0)
    if ctx.given("imdport") and not 0 < port < 65536:
        ctx.error("imd-port", f"IMDport {port} is no port number.", "Use 1025 to 65535.", keyword="IMDport")
    elif 0 < port < 1024:
        ctx.warning("imd-port", f"IMDport {port} is reserved for the system.", "Use 1025 to 65535.", keyword="IMDport")


def _accelerated(ctx: Context) -> None:
    if ctx.on("acceleratedmd") or not ctx.on("accelmd"):
        return
    if ctx.on("accelmdg"):
        if not 1 <= ctx.integer("accelmdgie", 1) <= 2:
            ctx.error("accelerated-md", "accelMDGiE is 1 or 2.", "Use 1.", keyword="accelMDGiE")
        steps, preparation = ctx.integer("accelmdgcmdsteps", 1_000_000), ctx.integer("accelmdgcmdprepsteps", 200_000)
        if steps - preparation < 2 and not (ctx.on("accelmdgrestart") and steps == 0):
            ctx.error(
                "accelerated-md",
                "accelMDGcMDSteps must be larger than accelMDGcMDPrepSteps.",
                "Enlarge it.",
                keyword="accelMDGcMDSteps",
            )
        return
    wanted = ["accelMDE", "accelMDalpha"] + (["accelMDTE", "accelMDTalpha"] if ctx.on("accelmddual") else [])
    for name in wanted:
        if not ctx.given(name):
            ctx.error("missing-keyword", f"{name} is required for accelMD.", f"Add {name}.", keyword=name)


def _restraint_kinds(ctx: Context) -> None:
    if ctx.on("rotconstraints") and ctx.on("movingconstraints"):
        ctx.error(
            "contradiction",
            "rotConstraints and movingConstraints exclude each other.",
            "Keep one.",
            keyword="movingConstraints",
        )
    if ctx.on("grouprestraints") and not (ctx.on("gpuresident") or ctx.on("cudasoaintegrate")):
        ctx.error(
            "needs-gpu-resident",
            "groupRestraints work in GPU-resident mode only.",
            "Use Colvars instead.",
            keyword="groupRestraints",
        )
    if ctx.on("pairinteraction") and not ctx.on("pairinteractionself") and not ctx.given("pairinteractiongroup2"):
        ctx.error("missing-keyword", "pairInteractionGroup2 is missing.", "Add it.", keyword="pairInteractionGroup2")
    if ctx.on("les") and not 1 <= ctx.integer("lesfactor", 1) <= 255:
        ctx.error("invalid-value", "lesFactor must be 1 to 255.", "Correct it.", keyword="lesFactor")
    if ctx.on("adapttempmd"):
        _tempering(ctx)


def _tempering(ctx: Context) -> None:
    given = [name for name in ("adaptTempTmin", "adaptTempTmax", "adaptTempBins") if ctx.given(name)]
    if ctx.given("adapttempinfile") and given:
        ctx.error("contradiction", f"adaptTempInFile already gives {given[0]}.", "Remove it.", keyword=given[0])
    elif not ctx.given("adapttempinfile") and len(given) < 3:
        ctx.error(
            "missing-keyword",
            "Adaptive tempering needs adaptTempInFile, or adaptTempTmin, adaptTempTmax and adaptTempBins.",
            "Add them.",
            keyword="adaptTempMD",
        )

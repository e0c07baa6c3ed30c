"""Thermostats, barostats and the controls of the cell: what excludes what."""

from __future__ import annotations

from namdrunner.namd.check.context import Context


def check(ctx: Context) -> None:
    _exclusive_thermostats(ctx)
    _several_thermostats(ctx)
    _barostats(ctx)
    _cell_controls(ctx)
    _piston(ctx)
    _temperatures(ctx)
    _damping(ctx)


def _exclusive_thermostats(ctx: Context) -> None:
    pairs = [
        ("loweAndersen", "langevin", ctx.on("loweandersen") and ctx.on("langevin")),
        ("loweAndersen", "tCouple", ctx.on("loweandersen") and ctx.on("tcouple")),
        ("rescaleFreq", "tCouple", ctx.given("rescalefreq") and ctx.on("tcouple")),
        ("COLD", "langevin", ctx.on("cold") and ctx.on("langevin")),
        ("COLD", "tCouple", ctx.on("cold") and ctx.on("tcouple")),
        ("COLD", "rescaleFreq", ctx.on("cold") and ctx.given("rescalefreq")),
    ]
    if ctx.on("stochrescale"):
        pairs += [("stochRescale", name, True) for name in ctx.thermostats if name != "stochRescale"]
    for one, other, both in pairs:
        if both:
            ctx.error(
                "exclusive-thermostats",
                f"{one} and {other} exclude each other.",
                "Keep one control of temperature.",
                keyword=one,
            )
    if ctx.on("drude") and not ctx.on("langevin"):
        ctx.error(
            "missing-keyword", "The Drude model needs the Langevin thermostat.", "Add langevin on.", keyword="drude"
        )


def _several_thermostats(ctx: Context) -> None:
    if len(ctx.thermostats) > 1 and not ctx.on("stochrescale"):
        ctx.warning(
            "several-thermostats",
            f"Several controls of temperature work against each other: {', '.join(ctx.thermostats)}.",
            "Keep one; langevin is usual.",
            keyword=ctx.thermostats[-1],
        )
    if not ctx.thermostats and ctx.barostat and ctx.on("langevinpiston"):
        ctx.advice(
            "no-thermostat",
            "There is pressure control and no thermostat.",
            "Add langevin on for constant temperature.",
            keyword=ctx.barostat,
        )


def _barostats(ctx: Context) -> None:
    names = ("LangevinPiston", "BerendsenPressure", "MonteCarloPressure", "Multigrator")
    found = [name for name in names if ctx.on(name)]
    if len(found) > 1:
        ctx.error(
            "several-barostats",
            f"{' and '.join(found)} are both on.",
            "Keep one control of pressure.",
            keyword=found[-1],
        )
    if ctx.on("montecarlopressure") and not (ctx.on("gpuresident") or ctx.on("cudasoaintegrate")):
        ctx.error(
            "needs-gpu-resident",
            "MonteCarloPressure works in GPU-resident mode only.",
            "Use langevinPiston, or GPUresident on with a GPU build.",
            keyword="MonteCarloPressure",
        )
    rate = ctx.number("montecarloacceptancerate")
    if ctx.on("montecarlopressure") and rate is not None and not 0.2 <= rate <= 0.8:
        ctx.error(
            "invalid-value",
            f"MonteCarloAcceptanceRate {rate:g} is outside 0.2 to 0.8.",
            "Use 0.5.",
            keyword="MonteCarloAcceptanceRate",
        )
    if ctx.barostat and ctx.rigid_bonds != "none" and ctx.given("usegrouppressure") and not ctx.on("usegrouppressure"):
        ctx.advice(
            "group-pressure",
            "useGroupPressure is off with rigid bonds; NAMD switches it on.",
            "Write useGroupPressure yes.",
            keyword="useGroupPressure",
            fix=ctx.fix_set("usegrouppressure", "yes"),
        )


def _cell_controls(ctx: Context) -> None:
    flexible, area, ratio = ctx.on("useflexiblecell"), ctx.on("useconstantarea"), ctx.on("useconstantratio")
    if area and ratio:
        ctx.error(
            "cell-control",
            "useConstantArea and useConstantRatio exclude each other.",
            "Keep one.",
            keyword="useConstantArea",
        )
    for name, on in (("useConstantRatio", ratio), ("useConstantArea", area)):
        if on and not flexible:
            ctx.error(
                "cell-control",
                f"{name} needs useFlexibleCell on.",
                "Switch useFlexibleCell on (membranes), or this off.",
                keyword=name,
                fix=ctx.fix_set(name.lower(), "no"),
            )
    tension = ctx.number("surfacetensiontarget", 0.0)
    if area and tension:
        ctx.error(
            "cell-control",
            "surfaceTensionTarget and useConstantArea exclude each other.",
            "Keep one.",
            keyword="surfaceTensionTarget",
        )
    if ctx.on("fixcelldims"):
        fixed = [axis for axis in "XYZ" if ctx.on(f"fixcelldim{axis.lower()}")]
        if fixed and not flexible:
            ctx.error("cell-control", "fixCellDims needs useFlexibleCell on.", "Switch it on.", keyword="fixCellDims")
        if len(fixed) == 3:
            ctx.error("cell-control", "All three dimensions are fixed.", "Leave one free.", keyword="fixCellDims")
        if flexible and ((area and "Z" in fixed) or (ratio and ("X" in fixed or "Y" in fixed))):
            ctx.error(
                "cell-control", "The fixed dimension contradicts the other control.", "Keep one.", keyword="fixCellDims"
            )
    if (flexible or area or ratio) and not ctx.barostat:
        ctx.advice(
            "cell-control-idle",
            "The cell is declared flexible, and nothing controls the pressure.",
            "Add langevinPiston, or remove useFlexibleCell.",
            keyword="useFlexibleCell",
        )


def _piston(ctx: Context) -> None:
    if not ctx.on("langevinpiston"):
        return
    period, decay = ctx.number("langevinpistonperiod"), ctx.number("langevinpistondecay")
    if period and decay and decay > period:
        ctx.advice(
            "piston-times",
            f"langevinPistonDecay {decay:g} fs is longer than langevinPistonPeriod {period:g} fs: the cell may swing.",
            "Use a decay of half the period.",
            keyword="langevinPistonDecay",
            fix=ctx.fix_set("langevinpistondecay", f"{period / 2:g}"),
        )
    timestep = ctx.number("timestep", 1.0) or 1.0
    for name, value in (("langevinPistonPeriod", period), ("langevinPistonDecay", decay)):
        if value and 0 < value < 10 * timestep:
            ctx.warning(
                "piston-times", f"{name} {value:g} fs is only a few timesteps.", "50 to 200 fs is usual.", keyword=name
            )
    target = ctx.number("langevinpistontarget")
    if target is not None and abs(target) > 100:
        ctx.warning(
            "pressure-target",
            f"langevinPistonTarget {target:g} bar is far from one atmosphere (1.01325 bar).",
            "The unit is bar.",
            keyword="langevinPistonTarget",
        )
    box = ctx.inputs.box
    if box is not None and not box.periodic:
        ctx.warning(
            "pressure-without-cell",
            "There is pressure control without a periodic cell, where it has no effect.",
            "Add the cell (cellBasisVector1 to 3 or extendedSystem), or switch the barostat off.",
            keyword=ctx.barostat,
        )


def _temperatures(ctx: Context) -> None:
    """Targets that disagree, and targets that nothing biological survives."""
    stated = {
        name: value
        for name in (
            "temperature",
            "langevinTemp",
            "langevinPistonTemp",
            "tCoupleTemp",
            "rescaleTemp",
            "reassignTemp",
            "loweAndersenTemp",
            "stochRescaleTemp",
        )
        if ctx.given(name) and (value := ctx.number(name)) is not None
    }
    for name, value in stated.items():
        if value > 1000:
            ctx.warning(
                "high-temperature",
                f"{name} is {value:g} K; at 1-2 fs the integration breaks at such speeds.",
                "The unit is kelvin; 300 to 310 is usual.",
                keyword=name,
            )
    controlled = {name: value for name, value in stated.items() if name != "temperature"}
    if len(set(controlled.values())) > 1:
        ctx.warning(
            "temperatures-disagree",
            "The target temperatures disagree: " + ", ".join(f"{k} {v:g}" for k, v in controlled.items()) + ".",
            "Give thermostat and barostat one temperature.",
            keyword=list(controlled)[-1],
        )
    start, target = stated.get("temperature"), next(iter(controlled.values()), None)
    heating = "reassignTemp" in stated or any(s.kind == "minimize" for s in ctx.config.steps)
    if start is not None and target is not None and abs(start - target) > 50 and not heating:
        ctx.advice(
            "temperatures-disagree",
            f"The start temperature {start:g} K is far from the target {target:g} K.",
            "Start near the target, or heat in stages.",
            keyword="temperature",
        )
    if "reassignIncr" in {s.written for s in ctx.config.settings} and not ctx.given("reassignhold"):
        ctx.advice("heating-endless", "Heating has no upper end.", "Add reassignHold.", keyword="reassignIncr")


def _damping(ctx: Context) -> None:
    damping = ctx.number("langevindamping", 0.0) if ctx.on("langevin") else None
    if damping is not None and damping > 10:
        ctx.advice(
            "strong-damping",
            f"langevinDamping {damping:g}/ps damps the motion strongly: diffusion is far too slow.",
            "Use 1 to 5/ps.",
            keyword="langevinDamping",
        )

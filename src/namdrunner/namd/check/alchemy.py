"""Alchemical free energies: lambda, the thermostat it needs, and samples that are really taken."""

from __future__ import annotations

from namdrunner.namd.check.context import Context


def check(ctx: Context) -> None:
    if not ctx.on("alch"):
        return
    kind = (ctx.text("alchtype") or "").strip().lower()
    if not kind:
        ctx.error(
            "missing-keyword", "alchType is required when alch is on.", "Add alchType fep or ti.", keyword="alchType"
        )
    if not ctx.thermostats:
        ctx.error(
            "alchemy-thermostat", "Alchemical runs need constant temperature.", "Add langevin on.", keyword="alch"
        )
    _lambdas(ctx, kind)
    _fractions(ctx)
    _samples(ctx)
    others = [name for name in ("les", "GBIS", "drude", "pairInteraction") if ctx.on(name)]
    for name in others:
        ctx.error("contradiction", f"alch and {name} exclude each other.", "Keep one.", keyword=name)
    if ctx.on("fulldirect") or ctx.on("fma"):
        ctx.error("contradiction", "Alchemical runs need PME, not another method.", "Use PME.", keyword="alch")
    if ctx.given("reassignincr") and (ctx.number("reassignincr", 0.0) or 0.0) != 0:
        ctx.error("contradiction", "reassignIncr cannot be used with alch.", "Remove it.", keyword="reassignIncr")


def _lambdas(ctx: Context, kind: str) -> None:
    for name in ("alchLambda", "alchLambda2"):
        value = ctx.number(name)
        if value is not None and not 0 <= value <= 1 and (name == "alchLambda" or kind == "fep"):
            ctx.error("alchemy-lambda", f"{name} is {value:g}; lambda runs from 0 to 1.", "Correct it.", keyword=name)
    if kind == "fep" and not ctx.given("alchlambda2") and not _missing(ctx, "alchlambda"):
        ctx.error("missing-keyword", "alchLambda2 is required for alchType fep.", "Add it.", keyword="alchLambda2")
    first, second = ctx.number("alchlambda"), ctx.number("alchlambda2")
    if kind == "fep" and first is not None and first == second and ctx.config.dynamics_steps:
        ctx.warning(
            "alchemy-lambda",
            f"alchLambda and alchLambda2 are both {first:g}: nothing changes.",
            "Correct one.",
            keyword="alchLambda2",
        )


def _missing(ctx: Context, name: str) -> bool:
    return not ctx.given(name)


def _fractions(ctx: Context) -> None:
    for name in ("alchVdwLambdaEnd", "alchElecLambdaStart", "alchBondLambdaEnd", "alchRepLambdaEnd"):
        value = ctx.number(name)
        if value is not None and ctx.given(name) and value > 1:
            ctx.error("alchemy-lambda", f"{name} {value:g} is beyond 1.", "Use a value from 0 to 1.", keyword=name)
    shift = ctx.number("alchvdwshiftcoeff")
    if shift is not None and shift == 0 and ctx.given("alchvdwshiftcoeff"):
        ctx.warning(
            "alchemy-soft-core",
            "Without alchVdwShiftCoeff atoms appear abruptly.",
            "Use 5.",
            keyword="alchVdwShiftCoeff",
        )


def _samples(ctx: Context) -> None:
    equilibration = ctx.integer("alchequilsteps", 0)
    runs = [step for step in ctx.config.steps if step.kind == "run" and step.steps]
    longest = max((step.steps for step in runs), default=ctx.config.dynamics_steps)
    if equilibration and longest and equilibration >= longest:
        ctx.warning(
            "alchemy-no-samples",
            f"alchEquilSteps {equilibration} is not shorter than the run ({longest} steps): no samples are collected.",
            "Run longer, or equilibrate shorter.",
            keyword="alchEquilSteps",
        )
    frequency = ctx.integer("alchoutfreq", 5)
    if frequency > 0 and longest and frequency > longest:
        ctx.warning(
            "alchemy-no-samples",
            f"alchOutFreq {frequency} is longer than the run.",
            "Use 10 to 100.",
            keyword="alchOutFreq",
        )

"""Keywords set again after the first run: which may change, and which values make sense."""

from __future__ import annotations

from namdrunner.namd.check.context import Context
from namdrunner.namd.check.names import unknown
from namdrunner.namd.check.values import ValueProblem, read_float, read_integer, read_switch
from namdrunner.namd.config import Setting
from namdrunner.namd.keywords import KeywordInfo, is_on, keyword

# On only when it was on from the start.
_SWITCHES_OF_STARTUP = ("langevin", "alch", "fixedatoms", "gpuresident", "cudasoaintegrate", "montecarlopressure")
_NEVER = ("mgridforcescale", "mgridforcevoff")
# Names that NAMD takes in a running script though they are no keywords of a config, and one spelt otherwise there.
_SCRIPT_ONLY = frozenset(("montecarlopressureon", "initialtemp"))
_CELL = ("useflexiblecell", "useconstantarea", "useconstantratio", "fixcelldims")


def check(ctx: Context) -> None:
    for setting in ctx.config.settings:
        if setting.after_startup and setting.keyword not in _SCRIPT_ONLY:
            _check_change(ctx, setting)


def _check_change(ctx: Context, setting: Setting) -> None:
    info = keyword(setting.keyword)
    if info is None:
        unknown(ctx, setting)
    elif not info.exists_in(ctx.version):
        ctx.error(
            "keyword-of-another-version",
            f"{info.name} does not exist in NAMD {ctx.version}.",
            "Remove the line.",
            setting=setting,
        )
    elif not info.changeable or setting.keyword in _NEVER:
        ctx.error(
            "not-changeable",
            f"{info.name} cannot change after the first run or minimize; NAMD stops at this line.",
            "Set it before the first run, or run the next stage as a job of its own that starts from this one's files.",
            setting=setting,
        )
    elif setting.keyword in _SWITCHES_OF_STARTUP and is_on(setting.value) and not ctx.on(setting.keyword):
        ctx.error(
            "not-changeable",
            f"{info.name} can be switched on later only when it was on from the start.",
            "Switch it on before the first run, then off and on again where wanted.",
            setting=setting,
        )
    elif setting.keyword == "fixedatoms" and not ctx.on("fixedatomsforces"):
        ctx.error(
            "not-changeable",
            "Switching fixedAtoms in the script needs fixedAtomsForces on from the start.",
            "Add fixedAtomsForces on before the first run.",
            setting=setting,
            fix=ctx.fix_insert("fixedAtomsForces", "on"),
        )
    else:
        _check_new_value(ctx, setting, info)


def _check_new_value(ctx: Context, setting: Setting, info: KeywordInfo) -> None:
    """NAMD does not check the bounds here, so a bad value does its harm later."""
    try:
        value: float | None = None
        if info.type == "number":
            value = read_float(setting.value, info.unit)
        elif info.type == "integer":
            value = read_integer(setting.value)
        elif info.type == "switch":
            read_switch(setting.value)
    except ValueProblem as problem:
        ctx.warning(
            "invalid-value",
            f"{info.name} {problem}; at this place NAMD does not say so.",
            "Give a plain value.",
            setting=setting,
        )
        return
    low = (info.above is not None and value is not None and value <= info.above) or (
        info.at_least is not None and value is not None and value < info.at_least
    )
    lambda_out = setting.keyword in ("alchlambda", "alchlambda2") and value is not None and not 0 <= value <= 1
    if lambda_out:
        ctx.error(
            "alchemy-lambda",
            f"{info.name} is {value:g}; lambda runs from 0 to 1.",
            "Correct the value.",
            setting=setting,
        )
    elif low:
        ctx.error(
            "invalid-value",
            f"{info.name} is {setting.value}; NAMD does not check it here, and the run fails or is meaningless.",
            "Correct the value.",
            setting=setting,
        )
    if setting.keyword == "langevinpiston" and is_on(setting.value) and not ctx.on("langevinpiston"):
        _piston_switched_on(ctx, setting)
    if setting.keyword in _CELL:
        ctx.warning(
            "cell-control-changed",
            f"{info.name} changes in the middle; NAMD takes it without checking that the barostat can follow.",
            "Set it before the first run, or give the next stage a job of its own.",
            setting=setting,
        )
    if setting.keyword == "firsttimestep" and value is not None and int(value) % ctx.steps_per_cycle:
        ctx.error(
            "first-step-multiple",
            f"firsttimestep {int(value)} is no multiple of stepspercycle {ctx.steps_per_cycle}.",
            "Use a multiple.",
            setting=setting,
        )


def _piston_switched_on(ctx: Context, setting: Setting) -> None:
    """Off at start-up, its period, decay and target were not read then; they have to be given in the script."""
    wanted = ("langevinPistonTarget", "langevinPistonPeriod", "langevinPistonDecay", "langevinPistonTemp")
    before = {s.keyword for s in ctx.config.settings if s.after_startup and s.stage <= setting.stage}
    missing = [name for name in wanted if name.lower() not in before]
    if missing:
        ctx.warning(
            "piston-switched-on",
            f"LangevinPiston is off at start-up, so {', '.join(missing)} given there were not read and count as 0 now.",
            "Set them again beside it, or have the piston on from the start.",
            setting=setting,
        )

"""The values of keywords: type, unit, bounds, choices."""

from __future__ import annotations

from namdrunner.namd.check.context import Context
from namdrunner.namd.check.values import ValueProblem, check_value, read_float
from namdrunner.namd.config import Setting
from namdrunner.namd.keywords import KeywordInfo, keyword

# Larger than 127 characters these overflow a buffer of NAMD 2.x, which then crashes.
_NAMES_OF_OUTPUT = ("outputname", "dcdfile", "restartname", "xstfile", "veldcdfile")


def check(ctx: Context) -> None:
    seen: set[str] = set()
    for setting in ctx.config.settings:
        info = keyword(setting.keyword)
        if info is None or setting.after_startup or setting.keyword in seen:
            continue
        if not info.exists_in(ctx.version) or not ctx.active(info):
            continue
        seen.add(setting.keyword)
        try:
            check_value(info, setting.value)
        except ValueProblem as problem:
            _refused(ctx, setting, info, problem)
    _long_names(ctx)
    _tolerance(ctx)


def _refused(ctx: Context, setting: Setting, info: KeywordInfo, problem: ValueProblem) -> None:
    ctx.error(
        "invalid-value",
        f"{info.name} {problem}.",
        _remedy(info),
        setting=setting,
    )


def _remedy(info: KeywordInfo) -> str:
    if info.type == "switch":
        return "Write on or off."
    if info.type == "vector":
        return "Give three numbers: x y z."
    if info.choices:
        return f"Choose one of: {', '.join(info.choices)}."
    unit = f" in {info.unit}" if info.unit else ""
    kind = "a whole number" if info.type == "integer" else "a number"
    bound = f" above {info.above:g}" if info.above is not None else ""
    bound = f" of at least {info.at_least:g}" if info.at_least is not None else bound
    default = f" (default {info.default})" if info.default is not None else ""
    return f"Give {kind}{unit}{bound}{default}."


def _long_names(ctx: Context) -> None:
    if ctx.is_version_3:
        return
    for name in _NAMES_OF_OUTPUT:
        for setting in ctx.config.get_all(name):
            if len(setting.value.encode()) > 115:
                ctx.error(
                    "output-name-too-long",
                    f"{setting.written} has {len(setting.value)} characters; this NAMD crashes beyond about 120.",
                    "Use a short name relative to the config's folder.",
                    setting=setting,
                )


def _tolerance(ctx: Context) -> None:
    """rigidTolerance has no bound in NAMD, but none or a negative one can never be met."""
    if ctx.rigid_bonds == "none":
        return
    if ctx.integer("rigiditerations", 100) < 10:
        ctx.warning(
            "rigid-iterations",
            f"{ctx.integer('rigiditerations', 100)} iterations are too few to satisfy rigid bonds.",
            "Use 100.",
            keyword="rigidIterations",
            fix=ctx.fix_set("rigiditerations", 100),
        )
    setting = ctx.config.startup_setting("rigidtolerance")
    if setting is None:
        return
    try:
        value = read_float(setting.value)
    except ValueProblem:
        return
    if value <= 0:
        # Waters alone are solved in closed form (SETTLE) and never look at the tolerance.
        say = ctx.error if ctx.rigid_bonds == "all" or not ctx.on("usesettle") else ctx.warning
        say(
            "rigid-tolerance",
            "rigidTolerance must be above 0: with 0 the iteration of rigid bonds never ends.",
            "Use 1.0e-8.",
            setting=setting,
            fix=ctx.fix_set("rigidtolerance", "1.0e-8"),
        )
    elif value > 1e-3:
        ctx.warning(
            "rigid-tolerance", f"rigidTolerance {value:g} A is coarse.", "Use 1.0e-8 to 1.0e-5.", setting=setting
        )

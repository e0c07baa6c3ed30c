"""Numbers of steps that must divide each other, and the 32 bits they must fit into."""

from __future__ import annotations

from namdrunner.namd.check.context import Context
from namdrunner.namd.check.report import Fix
from namdrunner.namd.config import RunStep, Setting, leading_number

MAX_STEP = 2**31 - 1


def check(ctx: Context) -> None:
    _first_step(ctx)
    _frequencies(ctx)
    _energies(ctx)
    _outputs(ctx)
    _load_balancing(ctx)
    _runs(ctx)


def _first_step(ctx: Context) -> None:
    first = ctx.integer("firsttimestep", 0)
    if first % ctx.steps_per_cycle:
        ctx.error(
            "first-step-multiple",
            f"firsttimestep {first} is no multiple of stepspercycle {ctx.steps_per_cycle}.",
            "Start from a file written at a multiple, or round; keep restartfreq a multiple of stepspercycle.",
            keyword="firsttimestep",
            fix=ctx.fix_set("firsttimestep", first - first % ctx.steps_per_cycle),
        )


def _frequencies(ctx: Context) -> None:
    cycle, nonbonded, full = ctx.steps_per_cycle, ctx.nonbonded_frequency, ctx.full_frequency
    if cycle % nonbonded:
        ctx.error(
            "frequency-multiple",
            f"stepspercycle {cycle} is no multiple of nonbondedFreq {nonbonded}.",
            "Choose stepspercycle as a multiple of nonbondedFreq and fullElectFrequency.",
            keyword="stepspercycle",
        )
    if not full:
        return
    if cycle % full:
        ctx.error(
            "frequency-multiple",
            f"stepspercycle {cycle} is no multiple of fullElectFrequency {full}.",
            "Choose stepspercycle as a multiple of fullElectFrequency.",
            keyword="fullElectFrequency",
        )
    if full % nonbonded:
        ctx.error(
            "frequency-multiple",
            f"fullElectFrequency {full} is no multiple of nonbondedFreq {nonbonded}.",
            "Choose fullElectFrequency as a multiple of nonbondedFreq.",
            keyword="fullElectFrequency",
        )
    for name in ("berendsenPressureFreq", "monteCarloPressureFreq"):
        frequency = ctx.integer(name, 0)
        if ctx.given(name) and frequency > 0 and (frequency % full or frequency % nonbonded):
            ctx.error(
                "frequency-multiple",
                f"{name} {frequency} is no multiple of both fullElectFrequency {full} and nonbondedFreq {nonbonded}.",
                "Use a common multiple.",
                keyword=name,
            )


def _energies(ctx: Context) -> None:
    output = ctx.integer("outputenergies", 1)
    compute = ctx.integer("computeenergies", output) if ctx.given("computeenergies") else output
    if output <= 0 or compute <= 0:
        return
    full = ctx.full_frequency
    name = "computeEnergies" if ctx.given("computeenergies") else "outputEnergies"
    if full and compute % full and full % compute:
        ctx.error(
            "frequency-multiple",
            f"{name} {compute} and fullElectFrequency {full}: one must be a multiple of the other.",
            f"Use a multiple of {full}.",
            keyword=name,
            fix=ctx.fix_set(name.lower(), -(-compute // full) * full),
        )
    if output % compute:
        ctx.error(
            "frequency-multiple",
            f"outputEnergies {output} is no multiple of computeEnergies {compute}.",
            "Use a multiple.",
            keyword="outputEnergies",
        )


def _outputs(ctx: Context) -> None:
    """Only SMD's output is forced; the others make restarts awkward."""
    cycle = ctx.steps_per_cycle
    if ctx.on("smd"):
        frequency = ctx.integer("smdoutputfreq", 1)
        if frequency % cycle:
            how = "" if ctx.given("smdoutputfreq") else " (its default)"
            ctx.error(
                "frequency-multiple",
                f"SMDOutputFreq {frequency}{how} is no multiple of stepspercycle {cycle}.",
                f"Set SMDOutputFreq to {cycle} or a multiple.",
                keyword="SMDOutputFreq",
                fix=ctx.fix_set("smdoutputfreq", -(-frequency // cycle) * cycle)
                or ctx.fix_insert("SMDOutputFreq", cycle),
            )
    restart = ctx.integer("restartfreq", 0)
    if restart > 0 and restart % cycle:
        ctx.advice(
            "output-multiple",
            f"restartfreq {restart} is no multiple of stepspercycle {cycle}; its steps cannot be a firsttimestep.",
            f"Use a multiple of {cycle}.",
            keyword="restartfreq",
            fix=ctx.fix_set("restartfreq", -(-restart // cycle) * cycle),
        )


def _load_balancing(ctx: Context) -> None:
    period = ctx.integer("ldbperiod", 200 * ctx.steps_per_cycle)
    first = ctx.integer("firstldbstep", 5 * ctx.steps_per_cycle)
    if period <= first:
        ctx.error(
            "frequency-multiple",
            f"ldbPeriod {period} must be larger than firstLdbStep {first}.",
            "Leave both out, or enlarge ldbPeriod.",
            keyword="ldbPeriod" if ctx.given("ldbperiod") else "firstLdbStep",
        )


def _runs(ctx: Context) -> None:
    cycle = ctx.steps_per_cycle
    step = ctx.integer("firsttimestep", 0)
    told: set[tuple[str, int | None]] = set()
    for item in ctx.config.timeline:
        if isinstance(item, Setting) and item.after_startup and item.keyword == "firsttimestep":
            number = leading_number(item.value)
            step = int(number) if number is not None else step
        if not isinstance(item, RunStep) or (item.file.name, item.line) in told:
            continue
        if item.steps % cycle:
            told.add((item.file.name, item.line))
            _refused_length(ctx, item, cycle)
        step += item.steps
        if step > MAX_STEP:
            told.add((item.file.name, item.line))
            ctx.error(
                "step-overflow",
                f"The step counter would reach {step}, beyond 2147483647: NAMD then does no step at all.",
                "Start firsttimestep lower (0), or use a longer timestep.",
                keyword="firsttimestep",
                file=item.file,
                line=item.line,
            )
    if not ctx.config.steps:
        _numsteps(ctx, cycle)


def _refused_length(ctx: Context, item: RunStep, cycle: int) -> None:
    rounded = -(-item.steps // cycle) * cycle
    ctx.error(
        "run-length-multiple",
        f"{item.kind} {item.steps} is no multiple of stepspercycle {cycle}; NAMD refuses the command.",
        f"Use {rounded}.",
        keyword=item.kind,
        file=item.file,
        line=item.line,
        fix=Fix("set", item.kind, str(rounded), item.line, item.file) if item.line else None,
    )


def _numsteps(ctx: Context, cycle: int) -> None:
    steps = ctx.integer("numsteps", 0)
    if steps % cycle:
        ctx.warning(
            "run-length-multiple",
            f"numsteps {steps} is no multiple of stepspercycle {cycle}; its last files cannot be continued.",
            f"Use {-(-steps // cycle) * cycle}.",
            keyword="numsteps",
            fix=ctx.fix_set("numsteps", -(-steps // cycle) * cycle),
        )

"""Whether the run does any work, and whether its parts follow each other sensibly."""

from __future__ import annotations

from namdrunner.namd.check.context import Context
from namdrunner.namd.config import Command, RunStep, Setting


def check(ctx: Context) -> None:
    config = ctx.config
    if config.failure is None and config.total_steps == 0 and config.steps:
        ctx.advice(
            "single-point",
            "The run has 0 steps: energies are computed once, and nothing moves.",
            "Give run a number of steps if it should.",
            keyword="run",
            file=config.steps[0].file,
            line=config.steps[0].line,
        )
    elif config.failure is None and config.total_steps == 0:
        ctx.warning(
            "no-work",
            "Nothing is run: there is no run, no minimize, and numsteps does not exceed firsttimestep.",
            "Add run with the number of steps.",
            keyword="run" if not config.startup("numsteps") else "numsteps",
        )
    if config.steps and config.startup("numsteps") is not None:
        ctx.advice(
            "numsteps-ignored",
            "numsteps has no effect beside run or minimize.",
            "Remove it.",
            keyword="numsteps",
        )
    if ctx.on("minimization") and any(step.kind == "run" for step in config.steps):
        ctx.error(
            "contradiction",
            "run is called with minimization on; NAMD refuses it.",
            "Use the command minimize instead of the keyword.",
            keyword="minimization",
        )
    _minimised_velocities(ctx)
    _minimise_again(ctx)
    _exit_status(ctx)
    _long_run(ctx)


def _minimised_velocities(ctx: Context) -> None:
    """minimize sets all velocities to zero."""
    after_minimize = False
    for item in ctx.config.timeline:
        if isinstance(item, Command) and item.name in ("reinitvels", "revert"):
            after_minimize = False
        elif isinstance(item, RunStep) and item.kind == "minimize" and item.steps:
            after_minimize = True
        elif isinstance(item, RunStep) and item.kind == "run" and item.steps and after_minimize:
            if not ctx.given("reassignfreq"):
                ctx.advice(
                    "velocities-zero",
                    "minimize sets the velocities to zero, and the run after it starts at 0 K.",
                    "Add reinitvels with the temperature between minimize and run.",
                    keyword="run",
                    file=item.file,
                    line=item.line,
                )
            return


def _minimise_again(ctx: Context) -> None:
    first = next(iter(ctx.config.steps), None)
    if first is not None and first.kind == "minimize" and ctx.given("binvelocities"):
        ctx.advice(
            "minimise-continuation",
            "This continues an earlier run with its velocities, and minimises first, which discards them.",
            "Leave minimize out of a continuation.",
            keyword="minimize",
            file=first.file,
            line=first.line,
        )


def _exit_status(ctx: Context) -> None:
    for command in ctx.config.commands:
        if command.name == "exit" and ctx.config.total_steps == 0:
            ctx.warning(
                "exit-before-work",
                "The script ends before anything was run.",
                "Remove exit.",
                keyword="exit",
                file=command.file,
                line=command.line,
            )


def _long_run(ctx: Context) -> None:
    names = [s for s in ctx.config.get_all("outputname") if s.after_startup]
    stages = [s for s in ctx.config.steps if s.kind == "run"]
    resets = [
        s for s in ctx.config.settings if s.after_startup and s.keyword == "firsttimestep" and isinstance(s, Setting)
    ]
    if len(stages) > 1 and resets and not names and ctx.integer("dcdfreq", 0) and not ctx.on("alch"):
        ctx.advice(
            "step-count-restarts",
            "firsttimestep is set back between runs, so step numbers repeat in one output.",
            "Let the counter run on, or change outputname too.",
            setting=resets[0],
        )

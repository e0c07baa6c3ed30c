"""What will be written: names that overwrite something, cadence of output, restart files."""

from __future__ import annotations

from pathlib import Path

from namdrunner.namd.check.context import Context
from namdrunner.namd.references import OutputPath, output_paths


def check(ctx: Context) -> None:
    outputs = output_paths(ctx.config)
    _overwritten(ctx, outputs)
    _one_name_twice(ctx, outputs)
    for setting in ctx.config.get_all("outputname"):
        if setting.value.endswith("/") or (ctx.config.working_folder / setting.value).is_dir():
            ctx.warning(
                "output-name-is-folder",
                f"{setting.written} {setting.value} names a folder; the files would be called .coor, .vel and .xsc.",
                "Add the beginning of a file name.",
                setting=setting,
            )
    _restarts(ctx)
    _cadence(ctx)


def _overwritten(ctx: Context, outputs: tuple[OutputPath, ...]) -> None:
    inputs = {reference.path: reference for reference in ctx.references}
    told = False
    for output in outputs:
        for file in output.files:
            reference = inputs.get(file)
            if reference is not None:
                ctx.warning(
                    "output-overwrites-input",
                    f"The output {file.name} has the name of the input of {reference.keyword}, which becomes .BAK.",
                    "Choose another output name.",
                    keyword=output.keyword,
                    file=output.file,
                    line=output.line,
                )
                told = True
    if told:
        return
    existing = [file for output in outputs for file in output.files if file.is_file()]
    if existing:
        ctx.warning(
            "output-exists",
            f"{_listed(existing)} of an earlier run lie{'s' if len(existing) == 1 else ''} there; "
            "NAMD renames them to .BAK, and a second time that copy is lost.",
            "Choose another output name for each part of a simulation.",
            keyword="outputname",
        )


def _listed(files: list[Path]) -> str:
    names = list(dict.fromkeys(file.name for file in files))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _one_name_twice(ctx: Context, outputs: tuple[OutputPath, ...]) -> None:
    written: dict[Path, str] = {}
    told: set[str] = set()
    for output in outputs:
        for file in output.files:
            other = written.setdefault(file, output.keyword)
            if other != output.keyword and output.keyword not in told and "output" not in (other, output.keyword):
                told.add(output.keyword)
                ctx.warning(
                    "output-name-shared",
                    f"{output.keyword} and {other} both write {file.name}.",
                    "Give each a name of its own.",
                    keyword=output.keyword,
                    file=output.file,
                    line=output.line,
                )


def _restarts(ctx: Context) -> None:
    steps = ctx.config.dynamics_steps
    if steps == 0:
        return
    frequency = ctx.integer("restartfreq", 0)
    if frequency <= 0:
        ctx.advice(
            "no-restart-files",
            "restartfreq is not set: a run that is stopped or breaks leaves nothing to continue from.",
            "Add restartfreq; one write in 5 to 10 minutes is a good measure.",
            keyword="restartfreq",
            fix=ctx.fix_insert(
                "restartfreq", max(ctx.steps_per_cycle, 5000 // ctx.steps_per_cycle * ctx.steps_per_cycle)
            ),
        )
    elif frequency > ctx.config.total_steps:
        ctx.warning(
            "restart-beyond-run",
            f"restartfreq {frequency} is longer than the run ({ctx.config.total_steps} steps): none is written.",
            "Use a smaller restartfreq.",
            keyword="restartfreq",
        )


def _cadence(ctx: Context) -> None:
    total = ctx.config.total_steps
    if total <= 0:
        return
    for name, what in (("DCDfreq", "trajectory frame"), ("xstFreq", "cell record")):
        frequency = ctx.integer(name, 0)
        if frequency > total:
            ctx.advice(
                "output-beyond-run",
                f"{name} {frequency} is longer than the run ({total} steps): no {what} is written.",
                f"Use a smaller {name}.",
                keyword=name,
            )
        elif 0 < frequency < 3 or (0 < frequency < 100 and total >= 100_000):
            ctx.advice(
                "output-dense",
                f"{name} {frequency} writes {total // frequency} records.",
                "1000 to 50000 steps is usual.",
                keyword=name,
            )
    energies = ctx.integer("outputenergies", 1)
    if total >= 100_000 and 0 < energies < 20:
        ctx.advice(
            "output-dense",
            f"outputEnergies {energies} writes {total // energies} lines and slows the run.",
            "100 to 5000 steps is usual.",
            keyword="outputEnergies",
            fix=ctx.fix_set("outputenergies", 20 * ctx.steps_per_cycle),
        )

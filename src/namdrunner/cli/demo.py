"""demo and demo engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from namdrunner.cli.options import Json
from namdrunner.cli.output import facts, say, size, table, write_json, write_text


def demo(
    ctx: typer.Context,
    headless: Annotated[
        bool, typer.Option("--headless", help="No browser: run one job to its end, then stop.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything in its folder afterwards.")] = False,
    as_json: Json = False,
) -> int | None:
    """Run a demo cluster on this computer and a sample simulation on it.

    It has a folder, a database and a server of its own: nothing of yours is touched, and no file is left behind
    unless you ask with --keep. The simulation is real molecular dynamics, computed by OpenMM.
    """
    if ctx.invoked_subcommand is not None:
        return None
    from namdrunner.cli.demo_run import DemoRun, open_page, until_interrupted

    with DemoRun(keep=keep) as run:
        job = run.start_job()
        if not headless:
            open_page(run)
        ended = run.follow(job)
        summary = run.summary(ended)
        if as_json:
            write_json(summary)
        else:
            print_summary(summary)
        if not headless:
            say("The demo goes on until Ctrl-C.")
            until_interrupted()
    return 0 if summary["status"] == "COMPLETED" else 1


def print_summary(summary: dict[str, Any]) -> None:
    speed, temperature = summary["ns_per_day"], summary["mean_temperature_k"]
    facts(
        [
            ("job", summary["id"]),
            ("status", summary["status"]),
            ("why", summary["reason"]),
            ("steps", summary["steps"]),
            ("speed", f"{speed:.3g} ns/day" if speed is not None else ""),
            ("mean temperature", f"{temperature:.1f} K" if temperature is not None else ""),
            ("took", f"{summary['seconds']:.0f} s"),
        ]
    )
    write_text("\nfiles brought home\n")
    table(("file", "size", "sha256"), [[f["name"], size(f["bytes"]), f["sha256"]] for f in summary["files"]])
    if summary["folder"]:
        say(f"Everything is kept in {Path(summary['folder'])}.")


def engine(ctx: typer.Context) -> int:
    """Run the OpenMM demo engine, in the current folder, with NAMD's calling convention."""
    from namdrunner.demo.engine.main import main

    return main(ctx.args)

"""check: preflight of a NAMD config, in this process, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from namdrunner.cli.job_create import print_findings
from namdrunner.cli.options import Json, existing_file
from namdrunner.cli.output import facts, say, size, table, write_json


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A NAMD config.")],
    namd_version: Annotated[str, typer.Option("--namd-version", help="Whose rules apply: 2.12 ... 3.0.")] = "3.0",
    gpu: Annotated[bool, typer.Option("--gpu", help="It is meant for GPUs.")] = False,
    as_json: Json = False,
) -> int:
    """Check a NAMD config and every file it names before it waits in a queue; exit status 1 on errors."""
    from namdrunner.namd.check import check_config

    document: dict[str, Any] = check_config(existing_file(config), namd_version=namd_version, gpu=gpu).document()
    if as_json:
        write_json(document)
    else:
        print_report(config, document)
    return 0 if document["ok"] else 1


def print_report(config: Path, document: dict[str, Any]) -> None:
    summary = dict(document["summary"])
    files = summary.pop("files", None) or []
    if summary.get("output_bytes") is not None:
        summary["output_bytes"] = size(summary["output_bytes"])
    facts((key.replace("_", " "), value) for key, value in summary.items())
    if files:
        table(
            ("role", "path", "size"),
            [[f["role"], f["path"], size(f["bytes"])] for f in files],
            numbers=("size",),
        )
    print_findings(document["findings"])
    errors = sum(1 for finding in document["findings"] if finding["severity"] == "error")
    say(f"{config}: " + ("no errors." if document["ok"] else f"{errors} error(s)."))

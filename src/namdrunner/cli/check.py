"""check: preflight of a NAMD config, in this process, without a server."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namdrunner.cli.job_create import print_findings
from namdrunner.cli.options import Json, complete_clusters, existing_file
from namdrunner.cli.output import facts, say, size, table, write_json

if TYPE_CHECKING:
    from namdrunner.client.documents import ClusterNamd
    from namdrunner.namd.check import Finding


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A NAMD config.")],
    namd_version: Annotated[
        str | None, typer.Option("--namd-version", help="Whose rules apply: 2.12 ... 3.0; 3.0 if not given.")
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="It is meant for GPUs.")] = False,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="NAME",
            help="Take version and GPU from a cluster; look for NAMD there if it is connected.",
            autocompletion=complete_clusters,
        ),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write a corrected copy beside it and print what changed.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Check a NAMD config and every file it names before it waits in a queue; exit status 1 on errors."""
    from namdrunner.namd.check import check_config

    path = existing_file(config)
    if cluster is not None:
        there = _namd_of(cluster)
        namd_version, gpu = namd_version or there["namd_version"], gpu or there["gpu"]
    report = check_config(path, namd_version=namd_version or "3.0", gpu=gpu)
    document: dict[str, Any] = report.document()
    if cluster is not None:
        document["findings"] += there["findings"]
        if not there["looked"] and not as_json:
            say(f"'{cluster}' is not connected: it was not looked whether NAMD is there.")
    if as_json:
        write_json(document)
    else:
        print_report(config, document)
    if fix:
        write_fixed(path, report.findings)
    return 0 if document["ok"] else 1


def write_fixed(path: Path, findings: Sequence[Finding]) -> None:
    """Write ``NAME.fixed.EXT`` with errors and warnings mended where that is mechanical, and show the difference."""
    from namdrunner.namd.check import apply_fixes, cleaned_copies

    findings = [finding for finding in findings if finding.severity != "advice"]
    for name, text in cleaned_copies(findings).items():
        copy = path.with_name(name)
        copy.write_text(text, encoding="latin-1")
        say(f"Wrote {copy}.")
    before = path.read_text(encoding="utf-8", errors="surrogateescape")
    # Findings name the file by its real folder.
    after = apply_fixes(before, findings, file=path.parent.resolve() / path.name)
    if after == before:
        say("There is nothing that can be mended mechanically.")
        return
    target = path.with_name(f"{path.stem}.fixed{path.suffix}")
    target.write_text(after, encoding="utf-8", errors="surrogateescape")
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), path.name, target.name, lineterm=""):
        say(line)
    say(f"Wrote {target}.")


def _namd_of(cluster: str) -> ClusterNamd:
    """The NAMD a cluster starts unless told otherwise, and what is wrong with it there."""
    from namdrunner.cli.session import open_client

    with open_client() as client:
        return client.clusters.namd(cluster)


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

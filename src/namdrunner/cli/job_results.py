"""job logs, energies, files, download."""

from __future__ import annotations

import csv
import io
import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from namdrunner.cli.options import JobId, Json
from namdrunner.cli.output import moment, say, size, table, write_json, write_text
from namdrunner.cli.session import follow as follow_task
from namdrunner.cli.session import open_client
from namdrunner.client import Client
from namdrunner.client.documents import Energies
from namdrunner.errors import UsageError

FOLLOW_INTERVAL_S = 2.0


def logs(
    job: JobId,
    slurm: Annotated[bool, typer.Option("--slurm", help="The output of the job script.")] = False,
    namd: Annotated[bool, typer.Option("--namd", help="NAMD's log; so it is if nothing is said.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as it grows, until the job has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Print NAMD's log of a job, or with --slurm what its job script wrote."""
    if slurm and namd:
        raise UsageError("Say either --slurm or --namd.", remedy="See `namdrunner job logs --help`.")
    if follow and as_json:
        raise UsageError("--follow has no end to put into one JSON document.", remedy="Leave one of them out.")
    which: Literal["namd", "slurm"] = "slurm" if slurm else "namd"
    with open_client() as client:
        if as_json:
            write_json(client.jobs.logs(job, which=which, offset=0))
        else:
            _print_log(client, job, which, follow=follow)


def _print_log(client: Client, job: str, which: Literal["namd", "slurm"], *, follow: bool) -> None:
    offset, written = 0, False
    while True:
        part = client.jobs.logs(job, which=which, offset=offset)
        write_text(part["text"])
        written = written or bool(part["text"])
        more = part["offset"] < part["bytes"] and part["offset"] != offset
        offset = part["offset"]
        if more:
            continue
        if not follow or part["complete"]:
            if not written:
                say("Nothing has been written yet.")
            return
        time.sleep(FOLLOW_INTERVAL_S)


def energies(
    job: JobId,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write them here as CSV; - is stdout.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on as they come in, until the job has ended; live on a terminal.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Print the energies of a job as far as its log is known: one row per ENERGY line, columns as in ETITLE.

    With --follow the exit status is 0 when the job completed, 1 when it ended otherwise.
    """
    if csv_file is not None and as_json:
        raise UsageError("Say either --csv or --json.", remedy="Leave one of them out.")
    if follow and as_json:
        raise UsageError("--follow has no end to put into one JSON document.", remedy="Leave one of them out.")
    if follow:
        return _follow_energies(job, csv_file)
    with open_client() as client:
        found = client.jobs.energies(job)
    if as_json:
        write_json(found)
    elif csv_file is None:
        table(found["columns"], found["rows"], numbers=found["columns"])
    elif str(csv_file) == "-":
        write_text(energies_csv(found))
    else:
        csv_file.write_text(energies_csv(found), encoding="utf-8")
        say(f"{len(found['rows'])} rows are in {csv_file}.")
    return 0


def _follow_energies(job: str, csv_file: Path | None) -> int:
    from namdrunner.cli import energies_live

    with open_client() as client:
        document = energies_live.follow(client, job, csv_file)
    if document["status"] == "COMPLETED":
        return 0
    say(" ".join(filter(None, (f"Job {job}: {document['status']}.", document["reason"], document["remedy"]))))
    return 1


def energies_csv(found: Energies) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found["columns"])
    writer.writerows(found["rows"])
    return text.getvalue()


def files(job: JobId, as_json: Json = False) -> None:
    """List what was uploaded for a job and what it has written."""
    with open_client() as client:
        found = client.jobs.files(job)
    if as_json:
        write_json(found)
        return
    rows = [["input", f["name"], size(f["bytes"]), ""] for f in found["inputs"]]
    rows += [["output", f["name"], size(f["bytes"]), moment(f["modified_at"])] for f in found["outputs"]]
    table(("kind", "name", "size", "changed"), rows, numbers=("size",))


def download(
    job: JobId,
    patterns: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATTERN ...]", help="Names or shell patterns; all if not given."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Folder to put them into; by default one named as the job."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring results home. Each file is verified by its checksum; what is there already is not fetched again."""
    target = (to or Path(job)).expanduser().absolute()
    with open_client() as client:
        task = client.jobs.download(job, patterns or (), to=target)
        result = follow_task(
            client, task, interrupted=f"It goes on; repeat the command to see it end. Folder: {target}"
        )
    if as_json:
        write_json(result)
        return
    found = result.get("files", [])
    table(
        ("file", "size", "sha256"),
        [[f["name"], size(f["bytes"]), f.get("sha256")] for f in found],
        numbers=("size",),
    )
    sys.stdout.flush()
    say(f"{len(found)} files are in {target}.")

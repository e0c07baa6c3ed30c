"""job logs, energies, files, download."""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from namdrunner.cli.job_actions import report
from namdrunner.cli.options import JobId, Json
from namdrunner.cli.output import moment, say, size, table, write_json, write_text
from namdrunner.cli.session import follow as follow_task
from namdrunner.cli.session import open_client
from namdrunner.cli.settings import download_folder
from namdrunner.client import Client
from namdrunner.client.documents import Energies, JsonObject
from namdrunner.errors import NotFoundError, UsageError
from namdrunner.jobs.folders import is_job_id

FOLLOW_INTERVAL_S = 2.0
GOES_ON = "It goes on; repeat the command to see it end. Folder: {}"
ENDED = ("COMPLETED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "CANCELLED")


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
    chain: Annotated[
        bool, typer.Option("--chain", help="Of all jobs in line with it, joined by step without gap or overlap.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Print the energies of a job as far as its log is known: one row per ENERGY line, columns as in ETITLE.

    With --follow the exit status is 0 when the job completed, 1 when it ended otherwise.
    """
    if csv_file is not None and as_json:
        raise UsageError("Say either --csv or --json.", remedy="Leave one of them out.")
    if follow and chain:
        raise UsageError("--follow is for one job.", remedy="Leave --follow or --chain out.")
    if follow and as_json:
        raise UsageError("--follow has no end to put into one JSON document.", remedy="Leave one of them out.")
    if follow:
        return _follow_energies(job, csv_file)
    with open_client() as client:
        found = cast("Energies", client.continuing.energies(job)) if chain else client.jobs.energies(job)
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
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID [ID ...] [PATTERN ...]", help="Jobs, then names or shell patterns; all files if none is given."
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="Folder to put them into; by default one named as the job, below downloads.folder.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Of every job that has ended; then no ID is given.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="NAME", help="With --all: only of this cluster."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Bring results home. Each file is verified by its checksum; what is there already is not fetched again.

    The files of several jobs go to a folder of each, named as the job, below DIR.
    """
    jobs, patterns = ([], words or []) if everything else _jobs_and_patterns(words or [])
    if not everything and not jobs:
        raise UsageError("No job was named.", code="no-jobs", remedy="Give the id of a job, or --all.")
    with open_client() as client:
        if everything:
            found = client.jobs.list(status=ENDED, cluster=cluster, limit=100_000)["jobs"]
            jobs = [job["id"] for job in found if job["submitted_at"]]
            if not jobs:
                raise NotFoundError("No job has ended yet.", code="no-jobs", remedy="See `namdrunner job list`.")
        if everything or len(jobs) > 1:
            target = (to or download_folder()).expanduser().absolute()
            return _download_many(client, jobs, patterns, target, everything=everything, as_json=as_json)
        target = (to or download_folder() / jobs[0]).expanduser().absolute()
        task = client.jobs.download(jobs[0], patterns, to=target)
        result = follow_task(client, task, interrupted=GOES_ON.format(target))
    if as_json:
        write_json(result)
        return 0
    _print_files([("", f) for f in result.get("files", [])])
    say(f"{len(result.get('files', []))} files are in {target}.")
    return 0


def _jobs_and_patterns(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The first word is a job; so are those behind it that look like ids, up to the first one that does not."""
    count = next((n for n, word in enumerate(words) if n and not is_job_id(word)), len(words))
    return list(words[:count]), list(words[count:])


def _download_many(
    client: Client, jobs: Sequence[str], patterns: Sequence[str], target: Path, *, everything: bool, as_json: bool
) -> int:
    task = client.jobs.download_many(jobs, patterns, to=target)
    result = follow_task(client, task, interrupted=GOES_ON.format(target))
    if everything:  # nobody said that every job has such a file
        refused = result.get("refused", {})
        result["refused"] = {job: error for job, error in refused.items() if error["code"] != "no-such-output"}
    found = result.get("jobs", [])
    if not as_json:
        _print_files([(f"{job['id']}/", f) for job in found for f in job["files"]])
        say(f"{sum(len(job['files']) for job in found)} files of {len(found)} jobs are in {target}.")
    return report(result, as_json, "brought home", [job["id"] for job in found])


def _print_files(files: Sequence[tuple[str, JsonObject]]) -> None:
    rows = [[f"{folder}{f['name']}", size(f["bytes"]), f.get("sha256")] for folder, f in files]
    table(("file", "size", "sha256"), rows, numbers=("size",))
    sys.stdout.flush()

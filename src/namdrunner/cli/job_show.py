"""job list, show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from namdrunner.cli.options import JobId, Json, complete_clusters
from namdrunner.cli.output import duration, facts, moment, say, table, write_json, write_text
from namdrunner.cli.session import open_client
from namdrunner.client.documents import JobDocument, JobSummary, Progress

EVERYTHING = 100_000


def list_(
    status: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="S", help="Only this status (RUNNING, ...); repeatable."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="NAME", help="Only this cluster.", autocompletion=complete_clusters),
    ] = None,
    search: Annotated[str | None, typer.Option("--search", help="Only names and ids that contain this.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    with open_client() as client:
        answer = client.jobs.list(
            status=[item.upper() for item in status or ()], cluster=cluster, search=search, limit=limit or EVERYTHING
        )
    if as_json:
        write_json(answer)
    elif not answer["jobs"] and (status or cluster or search):
        say("No job matches.")
    elif not answer["jobs"]:
        say("No jobs. Create one with `namdrunner job create`, or try `namdrunner demo`.")
    else:
        print_jobs(answer["jobs"])


def print_jobs(jobs: list[JobSummary]) -> None:
    columns = ("id", "name", "status", "cluster", "progress", "ns/day", "time left", "Slurm id", "submitted")
    rows = []
    for job in jobs:
        progress = job["progress"]
        speed = progress["ns_per_day"] if progress else None
        left = progress["eta_s"] if progress and job["status"] == "RUNNING" else None
        rows.append(
            [
                job["id"],
                job["name"],
                job["status"],
                job["cluster"],
                describe_progress(progress),
                "" if speed is None else f"{speed:.3g}",
                duration(left),
                ", ".join(job["slurm_ids"]),
                moment(job["submitted_at"]),
            ]
        )
    table(columns, rows, numbers=("ns/day", "time left"))


def describe_progress(progress: Progress | None) -> str:
    if not progress or progress["step"] is None:
        return ""
    if not progress["target_step"]:
        return f"step {progress['step']}"
    percent = 100 * progress["step"] / progress["target_step"]
    return f"{progress['step']} / {progress['target_step']} ({percent:.0f} %)"


def describe_resources(resources: Mapping[str, Any]) -> str:
    """As people write them: times as a clock, memory with its unit, what was not asked for left out."""
    words = []
    for key, value in resources.items():
        if value is None or value == "":
            continue
        if key == "walltime_s":
            words.append(f"walltime {duration(value)}")
        elif key == "memory_bytes":
            words.append(f"memory {value / 1024**3:.4g} GB")
        elif key == "gpus":
            words.append(
                f"GPUs {value['type'] or 'any'}:{value['count']}" if isinstance(value, dict) else f"GPUs {value}"
            )
        else:
            words.append(f"{key} {value}")
    return ", ".join(words)


def show(job: JobId, as_json: Json = False) -> None:
    """Show all that is known of a job: state with its evidence, resources, times, files."""
    with open_client() as client:
        document = client.jobs.get(job)
    if as_json:
        write_json(document)
    else:
        print_job(document)


def print_job(job: JobDocument) -> None:
    progress = job["progress"]
    resources = job["resources"]
    facts(
        [
            ("id", job["id"]),
            ("name", job["name"]),
            ("status", job["status"]),
            ("why", job["reason"]),
            ("what to do", job["remedy"]),
            ("waiting for", job["queue_reason"]),
            ("out of date", job["stale"]),
            ("cluster", job["cluster"]),
            ("Slurm id", ", ".join(job["slurm_ids"])),
            ("template", job["template"]),
            ("progress", describe_progress(progress)),
            ("speed", f"{progress['ns_per_day']:.3g} ns/day" if progress and progress["ns_per_day"] else ""),
            (
                "resources",
                describe_resources(resources),
            ),
            ("created", moment(job["created_at"])),
            ("submitted", moment(job["submitted_at"])),
            ("started", moment(job["started_at"])),
            ("ended", moment(job["ended_at"])),
            ("exit code", job["exit_code"]),
            ("project folder", job["project_dir"]),
            ("scratch folder", job["scratch_dir"]),
            ("inputs", f"{len(job['inputs'])} files" if job["inputs"] else ""),
            ("outputs", f"{len(job['outputs'])} files" if job["outputs"] else ""),
        ]
    )
    for item in job["warnings"]:
        write_text(f"warning: {item['message']} {item.get('remedy', '')}\n")
    for item in job["diagnosis"]:
        write_text(f"diagnosis: {item.get('message', '')} {item.get('remedy', '')}\n")
    for item in job["evidence"]:
        write_text(f"evidence ({item.get('source')}): {item.get('says')}\n")

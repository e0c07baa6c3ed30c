"""job submit, sync, cancel, delete: of one job, or of several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from namdrunner.cli.options import Json, complete_clusters, complete_jobs
from namdrunner.cli.output import say, write_json
from namdrunner.cli.session import follow, open_client
from namdrunner.client import Client
from namdrunner.client.documents import JsonObject, TaskDocument

JobIds = Annotated[list[str], typer.Argument(metavar="ID ...", help="One or more jobs.", autocompletion=complete_jobs)]


def submit(jobs: JobIds, as_json: Json = False) -> int:
    """Hand jobs to Slurm. However often this is repeated, each job is submitted once."""
    with open_client() as client:
        if len(jobs) > 1:
            return _several(client, client.jobs.submit_many(jobs), as_json, "submitted")
        job = jobs[0]
        follow(client, client.jobs.submit(job), interrupted=f"See `namdrunner job show {job}`.")
        document = client.jobs.get(job)
    if as_json:
        write_json(document)
    else:
        say(f"Submitted as {', '.join(document['slurm_ids']) or '?'}. Follow it: namdrunner job watch {job}")
    return 0


def sync(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="[ID ...]", help="Only these jobs.", autocompletion=complete_jobs)
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="NAME", help="Only this cluster.", autocompletion=complete_clusters),
    ] = None,
    as_json: Json = False,
) -> int:
    """Ask the connected clusters now how jobs stand, instead of at the next cycle."""
    with open_client() as client:
        if jobs and len(jobs) > 1:
            result = follow(client, client.jobs.sync(jobs=jobs))
        else:
            result = follow(client, client.jobs.sync(job=jobs[0] if jobs else None, cluster=cluster))
    failed = result.get("failed", {})
    if as_json:
        write_json(result)
    else:
        say(f"{len(result.get('synced', []))} jobs are up to date, {len(result.get('changed', []))} changed.")
        for warning in result.get("warnings", []):
            say(f"{warning['job']}: {warning['message']} {warning['remedy']}")
        for name, error in failed.items():
            say(f"{name} could not be asked: {error['message']} {error['remedy']}")
    return 1 if failed else 0


def cancel(jobs: JobIds, as_json: Json = False) -> int:
    """Cancel jobs. NAMD is stopped; what it has written is kept in the project folder."""
    with open_client() as client:
        if len(jobs) > 1:
            return _several(client, client.jobs.cancel_many(jobs), as_json, "told to end")
        job = jobs[0]
        follow(client, client.jobs.cancel(job), interrupted=f"See `namdrunner job show {job}`.")
        document = client.jobs.get(job)
    if as_json:
        write_json(document)
    else:
        say(f"Job {job}: {document['status']}.")
    return 0


def delete(
    jobs: JobIds,
    keep_remote: Annotated[bool, typer.Option("--keep-remote", help="Leave the files on the cluster.")] = False,
    as_json: Json = False,
) -> int:
    """Delete jobs here and their folders on the cluster; they are cancelled first if they run."""
    with open_client() as client:
        if len(jobs) > 1:
            return _several(client, client.jobs.delete_many(jobs, keep_remote=keep_remote), as_json, "deleted")
        job = jobs[0]
        result = follow(client, client.jobs.delete(job, keep_remote=keep_remote))
    if as_json:
        write_json({"deleted": job, "kept_remote": keep_remote, **result})
    else:
        say(f"Job {job} is deleted" + (" here; its files on the cluster are kept." if keep_remote else "."))
    return 0


def _several(client: Client, task: TaskDocument, as_json: bool, done: str) -> int:
    """Exit status 1 when it was not done for all of them; the JSON document says of each."""
    result = follow(client, task, interrupted="See `namdrunner job list`.")
    return report(result, as_json, done, [job["id"] for job in result.get("jobs", [])] or result.get("deleted", []))


def report(result: JsonObject, as_json: bool, done: str, jobs: Sequence[str]) -> int:
    """Say of how many jobs something was ``done``, and of each other one why not."""
    refused = result.get("refused", {})
    if as_json:
        write_json(result)
    else:
        fine = sum(1 for job in jobs if job not in refused)
        say(f"{fine} {'job was' if fine == 1 else 'jobs were'} {done}.")
        for job, error in refused.items():
            say(f"{job}: {error['message']} {error['remedy']}")
    return 1 if refused else 0

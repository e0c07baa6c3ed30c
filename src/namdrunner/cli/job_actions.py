"""job submit, sync, cancel, delete."""

from __future__ import annotations

from typing import Annotated

import typer

from namdrunner.cli.options import JobId, Json, complete_clusters, complete_jobs
from namdrunner.cli.output import say, write_json
from namdrunner.cli.session import follow, open_client


def submit(job: JobId, as_json: Json = False) -> None:
    """Hand a job to Slurm. However often this is repeated, the job is submitted once."""
    with open_client() as client:
        follow(client, client.jobs.submit(job), interrupted=f"See `namdrunner job show {job}`.")
        document = client.jobs.get(job)
    if as_json:
        write_json(document)
    else:
        say(f"Submitted as {', '.join(document['slurm_ids']) or '?'}. Follow it: namdrunner job watch {job}")


def sync(
    job: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only this job.", autocompletion=complete_jobs)
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="NAME", help="Only this cluster.", autocompletion=complete_clusters),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask the connected clusters now how jobs stand, instead of at the next cycle."""
    with open_client() as client:
        result = follow(client, client.jobs.sync(job=job, cluster=cluster))
    if as_json:
        write_json(result)
    else:
        say(f"{len(result.get('synced', []))} jobs are up to date, {len(result.get('changed', []))} changed.")


def cancel(job: JobId, as_json: Json = False) -> None:
    """Cancel a job. NAMD is stopped; what it has written is kept in the project folder."""
    with open_client() as client:
        follow(client, client.jobs.cancel(job), interrupted=f"See `namdrunner job show {job}`.")
        document = client.jobs.get(job)
    if as_json:
        write_json(document)
    else:
        say(f"Job {job}: {document['status']}.")


def delete(
    job: JobId,
    keep_remote: Annotated[bool, typer.Option("--keep-remote", help="Leave its files on the cluster.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a job here and its folders on the cluster; it is cancelled first if it runs."""
    with open_client() as client:
        result = follow(client, client.jobs.delete(job, keep_remote=keep_remote))
    if as_json:
        write_json({"deleted": job, "kept_remote": keep_remote, **result})
    else:
        say(f"Job {job} is deleted" + (" here; its files on the cluster are kept." if keep_remote else "."))

"""Results that are still on scratch, and when the site will clear them away: said while there is time to act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from namdrunner.errors import NamdrunnerError
from namdrunner.jobs.state import JobState
from namdrunner.services.context import Context
from namdrunner.services.documents import rfc3339
from namdrunner.store.jobs import StoredJob

AHEAD = 0.3
"""Part of the site's limit from which on is warned."""
LEAST_AHEAD = timedelta(days=3)

_OPEN = (JobState.COLLECTING, JobState.UNKNOWN)


def scratch_warnings(context: Context, job: StoredJob) -> list[dict[str, Any]]:
    """What is to be said of this job's files on scratch: ``code``, ``message``, ``remedy``, ``purged_at``."""
    try:
        days = context.clusters.profile(job.record.cluster).purge_days
    except NamdrunnerError:
        return []
    status = job.status
    since = status.ended_at or status.started_at
    at_risk = status.left_in_scratch or job.state in _OPEN or (job.state.final and _all_on_scratch(job))
    if days is None or since is None or not at_risk:
        return []
    limit = timedelta(days=days)
    purged_at, now = since + limit, context.now()
    if now < purged_at - max(LEAST_AHEAD, limit * AHEAD):
        return []
    age = (now - since).days
    where = job.record.project_dir if _all_on_scratch(job) else job.record.scratch_dir
    left = (purged_at - now) / timedelta(days=1)
    when = f"in {left:.0f} days" if left >= 1.5 else "within a day" if left > 0 else "at any time now"
    return [
        {
            "code": "scratch-purge",
            "message": f"Files of the job in {where} are {age} days old; the site clears away what is older than "
            f"{days} days: {when}.",
            "remedy": "Download them, or copy them to a permanent folder."
            if _all_on_scratch(job)
            else f"Sync the job to bring them to the project folder: namdrunner job sync {job.id}",
            "purged_at": rfc3339(purged_at),
        }
    ]


def cluster_warnings(context: Context, cluster: str) -> list[dict[str, Any]]:
    """The warnings of all jobs of a cluster whose results are not in their project folder, each with ``job``."""
    try:
        if context.clusters.profile(cluster).purge_days is None:
            return []
    except NamdrunnerError:
        return []
    jobs = context.jobs.on_scratch(cluster)
    return [{"job": job.id, **warning} for job in jobs for warning in scratch_warnings(context, job)]


def _all_on_scratch(job: StoredJob) -> bool:
    """The person put the project folder on scratch, too."""
    scratch = job.record.scratch_dir.rsplit("/namdrunner_jobs/", 1)[0]
    project = job.record.project_dir.rsplit("/namdrunner_jobs/", 1)[0]
    return f"{project}/".startswith(f"{scratch}/")

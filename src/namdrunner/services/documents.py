"""How stored things look in the API: the documents of the JSON contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from namdrunner.jobs.record import InputFile, OutputFile
from namdrunner.remote.values import ConnectionStatus
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.store.clusters import StoredCluster
from namdrunner.store.job_views import JobSummary
from namdrunner.store.jobs import StoredJob, TimelineEntry


def rfc3339(moment: datetime | None) -> str | None:
    """UTC with a Z, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cluster_document(
    cluster: StoredCluster, profile: ClusterProfile, status: ConnectionStatus | None
) -> dict[str, Any]:
    return {
        "name": cluster.name,
        "host": cluster.host,
        "port": cluster.port,
        "user": cluster.user or (status.user if status else None) or None,
        "identity_file": cluster.identity_file,
        "profile": cluster.profile,
        "profile_checked": profile.checked,
        "project_root": cluster.resolved.get("project_root") or cluster.project_root or profile.project_root,
        "scratch_root": cluster.resolved.get("scratch_root") or cluster.scratch_root or profile.scratch_root,
        "state": status.state.value if status else "disconnected",
        "since": rfc3339(datetime.fromtimestamp(status.since, UTC)) if status else None,
        "reason": status.reason if status else "",
        "partitions": [partition.model_dump(mode="json") for partition in profile.partitions],
        "qos": [qos.model_dump(mode="json") for qos in profile.qos],
        "presets": [preset.model_dump(mode="json") for preset in profile.presets],
        "purge_days": profile.purge_days,
    }


def summary_of(job: StoredJob) -> JobSummary:
    """What a list shows of a job."""
    record, status = job.record, job.status
    return JobSummary(
        id=record.id,
        name=record.name,
        cluster=record.cluster,
        state=status.state.value,
        template=record.template.id if record.template else None,
        created_at=record.created_at,
        submitted_at=status.submitted_at,
        started_at=status.started_at,
        ended_at=status.ended_at,
        step=status.progress.step,
        target_step=status.progress.target_step,
        ns_per_day=status.progress.ns_per_day,
        parent=record.parent,
        reason=status.reason,
        queue_reason=status.queue_reason,
        eta_s=status.progress.eta_s,
        synced_at=status.synced_at,
        stale=status.stale,
        walltime_s=record.resources.walltime_s,
        slurm_ids=record.slurm_ids,
    )


def summary_document(job: JobSummary) -> dict[str, Any]:
    """One row of ``job list``."""
    return {
        "id": job.id,
        "name": job.name,
        "cluster": job.cluster,
        "status": job.state,
        "reason": job.reason,
        "queue_reason": job.queue_reason,
        "slurm_ids": list(job.slurm_ids),
        "template": job.template,
        "created_at": rfc3339(job.created_at),
        "submitted_at": rfc3339(job.submitted_at),
        "started_at": rfc3339(job.started_at),
        "ended_at": rfc3339(job.ended_at),
        "walltime_s": job.walltime_s,
        "progress": {
            "step": job.step,
            "target_step": job.target_step,
            "ns_per_day": job.ns_per_day,
            "eta_s": job.eta_s,
        },
        "synced_at": rfc3339(job.synced_at),
        "stale": job.stale,
        "parent": job.parent,
    }


def short_job_document(job: StoredJob) -> dict[str, Any]:
    return summary_document(summary_of(job))


def job_document(
    job: StoredJob,
    *,
    children: list[str],
    timeline: list[TimelineEntry],
    warnings: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """``job show``: everything that is known locally."""
    record, status = job.record, job.status
    return short_job_document(job) | {
        "values": record.values,
        "resources": record.resources.model_dump(mode="json"),
        "recipe": record.recipe,
        "exit_code": status.exit_code,
        "remedy": status.remedy,
        "evidence": [e.model_dump(mode="json") for e in status.evidence],
        "diagnosis": [dict(d) for d in status.diagnosis],
        "inputs": [input_document(i) for i in record.inputs],
        "outputs": [output_document(o) for o in status.outputs],
        "last_energies": dict(status.last_energies),
        "children": children,
        "chain": record.chain.model_dump(mode="json") if record.chain else None,
        "continuation": record.continuation.model_dump(mode="json") if record.continuation else None,
        "timeline": [{"at": rfc3339(e.at), "state": e.state, "says": e.says} for e in timeline],
        "run": record.run.model_dump(mode="json"),
        "project_dir": record.project_dir,
        "scratch_dir": record.scratch_dir,
        "warnings": list(warnings),
        "cancel_requested_at": rfc3339(job.cancel_requested_at),
        "deleting": job.deleting,
    }


def input_document(file: InputFile) -> dict[str, Any]:
    return {"name": file.name, "bytes": file.bytes, "sha256": file.sha256, "role": file.role, "source": file.source}


def output_document(file: OutputFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "bytes": file.bytes,
        "modified_at": rfc3339(file.modified_at),
        "sha256": file.sha256,
    }

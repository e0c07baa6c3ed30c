"""``job_info.json``: the record of a job beside the job, and jobs found again from it."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from namdrunner.jobs.folders import PARENT, is_job_id, job_folder
from namdrunner.jobs.frames import prologue, sections
from namdrunner.jobs.record import JobRecord, JobStatus, Submission
from namdrunner.jobs.state import JobState
from namdrunner.jobs.submit_script import parse_attempt, parse_receipt
from namdrunner.remote.values import Session
from namdrunner.services.context import Context
from namdrunner.store.jobs import StoredJob

INFO = "job_info.json"
BATCH = 200
"""Jobs read per command when they are found again."""

_READ = r"""
for id in "${JOBS[@]}"; do
  cd "$ROOT/$id" 2>/dev/null || continue
  frame info "$id"; head -c 4194304 job_info.json
  [ -s receipt ] && { frame receipt "$id"; head -c 4096 receipt; }
  [ -s attempt ] && { frame attempt "$id"; head -c 4096 attempt; }
  [ -s config.namd ] && { frame config "$id"; head -c 1048576 config.namd; }
  [ -s job.sbatch ] && { frame script "$id"; head -c 1048576 job.sbatch; }
done
frame end
"""


def info_text(record: JobRecord) -> str:
    """The document, readable by people; no line break at its end."""
    return json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False)


async def list_jobs(session: Session, project_root: str) -> list[str]:
    """Ids of all job folders that have a record, in one command."""
    folder = f"{project_root.rstrip('/')}/{PARENT}"
    command = (
        f"cd {shlex.quote(folder)} 2>/dev/null && for d in *_[0-9]*; do "
        '[ -f "$d/job_info.json" ] && printf \'%s\\n\' "$d"; done; true'
    )
    reply = await session.run(f"bash -c {shlex.quote(command)}", timeout_s=120, label="list the job folders")
    return [line for line in reply.text.splitlines() if is_job_id(line)]


async def rediscover(context: Context, cluster: str) -> list[str]:
    """Take jobs into the local list that exist on the cluster and are not known here; returns their ids.

    A folder whose record cannot be read, or which says it is another job's, is left alone.
    """
    roots = context.clusters.roots(cluster)
    if roots is None:
        return []
    session = context.clusters.session(cluster)
    there = await list_jobs(session, roots[0])
    unknown = sorted(set(there) - context.jobs.known(there))
    found: list[str] = []
    for start in range(0, len(unknown), BATCH):
        for job, texts in await _read(session, roots[0], unknown[start : start + BATCH], cluster):
            if job.record.project_dir != job_folder(roots[0], job.id):
                continue
            context.jobs.add(job, texts=texts)
            context.jobs.note(job.id, "The job was found again on the cluster.")
            context.tell(job)
            found.append(job.id)
    return found


async def _read(
    session: Session, project_root: str, job_ids: Sequence[str], cluster: str
) -> list[tuple[StoredJob, dict[str, str]]]:
    nonce = secrets.token_hex(16)
    script = (
        f"ROOT={shlex.quote(project_root.rstrip('/') + '/' + PARENT)}\n"
        f"JOBS=({' '.join(shlex.quote(i) for i in job_ids)})\n{prologue(nonce)}{_READ}"
    )
    reply = await session.run("bash -s", stdin=script.encode(), timeout_s=300, label="read job records")
    parts: dict[str, dict[str, str]] = {}
    for words, body in sections(reply.stdout, nonce):
        if len(words) == 2:
            parts.setdefault(words[1], {})[words[0]] = body.decode("utf-8", "replace")
    jobs = []
    for job_id, part in parts.items():
        job = _rebuild(job_id, part, cluster)
        if job is not None:
            jobs.append((job, {"config": part.get("config", ""), "script": part.get("script", "")}))
    return jobs


_REASONS = {
    JobState.UPLOADING: "Its upload was interrupted.",
    JobState.UNKNOWN: "It was found on the cluster; how it stands is being asked.",
}


def _rebuild(job_id: str, part: dict[str, str], cluster: str) -> StoredJob | None:
    try:
        record = JobRecord.model_validate(json.loads(part["info"]))
    except (KeyError, ValueError, ValidationError):
        return None
    if record.id != job_id:
        return None
    record = record.model_copy(update={"cluster": cluster})
    receipt = parse_receipt(part.get("receipt", ""))
    submitted_at = None
    if receipt is not None:
        submitted_at = datetime.fromtimestamp(receipt.at, UTC)
        others = tuple(s for s in record.submissions if s.token != receipt.token)
        own = Submission(token=receipt.token, at=submitted_at, slurm_id=receipt.slurm_id)
        record = record.model_copy(update={"submissions": (*others, own)})
        state = JobState.UNKNOWN
    elif (attempt := parse_attempt(part.get("attempt", ""))) is not None:
        state, submitted_at = JobState.SUBMIT_UNKNOWN, datetime.fromtimestamp(attempt.at, UTC)
        others = tuple(s for s in record.submissions if s.token != attempt.token)
        own = Submission(token=attempt.token, at=submitted_at)
        record = record.model_copy(update={"submissions": (*others, own)})
    elif part.get("script"):
        state = JobState.READY
    else:
        state = JobState.UPLOADING
    reason = _REASONS.get(state, "")
    return StoredJob(record, JobStatus(state=state, submitted_at=submitted_at, reason=reason))

"""What is done once when a job has ended: its results listed, its logs kept, its failure diagnosed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from namdrunner.jobs.inventory import parse_inventory
from namdrunner.jobs.state import JobState
from namdrunner.namd.failures import Diagnosis, diagnose_lines
from namdrunner.services.collect import output_files
from namdrunner.services.context import Context
from namdrunner.store.jobs import StoredJob, with_status

LAST_LINES = 12
"""Of an error log, shown where it holds no known cause."""


def conclude(context: Context, job: StoredJob, tails: Mapping[str, bytes], inventory: str) -> StoredJob:
    """``tails``: ends of ``slurm.out``, ``slurm.err`` and ``namd.err``; ``inventory``: what the job script copied."""
    slurm = b"".join(tails.get(name, b"") for name in ("slurm.out", "slurm.err"))
    for kind, content in (("slurm", slurm), ("namd.err", tails.get("namd.err", b""))):
        if content:
            context.logs.replace(job.id, kind, content, complete=True)
    context.logs.finish(job.id, "namd")
    if inventory:
        job = with_status(job, outputs=output_files(parse_inventory(inventory)))
    if job.state in (JobState.COMPLETED, JobState.CANCELLED):
        return with_status(job, diagnosis=())
    found = _diagnose(context, job, tails)
    documents = tuple(d.document() for d in found)
    if all(d.generic for d in found):
        documents += last_words(tails)
    changes: dict[str, object] = {"diagnosis": documents}
    if documents and job.state is JobState.FAILED:
        changes["reason"] = f"{job.status.reason} {documents[0]['message']}".strip()
        changes["remedy"] = documents[0]["remedy"] or job.status.remedy
    return with_status(job, **changes)


def last_words(tails: Mapping[str, bytes]) -> tuple[dict[str, Any], ...]:
    """Where no known failure shows: what was written last to the error logs, as a diagnosis of its own."""
    for name in ("namd.err", "slurm.err", "slurm.out"):
        lines = list(enumerate(tails.get(name, b"").decode("utf-8", "replace").splitlines(), 1))
        told = [(n, line.strip()) for n, line in lines if line.strip() and " NAMDRunner: " not in line]
        if not told:
            continue
        number, last = told[-1]
        document = {
            "code": "last-words",
            "severity": "error",
            "message": f"The last line of {name} is: {last[:300]}",
            "remedy": "No known cause of failure was found in the logs; read them from that line backwards.",
            "recovery": None,
            "file": name,
            "line": number,
            "excerpt": "\n".join(line for _, line in told[-LAST_LINES:])[-2000:],
            "layer": "other",
        }
        return (document,)
    return ()


def _diagnose(context: Context, job: StoredJob, tails: Mapping[str, bytes]) -> tuple[Diagnosis, ...]:
    """Causes from NAMD's log and what Slurm and NAMD wrote beside it."""
    lines: dict[str, list[tuple[int, str]]] = {}
    run = None
    state = context.logs.position(job.id, "namd").reader
    if state:
        from namdrunner.namd.log import LogReader  # brings numpy, which a server with nothing to follow does without

        reader = LogReader.from_state(state)
        lines["namd.log"] = [(n.line, n.text) for n in reader.notable.lines()]
        run = reader.run
    for name, content in tails.items():
        lines[name] = list(enumerate(content.decode("utf-8", "replace").splitlines(), 1))
    return diagnose_lines(lines, run)

"""When a job would start: three signals kept apart, each with what it rests on."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Any

from namdrunner.errors import NamdrunnerError
from namdrunner.jobs.frames import prologue, sections
from namdrunner.remote.values import Session
from namdrunner.services.documents import rfc3339
from namdrunner.slurm.commands import try_only_stdin_command
from namdrunner.slurm.geometry import Geometry
from namdrunner.slurm.refusals import refusal
from namdrunner.slurm.resources import format_walltime
from namdrunner.slurm.times import parse_time
from namdrunner.store.jobs import StoredJob

MOST_HISTORY = 20
_START = re.compile(r"to start at (\S+)")
_PARTITION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


async def ask(session: Session, script: str, layout: Geometry, partition: str | None) -> list[dict[str, Any]]:
    """The two signals of the cluster, in one command: nodes idle now, and ``sbatch --test-only``."""
    nonce = secrets.token_hex(16)
    where = f"-p {shlex.quote(partition)}" if partition and _PARTITION.match(partition) else ""
    program = (
        f"{prologue(nonce)}\nframe idle\n"
        f"bounded 20 sinfo -h -N {where} -o '%N|%T|%C|%m|%G' 2>/dev/null </dev/null | sort -u | head -c 2000000\n"
        f"frame try\nexport TZ=UTC0 SLURM_TIME_FORMAT=%s\n"
        f"bounded 45 bash -c {shlex.quote(try_only_stdin_command())} 2>&1 <<'{nonce}'\n{script}\n{nonce}\n"
        "frame status $?\nframe end\n"
    )
    try:
        reply = await session.run("bash -s", stdin=program.encode(), timeout_s=90, label="ask for the expected start")
    except NamdrunnerError as error:
        return [unknown("idle", error.message), unknown("test-only", error.message)]
    texts: dict[str, str] = {}
    status = ""
    for words, body in sections(reply.stdout, nonce):
        texts[words[0]] = body.decode("utf-8", "replace")
        status = words[1] if words[0] == "status" and len(words) > 1 else status
    return [read_idle(texts.get("idle", ""), layout), read_try(texts.get("try", ""), status)]


def read_idle(text: str, layout: Geometry) -> dict[str, Any]:
    """From ``NODE|state|A/I/O/T|memory|gres``: whether enough nodes have the cores free right now."""
    free: dict[str, int] = {}
    for line in text.splitlines()[:100_000]:
        cells = line.split("|")
        counts = cells[2].split("/") if len(cells) == 5 else []
        if len(counts) != 4 or not counts[1].isdigit() or cells[1].endswith("*"):
            continue
        if layout.gpus_per_node and cells[1] != "idle":  # sinfo does not tell how many GPUs of a shared node are free
            continue
        if cells[1] in ("idle", "mixed"):
            free[cells[0]] = int(counts[1])
    if not text.strip():
        return unknown("idle", "sinfo does not show the nodes.")
    fitting = sum(1 for cores in free.values() if cores >= layout.cores_per_node)
    cores = f"{layout.cores_per_node} free cores" + (" and all their GPUs free" if layout.gpus_per_node else "")
    enough = fitting >= layout.nodes
    return {
        "name": "idle",
        "known": True,
        "message": f"{fitting} node{'s have' if fitting != 1 else ' has'} {cores} now; the job needs {layout.nodes}.",
        "basis": "What sinfo shows now. Jobs of others may be ahead in the queue, and memory is not counted.",
        "start_at": None,
        "wait_s": 0.0 if enough else None,
    }


def read_try(text: str, status: str) -> dict[str, Any]:
    """From what ``sbatch --test-only`` prints."""
    match = _START.search(text)
    start = parse_time(match.group(1)) if match else None
    basis = "What Slurm's scheduler plans now (sbatch --test-only); it changes with every job that comes or ends early."
    if start is not None:
        return {
            "name": "test-only", "known": True, "message": f"Slurm would start it at {rfc3339(start)}.",
            "basis": basis, "start_at": rfc3339(start), "wait_s": None,
        }  # fmt: skip
    if status not in ("0", ""):
        error = refusal(text.strip()[-2000:], int(status) if status.isdigit() else 1)
        return unknown("test-only", f"Slurm would refuse it: {error.message}")
    return unknown("test-only", "Slurm names no start.")


def read_history(jobs: Sequence[StoredJob], partition: str | None, layout: Geometry) -> dict[str, Any]:
    """From the waits of the person's own jobs on that partition, those of a similar size first."""
    waits: list[tuple[float, bool]] = []
    for job in jobs:
        submitted, started = job.status.submitted_at, job.status.started_at
        if submitted is None or started is None or started < submitted:
            continue
        if partition and job.record.resources.partition not in (partition, None):
            continue
        similar = 0.5 <= job.record.resources.cores / max(layout.cores, 1) <= 2
        waits.append(((started - submitted).total_seconds(), similar))
    alike = [wait for wait, similar in waits if similar]
    used = (alike if len(alike) >= 3 else [wait for wait, _ in waits])[:MOST_HISTORY]
    if not used:
        return unknown("history", "None of your jobs has started on this partition yet.")
    middle = median(used)
    like = " of a similar size" if len(alike) >= 3 else ""
    return {
        "name": "history",
        "known": True,
        "message": f"Your jobs waited {format_walltime(round(middle))} (median), at most "
        f"{format_walltime(round(max(used)))}.",
        "basis": f"Your last {len(used)} job{'s' if len(used) > 1 else ''}{like} on this partition.",
        "start_at": None,
        "wait_s": middle,
    }


def unknown(name: str, why: str) -> dict[str, Any]:
    return {"name": name, "known": False, "message": why, "basis": "", "start_at": None, "wait_s": None}


def with_moment(signal: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A start that Slurm names also as a wait from now."""
    if signal["start_at"] is None:
        return signal
    start = datetime.fromisoformat(str(signal["start_at"]))
    return signal | {"wait_s": max((start - now).total_seconds(), 0.0)}

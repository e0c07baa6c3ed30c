"""The one remote command that submits jobs, each exactly once, and the receipt it leaves with each.

Before sbatch runs, ``attempt`` says so; after Slurm has answered, ``receipt`` holds the id. Whoever finds a receipt
must not submit; whoever finds only an attempt must first find out what became of it. A lock keeps two clients apart.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from namdrunner.jobs.frames import prologue, sections
from namdrunner.slurm.commands import sbatch_command
from namdrunner.slurm.jobid import parse_job_id

_SCRIPT = r"""
cd "$PROJECT" 2>/dev/null || { frame failed "$JOB" folder; exit 0; }
if command -v flock >/dev/null 2>&1; then
  exec 9>.submit.lock || { frame failed "$JOB" write; exit 0; }
  flock -w 90 9 || { frame failed "$JOB" busy; exit 0; }
fi
if [ -s receipt ]; then frame receipt "$JOB"; cat receipt; exit 0; fi
if [ -s attempt ]; then
  case "$(cat attempt)" in
    *"\"$OVER\""*) ;;
    *) frame attempt "$JOB"; cat attempt; exit 0 ;;
  esac
fi
mkdir -p logs outputs || { frame failed "$JOB" write; exit 0; }
keep() { cat >"$1.new" && [ "$(wc -c <"$1.new")" -eq "$2" ] && mv -f "$1.new" "$1"; }
keep job_info.json "$INFO_BYTES" <<'@END@' || { frame failed "$JOB" write; exit 0; }
@INFO@
@END@
line="{\"token\": \"$TOKEN\", \"at\": $(date +%s)}"
printf '%s\n' "$line" | keep attempt $((${#line} + 1)) || { frame failed "$JOB" write; exit 0; }
out=$(bounded 90 bash -c "$SBATCH" 2>.submit.err 9>&- </dev/null); rc=$?
id=$(printf '%s\n' "$out" | sed -n 's/^\([0-9][0-9]*\)\(;[^ ]*\)\{0,1\}$/\1/p' | tail -n 1)
if [ "$rc" -eq 0 ] && [ -n "$id" ]; then
  line="{\"token\": \"$TOKEN\", \"slurm_id\": \"$id\", \"at\": $(date +%s)}"
  printf '%s\n' "$line" | keep receipt $((${#line} + 1))
fi
frame sbatch "$JOB" "$rc" "${id:--}"; cat .submit.err
frame done "$JOB"
"""


@dataclass(frozen=True)
class SubmitJob:
    """``job_info``: the text of job_info.json, without a line break at its end. ``over``: the token of an earlier
    attempt that is known to have come to nothing.
    """

    id: str
    project_dir: str
    token: str
    job_info: str
    over: str = ""


@dataclass(frozen=True)
class Receipt:
    token: str
    slurm_id: str
    at: int


@dataclass(frozen=True)
class Attempt:
    """What was written before sbatch ran; ``at`` by the cluster's clock, in seconds since the epoch."""

    token: str
    at: int


@dataclass(frozen=True)
class SubmitReply:
    """``outcome``: ``receipt`` (was submitted already), ``attempt`` (an earlier attempt has to be looked into),
    ``answered`` (sbatch ran; see ``status``, ``slurm_id``, ``stderr``), ``failed`` (``problem``: ``folder``,
    ``write`` or ``busy``; sbatch did not run), ``cut`` (the reply is not whole).
    """

    outcome: Literal["receipt", "attempt", "answered", "failed", "cut"]
    receipt: Receipt | None = None
    attempt_token: str = ""
    status: int = 0
    slurm_id: str = ""
    stderr: str = ""
    problem: str = ""


def build_submit_script(jobs: Sequence[SubmitJob], nonce: str) -> str:
    """A bash program for ``bash -s`` that submits each job, one after the other, each in a subshell of its own."""
    return prologue(nonce) + "".join(_one(job, nonce) for job in jobs) + "frame end\n"


def _one(job: SubmitJob, nonce: str) -> str:
    values = {
        "JOB": job.id,
        "PROJECT": job.project_dir,
        "TOKEN": job.token,
        "OVER": job.over or "none",
        "INFO_BYTES": str(len(job.job_info.encode()) + 1),
        "SBATCH": sbatch_command(job.project_dir, job.token),
    }
    assignments = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    script = _SCRIPT.replace("@END@", f"END-{nonce}").replace("@INFO@", job.job_info)
    return f"(\n{assignments}\n{script})\n"


def build_receipt_script(project_dir: str, receipt: Receipt) -> str:
    """Write the receipt that an interrupted submission could not write."""
    text = json.dumps({"token": receipt.token, "slurm_id": receipt.slurm_id, "at": receipt.at})
    write = f"printf '%s\\n' {shlex.quote(text)} >receipt.new && mv -f receipt.new receipt"
    return f"cd {shlex.quote(project_dir)} && {{ [ -s receipt ] || {{ {write}; }}; }}"


def parse_receipt(text: str) -> Receipt | None:
    """``None`` when it is not whole."""
    try:
        values = json.loads(text)
        token, slurm_id, at = str(values["token"]), str(values["slurm_id"]), int(values["at"])
    except (ValueError, KeyError, TypeError):
        return None
    return Receipt(token, slurm_id, at) if parse_job_id(slurm_id) is not None else None


def parse_submit_reply(reply: bytes, nonce: str) -> dict[str, SubmitReply]:
    """What became of each job; one that is not in the reply, or not whole, is ``cut``."""
    found: dict[str, SubmitReply] = {}
    for words, body in sections(reply, nonce):
        text = body.decode("utf-8", "replace")
        match words:
            case ["failed", job, problem]:
                found[job] = SubmitReply("failed", problem=problem)
            case ["receipt", job]:
                receipt = parse_receipt(text)
                found[job] = SubmitReply("receipt" if receipt else "cut", receipt=receipt)
            case ["attempt", job]:
                attempt = parse_attempt(text)
                found[job] = SubmitReply("attempt", attempt_token=attempt.token if attempt else "")
            case ["sbatch", job, status, slurm_id]:
                answer = "" if slurm_id == "-" else slurm_id
                found[job] = SubmitReply("cut", status=int(status), slurm_id=answer, stderr=text)
            case ["done", job] if job in found:
                found[job] = replace(found[job], outcome="answered")
            case _:
                continue
    return found


def parse_attempt(text: str) -> Attempt | None:
    """``None`` when it is not whole."""
    try:
        values = json.loads(text)
        return Attempt(str(values["token"]), int(values["at"]))
    except (ValueError, KeyError, TypeError):
        return None

"""The one remote command that submits jobs, each exactly once, and the receipt it leaves with each.

Before sbatch runs, ``attempt`` says so; after Slurm has answered, ``receipt`` holds the id. Whoever finds a receipt
must not submit; whoever finds only an attempt must first find out what became of it. An attempt can be made only where
there is none (``O_EXCL``), which keeps two clients apart; one that came to nothing is removed under a lock.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from namdrunner.jobs.frames import prologue, sections
from namdrunner.slurm.commands import check_token, reviewed_environment, sbatch_words
from namdrunner.slurm.jobid import parse_job_id

AT_ONCE = 4
"""Of many jobs, how many sbatch run at the same time."""

# What many jobs cost is the processes started for them: per job there is sbatch (and timeout), all else is bash's own.
_SCRIPT = r"""
stop= waits=20
now() { printf -v at '%(%s)T' -1 2>/dev/null || at=$(date +%s); }
free() {  # token of an attempt that came to nothing: makes room for another one, unless that is somebody's
  if command -v flock >/dev/null 2>&1; then
    exec 9>.submit.lock || return 1
    flock -w 90 9 || return 2
  fi
  [ -s attempt ] || sleep 2
  if [ -s attempt ]; then
    case "$(<attempt)" in *"\"$1\""*) ;; *) return 3 ;; esac
  fi
  rm -f attempt
}
found() { frame "$2" "$1"; cat "$2"; }
earlier() {  # job: a receipt or an attempt is there; who made the attempt may be about to write the receipt
  while [ ! -s receipt ] && [ "$waits" -gt 0 ]; do sleep 0.5; waits=$((waits - 1)); done
  if [ -s receipt ]; then found "$1" receipt; else found "$1" attempt; fi
}
submit() {  # job, folder, token, token of an attempt that came to nothing
  local at id= line made= out rc
  [ -n "$stop" ] && { frame failed "$1" silent; return; }
  cd "$2" 2>/dev/null || { frame failed "$1" folder; return; }
  [ -s receipt ] && { found "$1" receipt; return; }
  if [ -e attempt ]; then
    free "$4"; rc=$?
    [ "$rc" -eq 1 ] && { frame failed "$1" write; return; }
    [ "$rc" -eq 2 ] && { frame failed "$1" busy; return; }
    [ "$rc" -eq 3 ] || [ -s receipt ] && { earlier "$1"; return; }
  fi
  { [ -d logs ] && [ -d outputs ]; } || mkdir -p logs outputs || { frame failed "$1" write; return; }
  now
  set -C
  { made=1; printf '{"token": "%s", "at": %s}\n' "$3" "$at"; } 2>/dev/null >attempt; rc=$?
  set +C
  if [ "$rc" -ne 0 ]; then
    [ -z "$made" ] && [ -s attempt ] && { earlier "$1"; return; }
    [ -n "$made" ] && rm -f attempt
    frame failed "$1" write; return
  fi
  out=$(bounded 90 @SBATCH@ 2>.submit.err 9>&- </dev/null); rc=$?
  while IFS= read -r line; do
    line=${line%%;*}
    case $line in '' | *[!0-9]*) ;; *) id=$line ;; esac
  done <<<"$out"
  now
  [ "$rc" -eq 0 ] && [ -n "$id" ] && printf '{"token": "%s", "slurm_id": "%s", "at": %s}\n' "$3" "$id" "$at" >receipt
  frame sbatch "$1" "$rc" "${id:--}"
  if [ -s .submit.err ]; then
    out=$(<.submit.err); printf '%s\n' "$out"
    case $rc:$out in 0:*) ;; *"timed out"* | *"Unable to contact"* | *"connect failure"* | 124:*) stop=1 ;; esac
  fi
  [ "$rc" -eq 124 ] && stop=1
  frame done "$1"
}
"""


@dataclass(frozen=True)
class SubmitJob:
    """``over``: the token of an earlier attempt that is known to have come to nothing."""

    id: str
    project_dir: str
    token: str
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
    ``write``, ``busy``, or ``silent`` after a job for which Slurm did not answer; sbatch did not run), ``cut`` (the
    reply is not whole).
    """

    outcome: Literal["receipt", "attempt", "answered", "failed", "cut"]
    receipt: Receipt | None = None
    attempt_token: str = ""
    status: int = 0
    slurm_id: str = ""
    stderr: str = ""
    problem: str = ""


def build_submit_script(jobs: Sequence[SubmitJob], nonce: str) -> str:
    """A bash program for ``bash -s`` that submits each job; many of them a few at a time, taken in turn.

    When Slurm does not answer for one of them, the rest is left alone: each would wait as long, and be as uncertain.
    """
    script = _SCRIPT.replace("@SBATCH@", sbatch_words('"$3"'))
    words = ((job.id, job.project_dir, check_token(job.token), job.over or "none") for job in jobs)
    calls = [f"submit {shlex.join(each)}\n" for each in words]
    return f"{prologue(nonce)}{reviewed_environment()}\n{script}{_arranged(calls)}frame end\n"


def _arranged(calls: Sequence[str]) -> str:
    """The calls in order; of many, several at once, with their replies one after the other."""
    if len(calls) < 2 * AT_ONCE:
        return "".join(calls)
    parts = ["".join(calls[n::AT_ONCE]) for n in range(AT_ONCE)]
    starts = "".join(f"exec {3 + n}< <(\n{part})\n" for n, part in enumerate(parts))
    return starts + "".join(f"cat <&{3 + n}\n" for n in range(AT_ONCE))


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

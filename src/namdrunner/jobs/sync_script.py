"""The one remote command of a sync: everything about all active jobs of a cluster, framed in one reply.

The script asks squeue once, sacct once for the jobs that squeue no longer shows as alive, and adds the results,
receipts and new log bytes of the jobs. Every section begins with a line that holds a random word, so that nothing
in a log can pass for one. What it prints is bounded; what did not fit comes with the next sync.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from namdrunner.jobs.frames import prologue, sections
from namdrunner.slurm.commands import sacct_search_command, sacct_variable_command, squeue_command
from namdrunner.slurm.state import SlurmState

LOG_BYTES = 512 * 1024
"""New log bytes of one job that are sent whole; more is thinned on the cluster."""
TOTAL_LOG_BYTES = 16 * 1024 * 1024
TAIL_BYTES = 16 * 1024
PATIENCE_S = 30
"""For each of Slurm's commands: a daemon that hangs must not hold up what the others say."""


@dataclass(frozen=True)
class SyncJob:
    """What a sync has to know of a job: where it lives, and what of its log is here already.

    ``token`` and ``name`` are given only while it is not certain that Slurm took the job.
    """

    id: str
    slurm_id: str
    project_dir: str
    log_offset: int = 0
    token: str = ""
    slurm_name: str = ""


@dataclass(frozen=True)
class SyncReply:
    """The sections of the reply. ``clock_s`` is the cluster's clock; a missing section is simply absent."""

    clock_s: int | None = None
    squeue: str = ""
    squeue_status: int | None = None
    sacct: str = ""
    sacct_status: int | None = None
    sacct_ids: tuple[str, ...] = ()
    search: str = ""
    search_status: int | None = None
    results: dict[str, str] = field(default_factory=dict)
    inventories: dict[str, str] = field(default_factory=dict)
    receipts: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, str] = field(default_factory=dict)
    logs: dict[str, LogPart] = field(default_factory=dict)
    tails: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Per job, the ends of ``slurm`` (stdout and stderr of the job script) and ``namd.err``, for jobs that ended."""
    complete: bool = False
    """The last section arrived: nothing was cut off."""


@dataclass(frozen=True)
class LogPart:
    """Bytes ``offset`` to ``end`` of a log that is ``size`` bytes long; ``thinned``: not every line of them."""

    offset: int
    end: int
    size: int
    content: bytes
    thinned: bool = False


_QUEUE = r"""
declare -A Q
frame clock; date +%s
q=$(bounded $PATIENCE bash -c "$SQUEUE" 2>&1 </dev/null); rc=$?
frame squeue $rc; printf '%s\n' "$q"
while IFS=$'\037' read -r i a _ _ t _; do [ -n "$t" ] && { Q[$i]=$t; Q[$a]=$t; }; done <<<"$q"
gone=
for i in "${IDS[@]}"; do
  case " $ALIVE " in *" ${Q[$i]:-absent} "*) ;; *) gone=${gone:+$gone,}$i ;; esac
done
if [ -n "$gone" ]; then
  export gone
  a=$(bounded $PATIENCE bash -c "$SACCT" 2>&1 </dev/null); rc=$?
  frame sacct $rc "$gone"; printf '%s\n' "$a"
fi
"""

_JOBS = r"""
left=$TOTAL
tails() {
  [ -s "$1" ] && { frame tail "$2" "$3"; tail -c "$TAIL" "$1"; }
}
thin() {
  awk -v k="$1" '/^ENERGY:/ { if (e++ % k == 0) print; next } /^TIMING:/ { last = $0; next }
    /^(LDB|LINE MINIMIZER|PRESSURE|GPRESSURE|PRESSAVG|GPRESSAVG)/ { next } { print } END { if (last) print last }'
}
job() {
  local t=${Q[$2]:-absent} d=$3 from=$4 size n k rest
  if [ -n "$5" ]; then
    [ -f "$d/receipt" ] && { frame receipt "$1"; head -c 4096 "$d/receipt"; }
    [ -f "$d/attempt" ] && { frame attempt "$1"; head -c 4096 "$d/attempt"; }
  fi
  case " $WAITING " in *" $t "*) return ;; esac
  if [ -f "$d/result.json" ]; then
    frame result "$1"; head -c 65536 "$d/result.json"
    [ -f "$d/logs/inventory.tsv" ] && { frame inventory "$1"; head -c 1048576 "$d/logs/inventory.tsv"; }
  fi
  if size=$(stat -L -c %s "$d/logs/namd.log" 2>/dev/null); then
    [ "$size" -lt "$from" ] && from=0
    n=$((size - from))
    if [ "$n" -gt "$LOGBYTES" ] && [ "$left" -gt "$LOGBYTES" ]; then
      k=$((n / LOGBYTES + 1))
      frame log "$1" "$from" "$size" "$size" thinned
      rest=$(tail -c +$((from + 1)) "$d/logs/namd.log" | head -c "$n" | tail -n 1 | wc -c)
      tail -c +$((from + 1)) "$d/logs/namd.log" | head -c $((n - rest)) | thin "$k" | head -c $((2 * LOGBYTES))
      tail -c +$((size - rest + 1)) "$d/logs/namd.log" | head -c "$rest"
      left=$((left - LOGBYTES))
    else
      [ "$n" -gt "$left" ] && n=$left
      frame log "$1" "$from" $((from + n)) "$size" whole
      [ "$n" -gt 0 ] && tail -c +$((from + 1)) "$d/logs/namd.log" | head -c "$n"
      left=$((left - n))
    fi
  fi
  case " $ALIVE " in *" $t "*) return ;; esac
  [ -n "$2" ] && { tails "$d/logs/slurm-$2.out" "$1" slurm.out; tails "$d/logs/slurm-$2.err" "$1" slurm.err; }
  tails "$d/logs/namd.err" "$1" namd.err
}
"""

_WAITING = tuple(s.value for s in SlurmState if s.waiting or s is SlurmState.REQUEUED)
_ALIVE = _WAITING + tuple(s.value for s in SlurmState if s.running and s is not SlurmState.COMPLETING)


def build_sync_script(jobs: Sequence[SyncJob], nonce: str, *, since: datetime) -> str:
    """A bash script for ``bash -s``; ``since`` is the earliest submission among the jobs, with slack."""
    ids = [job.slurm_id for job in jobs if job.slurm_id]
    uncertain = [job for job in jobs if job.token]
    squeue = squeue_command() if uncertain or not ids else squeue_command(ids)
    lines = [
        f"IDS=({' '.join(ids)})",
        f"ALIVE={shlex.quote(' '.join(_ALIVE))}",
        f"WAITING={shlex.quote(' '.join(_WAITING))}",
        f"SQUEUE={shlex.quote(squeue)}",
        f"SACCT={shlex.quote(sacct_variable_command('gone', since))}",
        f"TOTAL={TOTAL_LOG_BYTES} LOGBYTES={LOG_BYTES} TAIL={TAIL_BYTES} PATIENCE={PATIENCE_S}",
        prologue(nonce),
        _QUEUE,
        _JOBS,
    ]
    if uncertain:
        searches = "; ".join(sacct_search_command(job.slurm_name, since) for job in uncertain)
        lines.append(f"s=$(bounded $PATIENCE bash -c {shlex.quote(searches)} 2>&1 </dev/null); rc=$?")
        lines.append("frame search $rc; printf '%s\\n' \"$s\"")
    for job in jobs:
        words = (job.id, job.slurm_id, job.project_dir, str(job.log_offset), "receipt" if job.token else "")
        lines.append("job " + " ".join(shlex.quote(word) for word in words))
    lines.append("frame end")
    return "\n".join(lines) + "\n"


def parse_sync_reply(reply: bytes, nonce: str) -> SyncReply:
    """The sections of a reply; text before the first one (a site's greeting) is ignored."""
    values: dict[str, object] = {}
    results: dict[str, str] = {}
    inventories: dict[str, str] = {}
    receipts: dict[str, str] = {}
    attempts: dict[str, str] = {}
    logs: dict[str, LogPart] = {}
    tails: dict[str, dict[str, bytes]] = {}
    for words, body in sections(reply, nonce):
        text = body.decode("utf-8", "replace")
        match words:
            case ["clock"]:
                values["clock_s"] = int(text) if text.strip().isdigit() else None
            case ["squeue", status]:
                values |= {"squeue": text, "squeue_status": int(status)}
            case ["sacct", status, ids]:
                values |= {"sacct": text, "sacct_status": int(status), "sacct_ids": tuple(ids.split(","))}
            case ["search", status]:
                values |= {"search": text, "search_status": int(status)}
            case ["result", job]:
                results[job] = text
            case ["inventory", job]:
                inventories[job] = text
            case ["receipt", job]:
                receipts[job] = text
            case ["attempt", job]:
                attempts[job] = text
            case ["log", job, start, end, size, how]:
                logs[job] = LogPart(int(start), int(end), int(size), body, how == "thinned")
            case ["tail", job, name]:
                tails.setdefault(job, {})[name] = body
            case ["end"]:
                values["complete"] = True
            case _:
                continue
    return SyncReply(
        results=results,
        inventories=inventories,
        receipts=receipts,
        attempts=attempts,
        logs=logs,
        tails=tails,
        **values,  # type: ignore[arg-type]
    )

"""The one remote command that submits a job exactly once, and the receipt it leaves.

Before sbatch runs, ``attempt`` says so; after Slurm has answered, ``receipt`` holds the id. Whoever finds a receipt
must not submit; whoever finds only an attempt must first find out what became of it. A lock keeps two clients apart.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Literal

from namdrunner.jobs.frames import prologue, sections
from namdrunner.slurm.commands import sbatch_command
from namdrunner.slurm.jobid import parse_job_id

_SCRIPT = r"""
cd "$PROJECT" 2>/dev/null || { frame failed folder; exit 0; }
if command -v flock >/dev/null 2>&1; then
  exec 9>.submit.lock || { frame failed write; exit 0; }
  flock -w 90 9 || { frame failed busy; exit 0; }
fi
if [ -s receipt ]; then frame receipt; cat receipt; exit 0; fi
if [ -s attempt ]; then
  case "$(cat attempt)" in
    *"\"$OVER\""*) ;;
    *) frame attempt; cat attempt; exit 0 ;;
  esac
fi
mkdir -p logs outputs || { frame failed write; exit 0; }
keep() { cat >"$1.new" && [ "$(wc -c <"$1.new")" -eq "$2" ] && mv -f "$1.new" "$1"; }
keep job_info.json "$INFO_BYTES" <<'@END@' || { frame failed write; exit 0; }
@INFO@
@END@
line="{\"token\": \"$TOKEN\", \"at\": $(date +%s)}"
printf '%s\n' "$line" | keep attempt $((${#line} + 1)) || { frame failed write; exit 0; }
out=$(bounded 90 bash -c "$SBATCH" 2>.submit.err 9>&- </dev/null); rc=$?
id=$(printf '%s\n' "$out" | sed -n 's/^\([0-9][0-9]*\)\(;[^ ]*\)\{0,1\}$/\1/p' | tail -n 1)
if [ "$rc" -eq 0 ] && [ -n "$id" ]; then
  line="{\"token\": \"$TOKEN\", \"slurm_id\": \"$id\", \"at\": $(date +%s)}"
  printf '%s\n' "$line" | keep receipt $((${#line} + 1))
fi
frame sbatch "$rc" "${id:--}"; cat .submit.err
frame end
"""


@dataclass(frozen=True)
class Receipt:
    token: str
    slurm_id: str
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


def build_submit_script(project_dir: str, token: str, *, nonce: str, job_info: str, over: str = "") -> str:
    """A bash program for ``bash -s``. ``job_info`` is the text of job_info.json, without a line break at its end.

    ``over``: the token of an earlier attempt that is known to have come to nothing.
    """
    values = {
        "PROJECT": project_dir,
        "TOKEN": token,
        "OVER": over or "none",
        "INFO_BYTES": str(len(job_info.encode()) + 1),
        "SBATCH": sbatch_command(project_dir, token),
    }
    assignments = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    script = _SCRIPT.replace("@END@", f"END-{nonce}").replace("@INFO@", job_info)
    return f"{assignments}\n{prologue(nonce)}{script}"


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


def parse_submit_reply(reply: bytes, nonce: str) -> SubmitReply:
    found = SubmitReply("cut")
    whole = False
    for words, body in sections(reply, nonce):
        text = body.decode("utf-8", "replace")
        match words:
            case ["failed", problem]:
                return SubmitReply("failed", problem=problem)
            case ["receipt"]:
                receipt = parse_receipt(text)
                return SubmitReply("receipt" if receipt else "cut", receipt=receipt)
            case ["attempt"]:
                return SubmitReply("attempt", attempt_token=_attempt_token(text))
            case ["sbatch", status, slurm_id]:
                found = SubmitReply(
                    "answered", status=int(status), slurm_id="" if slurm_id == "-" else slurm_id, stderr=text
                )
            case ["end"]:
                whole = True
            case _:
                continue
    return found if whole else SubmitReply("cut")


def _attempt_token(text: str) -> str:
    try:
        return str(json.loads(text)["token"])
    except (ValueError, KeyError, TypeError):
        return ""

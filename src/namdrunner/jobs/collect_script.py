"""The remote command that brings results home where the job script could not: the same steps, run by us."""

from __future__ import annotations

from namdrunner.jobs.frames import prologue
from namdrunner.slurm.script import JobScriptSpec, job_functions

_COLLECT = r"""
mkdir -p -- "$nr_project/logs" "$nr_project/outputs"
if [ ! -d "$nr_run" ] && [ ! -e "$nr_project/logs/inventory.tsv" ]; then
  frame collected missing "$nr_run"
elif nr_stage_out "$nr_run" "$nr_project/outputs" >/dev/null && nr_inventory; then
  nr_remove_run
  frame collected whole
else
  frame collected failed
  printf '%s' "$nr_error"
fi
frame inventory
cat "$nr_project/logs/inventory.tsv" 2>/dev/null
frame end
"""


def build_collect_script(spec: JobScriptSpec, nonce: str) -> str:
    """A bash program for ``bash -s``; replies with ``collected whole|failed|missing`` and the inventory."""
    return f"{job_functions(spec)}\n{prologue(nonce)}{_COLLECT}"

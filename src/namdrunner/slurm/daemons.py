"""What is meant when a Slurm command cannot reach its daemons."""

from __future__ import annotations

import re

from namdrunner.errors import ClusterError, CommandError, CommandTimeoutError

_DAEMON = (
    (r"[Mm]unge|authentication error", "slurm-authentication",
     "Slurm on the cluster refuses its own commands (its authentication service is down)."),
    (r"Socket timed out|No response to persist_init|Resource temporarily unavailable", "slurm-slow",
     "Slurm on the cluster does not answer in time."),
    (r"Unable to contact slurm controller|Connection refused|Problem talking to the database", "slurm-down",
     "Slurm on the cluster cannot be reached."),
    (r"command not found|No such file or directory.*(squeue|sacct|sbatch)|not found", "slurm-missing",
     "The cluster's login shell does not find Slurm's commands."),
    (r"Slurm accounting storage is disabled|accounting_storage/none", "accounting-off",
     "This cluster keeps no accounting."),
)  # fmt: skip


def daemon_error(command: str, stderr: str, exit_status: int) -> ClusterError:
    """The error for a Slurm command that failed: what does not answer, in words, with Slurm's own words as context."""
    context = {"command": command, "stderr": stderr.strip()[:2000], "exit_status": exit_status}
    for pattern, code, message in _DAEMON:
        if re.search(pattern, stderr):
            retryable = code not in {"slurm-missing", "accounting-off"}
            kind = CommandTimeoutError if code == "slurm-slow" else ClusterError
            remedy = "Wait: NAMDRunner asks again by itself." if retryable else "Ask the cluster's support."
            if code == "slurm-missing":
                remedy = "Check on the cluster with 'bash -lc \"command -v squeue\"'; a module may have to be loaded."
            return kind(message, code=code, remedy=remedy, retryable=retryable, context=context)
    first = next((line.strip() for line in stderr.splitlines() if line.strip()), f"exit status {exit_status}")
    return CommandError(
        f"{command} failed: {first}",
        remedy=f"Repeat it; if it stays, run {command} on the cluster by hand and ask its support.",
        context=context,
        retryable=True,
    )

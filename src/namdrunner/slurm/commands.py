"""Builders of the commands a cluster is asked with: text in, one quoted POSIX shell command out.

Times are asked for in UTC (``TZ=UTC0``, seconds since the epoch), whatever the cluster's time zone or the person's
``SLURM_TIME_FORMAT``. Text formats with a separator that cannot be typed; never ``--json``, whose shape differs
between versions and which Slurm 22.05 does not filter by id.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import datetime

from namdrunner.errors import UsageError
from namdrunner.slurm.times import slurm_time

SEPARATOR = "\x1f"
"""ASCII unit separator: not in job names, comments, reasons or paths that people type."""

QUEUE_FIELDS = ("%i", "%A", "%F", "%K", "%T", "%V", "%S", "%e", "%l", "%D", "%N", "%P", "%a", "%q", "%k", "%j", "%r")
"""Job id, its own number, array job, array task, state, submit, start and end time, time limit, nodes, node list,
partition, account, QoS, comment, name, reason."""

ACCOUNTING_FIELDS = (
    "JobID", "JobIDRaw", "State", "ExitCode", "DerivedExitCode", "Submit", "Eligible", "Start", "End", "ElapsedRaw",
    "NNodes", "NodeList", "Partition", "Account", "QOS", "Comment", "JobName",
)  # fmt: skip
"""Fields that every sacct in use today knows."""

SEARCH_FIELDS = (*ACCOUNTING_FIELDS, "SubmitLine")
"""With the sbatch command line, which holds the token (Slurm 21.08 and newer)."""

_CLOCK = "env TZ=UTC0 SLURM_TIME_FORMAT=%s"
_JOB_ID = re.compile(r"^\d+(_(\d+|\[[0-9,%:-]+\]))?$")

# sbatch reads these before the script, and they would quietly overrule what the reviewed script says.
_SBATCH_ENVIRONMENT = (
    "SBATCH_ARRAY_INX", "SBATCH_BATCH", "SBATCH_CLUSTERS", "SBATCH_CONSTRAINT", "SBATCH_CORE_SPEC",
    "SBATCH_CPUS_PER_GPU", "SBATCH_DISTRIBUTION", "SBATCH_ERROR", "SBATCH_EXCLUSIVE", "SBATCH_GPUS",
    "SBATCH_GPUS_PER_NODE", "SBATCH_GPUS_PER_TASK", "SBATCH_GRES", "SBATCH_HINT", "SBATCH_INPUT", "SBATCH_JOB_NAME",
    "SBATCH_MEM_PER_CPU", "SBATCH_MEM_PER_GPU", "SBATCH_MEM_PER_NODE", "SBATCH_NO_KILL", "SBATCH_OPEN_MODE",
    "SBATCH_OUTPUT", "SBATCH_OVERCOMMIT", "SBATCH_PARTITION", "SBATCH_QOS", "SBATCH_SIGNAL", "SBATCH_THREADS_PER_CORE",
    "SBATCH_TIMELIMIT", "SBATCH_WAIT",
)  # fmt: skip


def _ids(ids: Sequence[str]) -> str:
    if not ids:
        raise UsageError("No Slurm job ids were given.", code="no-job-ids")
    for job_id in ids:
        if not _JOB_ID.match(job_id):
            raise UsageError(f"'{job_id}' is not a Slurm job id.", code="slurm-id-invalid")
    return ",".join(ids)


def squeue_command(ids: Sequence[str] = (), *, user: str | None = None) -> str:
    """All given jobs that slurmctld still remembers, finished ones included; without ids, all jobs of ``user``.

    ``user`` ``None`` is whoever runs the command. One unknown id alone makes squeue fail with "Invalid job id
    specified", which ``parse_squeue_reply`` knows to mean "none".
    """
    layout = shlex.quote(SEPARATOR.join(QUEUE_FIELDS))
    if ids:
        return f"{_CLOCK} squeue --noheader --states=all --jobs={_ids(ids)} --format={layout}"
    who = '"$(id -un)"' if user is None else shlex.quote(user)
    return f"{_CLOCK} squeue --noheader --states=all --user={who} --format={layout}"


def sacct_command(ids: Sequence[str], start: datetime | None = None) -> str:
    """Every run (``--duplicates``) of the given jobs; always by id, because sacct hides held jobs otherwise.

    ``start`` bounds the search in the database: the earliest submission, with slack for clocks that differ.
    """
    since = f" --starttime={slurm_time(start)}" if start else ""
    return f"{_sacct(ACCOUNTING_FIELDS)} --jobs={_ids(ids)}{since}"


def sacct_variable_command(variable: str, start: datetime | None = None) -> str:
    """The same for the ids, joined by commas, in a variable of the shell that runs it."""
    since = f" --starttime={slurm_time(start)}" if start else ""
    return f'{_sacct(ACCOUNTING_FIELDS)} --jobs="${variable}"{since}'


def sacct_search_command(name: str, start: datetime) -> str:
    """Own jobs of a name since ``start``, with the submit line: to find a job whose id was never heard."""
    return f"{_sacct(SEARCH_FIELDS)} --name={shlex.quote(name)} --starttime={slurm_time(start)}"


def _sacct(fields: Sequence[str]) -> str:
    separator = shlex.quote(SEPARATOR)
    return (
        f"{_CLOCK} sacct --noheader --allocations --duplicates --parsable2 --delimiter={separator}"
        f" --format={','.join(fields)}"
    )


def scancel_command(ids: Sequence[str]) -> str:
    """Cancel pending and running jobs; jobs that ended or are unknown are passed over silently (status 0)."""
    return f"scancel {' '.join(_ids(ids).split(','))}"


def signal_command(job_id: str, signal: str = "USR1") -> str:
    """Send a signal to the job script only: with ``USR1`` it stops NAMD and brings the results home."""
    if signal not in {"USR1", "TERM", "INT"}:
        raise UsageError(f"The job script does not know the signal {signal}.", code="signal-unknown")
    return f"scancel --batch --signal={signal} {_ids([job_id])}"


def sbatch_words(token: str, *, script: str = "job.sbatch") -> str:
    """Submit ``script`` from the job's project folder, where its relative log paths begin; ``token`` as a shell word.

    The token goes into the job's comment, where squeue and sacct show it, and to the script as its argument.
    """
    return f"sbatch --parsable --comment={token} {shlex.quote(script)} {token}"


def sbatch_command(project_dir: str, token: str) -> str:
    """The same as one line for any shell of the Bourne family, for a submission that stands by itself."""
    environment = "env " + " ".join(f"-u {name}" for name in _SBATCH_ENVIRONMENT)
    return f"cd {shlex.quote(project_dir)} && {environment} {sbatch_words(check_token(token))}"


def check_token(token: str) -> str:
    """Raises UsageError (``token-invalid``) for what could be more than one word."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", token):
        raise UsageError("A submission token is letters, digits, dots, dashes.", code="token-invalid")
    return token


def reviewed_environment() -> str:
    """Puts aside what the person's profile sets for sbatch: what was reviewed is what is submitted."""
    return "unset " + " ".join(_SBATCH_ENVIRONMENT)


def try_only_command(project_dir: str, *, script: str = "job.sbatch") -> str:
    """Ask whether, and when, the job would start, without submitting it; the answer is on stderr."""
    return f"cd {shlex.quote(project_dir)} && {_own_environment('')} sbatch --test-only {shlex.quote(script)} test"


def try_only_stdin_command() -> str:
    """The same for a script that is not on the cluster yet: it is read from standard input."""
    return f"cd && {_own_environment('')} sbatch --test-only"


def _own_environment(account: str) -> str:
    names = (*_SBATCH_ENVIRONMENT, *(["SBATCH_ACCOUNT"] if account else []))
    return "env " + " ".join(f"-u {name}" for name in names)

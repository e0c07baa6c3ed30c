"""What sacct says: one row per run of a job, requeued runs included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from namdrunner.slurm.commands import ACCOUNTING_FIELDS, SEARCH_FIELDS, SEPARATOR
from namdrunner.slurm.daemons import daemon_error
from namdrunner.slurm.jobid import parse_job_id
from namdrunner.slurm.state import SlurmState, cancelled_by, parse_state
from namdrunner.slurm.times import parse_duration, parse_time


@dataclass(frozen=True)
class AccountingRow:
    """One run. ``exit_code`` is the job script's; ``exit_signal`` the signal that killed it, 0 for none. Times are UTC.

    A requeued job has several rows with the same id; ``submit_time`` of each is when that run was queued.
    """

    id: str
    job_number: str
    state: SlurmState
    state_text: str
    cancelled_by: str
    exit_code: int
    exit_signal: int
    derived_exit_code: int
    """The highest exit code of a step inside the job."""
    submit_time: datetime | None
    eligible_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    elapsed_s: int | None
    nodes: int | None
    node_list: str
    partition: str
    account: str
    qos: str
    comment: str
    name: str
    submit_line: str = ""


def _pair(text: str) -> tuple[int, int]:
    first, _, second = text.strip().partition(":")
    return (int(first) if first.isdigit() else 0, int(second) if second.isdigit() else 0)


def _text(value: str) -> str:
    value = value.strip()
    return "" if value in {"None assigned", "(null)", "Unknown"} else value


def _row(line: str, fields: Sequence[str], separator: str) -> AccountingRow | None:
    parts = line.split(separator)
    if len(parts) != len(fields) or not parts[0].strip():
        return None
    value = dict(zip(fields, (part.strip() for part in parts), strict=True))
    state = value.get("State", "")
    exit_code, exit_signal = _pair(value.get("ExitCode", ""))
    elapsed, nodes = value.get("ElapsedRaw", ""), value.get("NNodes", "")
    return AccountingRow(
        id=value["JobID"],
        job_number=value.get("JobIDRaw", ""),
        state=parse_state(state),
        state_text=state,
        cancelled_by=cancelled_by(state),
        exit_code=exit_code,
        exit_signal=exit_signal,
        derived_exit_code=_pair(value.get("DerivedExitCode", ""))[0],
        submit_time=parse_time(value.get("Submit", "")),
        eligible_time=parse_time(value.get("Eligible", "")),
        start_time=_start(value),
        end_time=parse_time(value.get("End", "")),
        elapsed_s=int(elapsed) if elapsed.isdigit() else parse_duration(value.get("Elapsed", "")),
        nodes=int(nodes) if nodes.isdigit() else None,
        node_list=_text(value.get("NodeList", "")),
        partition=_text(value.get("Partition", "")),
        account=_text(value.get("Account", "")),
        qos=_text(value.get("QOS", "")),
        comment=_text(value.get("Comment", "")),
        name=value.get("JobName", ""),
        submit_line=value.get("SubmitLine", ""),
    )


def _start(value: Mapping[str, str]) -> datetime | None:
    """``None`` for a job that never ran: cancelled soon after submission, Slurm 22.05 gives it its end as its start."""
    if value.get("NodeList") == "None assigned" and value.get("Start") == value.get("End"):
        return None
    return parse_time(value.get("Start", ""))


def is_placeholder(row: AccountingRow) -> bool:
    """A record that slurmdbd made up because the job's start arrived before the job itself.

    For some seconds after submission it is named "allocation", has no partition and QoS "Unknown", and may claim any
    state (measured on Slurm 22.05); the real record replaces it.
    """
    return row.name == "allocation" and not row.partition and not row.qos


def parse_sacct(
    text: str, *, fields: Sequence[str] | None = None, separator: str = SEPARATOR
) -> tuple[AccountingRow, ...]:
    """Rows in sacct's order, without placeholders, job steps and lines that are not rows.

    ``fields`` are sacct's own names in the order asked for; by default those of ``sacct_command`` or
    ``sacct_search_command``, whichever has as many.
    """
    found = []
    for line in text.split("\n"):
        names = fields or (SEARCH_FIELDS if line.count(separator) + 1 == len(SEARCH_FIELDS) else ACCOUNTING_FIELDS)
        row = _row(line, names, separator)
        if row is not None and parse_job_id(row.id) is not None and not is_placeholder(row):
            found.append(row)
    return tuple(found)


def parse_sacct_reply(stdout: str, stderr: str, exit_status: int) -> tuple[AccountingRow, ...]:
    """Rows; raises ClusterError, CommandTimeoutError or CommandError when accounting is off, down or hung."""
    if exit_status == 0:
        return parse_sacct(stdout)
    raise daemon_error("sacct", stderr, exit_status)


def runs_of(rows: Iterable[AccountingRow], job_id: str) -> tuple[AccountingRow, ...]:
    """All runs of one job, first to last.

    Ordered by submission; of equal times the one that ended is the earlier.
    """
    own = [row for row in rows if row.id == job_id or row.job_number == job_id]

    def order(row: AccountingRow) -> tuple[float, int, float]:
        submitted = row.submit_time.timestamp() if row.submit_time else float("inf")
        ended = row.end_time.timestamp() if row.end_time else float("inf")
        return (submitted, row.end_time is None, ended)

    return tuple(sorted(own, key=order))

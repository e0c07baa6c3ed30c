"""The states of a job, which of them are final, and which may follow which."""

from __future__ import annotations

import enum


class JobState(enum.Enum):
    CREATED = "CREATED"
    UPLOADING = "UPLOADING"
    READY = "READY"
    SUBMITTING = "SUBMITTING"
    SUBMIT_UNKNOWN = "SUBMIT_UNKNOWN"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COLLECTING = "COLLECTING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NODE_FAIL = "NODE_FAIL"
    PREEMPTED = "PREEMPTED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"

    @property
    def final(self) -> bool:
        """No later state is expected; only stronger evidence may still correct it."""
        return self in _FINAL

    @property
    def active(self) -> bool:
        """The cluster has to be asked about it."""
        return self in _ACTIVE

    @property
    def submitted(self) -> bool:
        """Slurm knows, or may know, about it."""
        return self not in _BEFORE_SUBMISSION

    def may_follow(self, previous: JobState) -> bool:
        """Whether the job model allows ``previous -> self`` (staying put is always allowed)."""
        return self is previous or self in _NEXT[previous]


_FINAL = frozenset(
    {
        JobState.COMPLETED,
        JobState.FAILED,
        JobState.TIMEOUT,
        JobState.OUT_OF_MEMORY,
        JobState.NODE_FAIL,
        JobState.PREEMPTED,
        JobState.CANCELLED,
    }
)
_BEFORE_SUBMISSION = frozenset({JobState.CREATED, JobState.UPLOADING, JobState.READY})
_ACTIVE = frozenset(
    {
        JobState.SUBMITTING,
        JobState.SUBMIT_UNKNOWN,
        JobState.PENDING,
        JobState.RUNNING,
        JobState.COLLECTING,
        JobState.UNKNOWN,
    }
)
_ENDS = _FINAL | {JobState.UNKNOWN}
_LIVE = frozenset({JobState.PENDING, JobState.RUNNING, JobState.COLLECTING}) | _ENDS

_NEXT: dict[JobState, frozenset[JobState]] = {
    JobState.CREATED: frozenset({JobState.UPLOADING, JobState.CANCELLED}),
    JobState.UPLOADING: frozenset({JobState.READY, JobState.CREATED, JobState.CANCELLED}),
    JobState.READY: frozenset({JobState.UPLOADING, JobState.SUBMITTING, JobState.CANCELLED}),
    JobState.SUBMITTING: frozenset({JobState.SUBMIT_UNKNOWN, JobState.READY}) | _LIVE,
    JobState.SUBMIT_UNKNOWN: frozenset({JobState.SUBMITTING, JobState.READY}) | _LIVE,
    JobState.PENDING: _LIVE,
    JobState.RUNNING: _LIVE,
    JobState.COLLECTING: _LIVE,
    JobState.UNKNOWN: _LIVE,
    # A final state moves only by stronger evidence: a requeue seen late, a result file that arrives after sacct.
    **dict.fromkeys(_FINAL, _LIVE),
}

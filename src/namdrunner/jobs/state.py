"""The states of a job, and which of them are final."""

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

"""The states Slurm gives a job, which of them are final, and how far along each one is."""

from __future__ import annotations

import enum
import re


class SlurmPhase(enum.Enum):
    """Where a state stands in the life of one run of a job; phases are ordered by ``rank``."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDING = "ending"
    ENDED = "ended"

    @property
    def rank(self) -> int:
        return list(SlurmPhase).index(self)


class SlurmState(enum.Enum):
    """Every state of squeue and sacct, by its long name (squeue(1) and sacct(1), JOB STATE CODES).

    ``UNKNOWN`` stands for a word this list does not have.
    """

    PENDING = "PENDING"
    CONFIGURING = "CONFIGURING"
    REQUEUED = "REQUEUED"
    REQUEUE_FED = "REQUEUE_FED"
    REQUEUE_HOLD = "REQUEUE_HOLD"
    RESV_DEL_HOLD = "RESV_DEL_HOLD"
    SPECIAL_EXIT = "SPECIAL_EXIT"
    POWER_UP_NODE = "POWER_UP_NODE"
    EXPEDITING = "EXPEDITING"
    RUNNING = "RUNNING"
    RESIZING = "RESIZING"
    SIGNALING = "SIGNALING"
    STOPPED = "STOPPED"
    SUSPENDED = "SUSPENDED"
    STAGE_OUT = "STAGE_OUT"
    COMPLETING = "COMPLETING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NODE_FAIL = "NODE_FAIL"
    PREEMPTED = "PREEMPTED"
    BOOT_FAIL = "BOOT_FAIL"
    DEADLINE = "DEADLINE"
    LAUNCH_FAILED = "LAUNCH_FAILED"
    RECONFIG_FAIL = "RECONFIG_FAIL"
    REVOKED = "REVOKED"
    UNKNOWN = "UNKNOWN"

    @property
    def phase(self) -> SlurmPhase:
        return _PHASE.get(self, SlurmPhase.ENDED)

    @property
    def final(self) -> bool:
        """This run is over and Slurm will not start another one by itself.

        ``REQUEUED`` ends a run but not the job; ``UNKNOWN`` says nothing.
        """
        return self.phase is SlurmPhase.ENDED and self not in _NOT_FINAL

    @property
    def may_be_requeued(self) -> bool:
        """A final state after which the site may put the job back into the queue (node failure, preemption)."""
        return self in _REQUEUEABLE

    @property
    def waiting(self) -> bool:
        return self.phase is SlurmPhase.WAITING

    @property
    def running(self) -> bool:
        return self.phase in {SlurmPhase.RUNNING, SlurmPhase.ENDING}


_PHASE = {
    **dict.fromkeys(
        (
            SlurmState.PENDING,
            SlurmState.CONFIGURING,
            SlurmState.REQUEUE_FED,
            SlurmState.REQUEUE_HOLD,
            SlurmState.RESV_DEL_HOLD,
            SlurmState.SPECIAL_EXIT,
            SlurmState.POWER_UP_NODE,
            SlurmState.EXPEDITING,
        ),
        SlurmPhase.WAITING,
    ),
    **dict.fromkeys(
        (
            SlurmState.RUNNING,
            SlurmState.RESIZING,
            SlurmState.SIGNALING,
            SlurmState.STOPPED,
            SlurmState.SUSPENDED,
        ),
        SlurmPhase.RUNNING,
    ),
    SlurmState.COMPLETING: SlurmPhase.ENDING,
    SlurmState.STAGE_OUT: SlurmPhase.ENDING,
}
_NOT_FINAL = frozenset({SlurmState.REQUEUED, SlurmState.UNKNOWN, SlurmState.REVOKED})
_REQUEUEABLE = frozenset({SlurmState.NODE_FAIL, SlurmState.PREEMPTED, SlurmState.BOOT_FAIL})

_COMPACT = {
    "PD": SlurmState.PENDING,
    "CF": SlurmState.CONFIGURING,
    "RQ": SlurmState.REQUEUED,
    "RF": SlurmState.REQUEUE_FED,
    "RH": SlurmState.REQUEUE_HOLD,
    "RD": SlurmState.RESV_DEL_HOLD,
    "SE": SlurmState.SPECIAL_EXIT,
    "R": SlurmState.RUNNING,
    "RS": SlurmState.RESIZING,
    "SI": SlurmState.SIGNALING,
    "ST": SlurmState.STOPPED,
    "S": SlurmState.SUSPENDED,
    "SO": SlurmState.STAGE_OUT,
    "CG": SlurmState.COMPLETING,
    "CD": SlurmState.COMPLETED,
    "CA": SlurmState.CANCELLED,
    "F": SlurmState.FAILED,
    "TO": SlurmState.TIMEOUT,
    "OOM": SlurmState.OUT_OF_MEMORY,
    "NF": SlurmState.NODE_FAIL,
    "PR": SlurmState.PREEMPTED,
    "BF": SlurmState.BOOT_FAIL,
    "DL": SlurmState.DEADLINE,
    "LF": SlurmState.LAUNCH_FAILED,
    "RV": SlurmState.REVOKED,
}
_CANCELLED_BY = re.compile(r"^CANCELLED by (\S+)$", re.IGNORECASE)


def parse_state(text: str) -> SlurmState:
    """A long name, a compact one, ``CANCELLED by 1001``, or a name cut short with ``+`` (``OUT_OF_ME+``)."""
    word = text.strip()
    if _CANCELLED_BY.match(word):
        return SlurmState.CANCELLED
    word = word.upper()
    if word in SlurmState.__members__:
        return SlurmState[word]
    if word in _COMPACT:
        return _COMPACT[word]
    if word.endswith("+") and len(word) > 2:
        matches = [state for state in SlurmState if state.value.startswith(word[:-1])]
        if len(matches) == 1:
            return matches[0]
    return SlurmState.UNKNOWN


def cancelled_by(text: str) -> str:
    """Who cancelled it (a numeric user id, or ``0`` for root) from sacct's ``CANCELLED by N``; empty when not said."""
    match = _CANCELLED_BY.match(text.strip())
    return match.group(1) if match else ""

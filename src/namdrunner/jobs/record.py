"""The record of a job: what ``job_info.json`` on the cluster holds, and all that is needed to rebuild it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from namdrunner.jobs.state import JobState
from namdrunner.slurm.resources import Resources


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class InputFile(_Model):
    """A file uploaded for the job. ``name`` is its path below ``input_files/``."""

    name: str
    bytes: int
    sha256: str
    role: str = ""
    """Keyword that names it (``structure``, ``parameters`` ...), lower case."""
    source: str = ""
    """Where it came from on the person's machine."""


class OutputFile(_Model):
    """A result in ``outputs/`` or a log in ``logs/``; ``name`` is its path below the project folder."""

    name: str
    bytes: int
    modified_at: datetime
    sha256: str | None = None


class RunPlan(_Model):
    """How NAMD is started inside the run folder, and what it is expected to do.

    ``inputs_dir`` is where ``input_files/`` lands in the run folder (``input_files`` for templates, ``.`` for a
    config of the user's own); ``config`` is the config's path in the run folder. Steps are MD or minimisation steps.
    """

    inputs_dir: str = "input_files"
    config: str = "config.namd"
    output_dirs: tuple[str, ...] = ("outputs",)
    output_names: tuple[str, ...] = ()
    first_step: int = 0
    target_step: int | None = None
    timestep_fs: float = 1.0
    atoms: int | None = None


class TemplateRef(_Model):
    id: str
    version: str = "v1"


class Submission(_Model):
    """One attempt to submit. ``slurm_id`` is empty until Slurm is known to have accepted it."""

    token: str
    at: datetime
    slurm_id: str = ""


class ContinuationNote(_Model):
    """Where a continued job starts from: ``from_step`` of the restart set that was chosen, for ``reason``.

    ``kind``: ``continue`` goes on with the parent's plan, ``start`` does it again from its beginning, ``stage`` is
    another config from the parent's end. ``segment`` counts the jobs of a plan that goes on, from 1; ``plan_first``
    is the step at which that plan begins, in its first segment.
    """

    kind: Literal["continue", "start", "stage"] = "continue"
    segment: int = 1
    from_step: int = 0
    from_files: tuple[str, ...] = ()
    plan_first: int = 0
    reason: str = ""


class ChainNote(_Model):
    """A job that continues itself on the cluster: its successors are made and submitted by the job script.

    ``home``: the chain's folder on the cluster; ``base``: the id of its first job, with which all ids begin;
    ``number`` counts its jobs; ``until``: the step at which it is done; ``seconds``: how long all may run, 0: no limit.
    """

    home: str
    base: str
    number: int = 1
    until: int
    max_jobs: int
    seconds: int = 0
    cycle: int = 20
    overlay: str = ""
    colvars: bool = False


class JobRecord(_Model):
    """Everything lasting about a job but its state; written by the server as ``job_info.json``."""

    version: Literal[1] = 1
    id: str
    name: str
    cluster: str
    created_at: datetime
    template: TemplateRef | None = None
    values: dict[str, Any] = Field(default_factory=dict)
    resources: Resources
    recipe: str = ""
    inputs: tuple[InputFile, ...] = ()
    run: RunPlan = RunPlan()
    project_dir: str
    scratch_dir: str
    submissions: tuple[Submission, ...] = ()
    parent: str | None = None
    continuation: ContinuationNote | None = None
    chain: ChainNote | None = None
    notes: str = ""
    namdrunner: str = ""
    """Version of NAMDRunner that wrote it."""

    @property
    def slurm_ids(self) -> tuple[str, ...]:
        return tuple(s.slurm_id for s in self.submissions if s.slurm_id)


class JobProgress(_Model):
    step: int | None = None
    target_step: int | None = None
    ns_per_day: float | None = None
    eta_s: float | None = None


class LogFacts(_Model):
    """What NAMD's log shows of the run's end, read as far as it goes."""

    last_step: int | None = None
    final_output_step: int | None = None
    """N of the last ``WRITING VELOCITIES TO OUTPUT FILE AT STEP N``."""
    end_of_program: bool = False
    fatal_error: bool = False
    """An error line; margin violations are warnings and do not count."""
    memory_bytes: int | None = None
    """What NAMD says it used: of its first process, where it ran as several."""


class Evidence(_Model):
    """One observation about a job: who said it, when, what it means, in words."""

    source: Literal["result", "sacct", "squeue", "log", "outputs", "server", "receipt"]
    at: datetime
    says: str
    state: JobState | None = None
    weight: int = 0


class JobStatus(_Model):
    """What is known of the job now; kept by the server, rebuilt by a sync."""

    state: JobState
    reason: str = ""
    remedy: str = ""
    queue_reason: str = ""
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    progress: JobProgress = JobProgress()
    evidence: tuple[Evidence, ...] = ()
    diagnosis: tuple[dict[str, Any], ...] = ()
    outputs: tuple[OutputFile, ...] = ()
    log: LogFacts | None = None
    last_energies: dict[str, float] = Field(default_factory=dict)
    synced_at: datetime | None = None
    missing_since: datetime | None = None
    """Since when an answering queue does not list it although its end is not established."""
    weight: int = 0
    """Of the evidence that decided the state."""
    left_in_scratch: bool = False
    """It has ended, and what it wrote could not be brought to the project folder yet."""
    stale: str = ""
    """Why what is shown may be out of date; empty when it is not."""

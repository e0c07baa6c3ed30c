"""``result.json``: what the job script's exit trap says of one run of the job."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from namdrunner.errors import InputError


class JobResult(BaseModel):
    """Written atomically by the job script, read by the server.

    Times are seconds since the epoch on the compute node. ``exit_code`` is NAMD's (128+n when a signal killed it),
    ``None`` when NAMD never started; ``stage`` is how far the script came.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = 1
    job_id: str
    token: str
    slurm_job_id: str
    restart_count: int = 0
    host: str = ""
    started_at: int
    ended_at: int
    stage: Literal["setup", "stage-in", "namd", "stage-out", "done"]
    exit_code: int | None = None
    signal: str = ""
    """Signal the script itself was sent, e.g. ``USR1`` before the time limit or ``TERM`` on cancel."""
    error: str = ""
    """One sentence when something other than NAMD failed (module, stage-in, stage-out)."""
    last_step: int | None = None
    """Last step of an ``ENERGY:`` line or of a written output file, from the log."""
    final_output_step: int | None = None
    """N of ``WRITING VELOCITIES TO OUTPUT FILE AT STEP N``, the last one."""
    end_of_program: bool = False
    fatal_error: bool = False
    """A line of the log starts with ``FATAL ERROR`` or ``ERROR:``."""
    staged_out: bool = False
    files: int = 0
    bytes: int = 0


def parse_result(text: str) -> JobResult:
    """Raises InputError (``result-invalid``) when the text is not a whole, valid result."""
    try:
        return JobResult.model_validate(json.loads(text))
    except (ValueError, ValidationError) as error:
        raise InputError(
            "The job's result.json cannot be read.",
            code="result-invalid",
            remedy="Look at the job's logs; sync again if the file was still being written.",
            context={"reason": str(error)[:500]},
        ) from error

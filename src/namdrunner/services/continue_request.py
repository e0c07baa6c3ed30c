"""What a person asks for when continuing a job."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from namdrunner.errors import InputError, UsageError
from namdrunner.services.job_request import ResourceRequest

_TIME = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(fs|ps|ns|us)\s*$", re.IGNORECASE)
_FS = {"fs": 1.0, "ps": 1e3, "ns": 1e6, "us": 1e9}


class ContinueRequest(BaseModel):
    """How far, from where, on what. Without ``steps`` and ``time`` it goes on to the end of the job's own plan.

    ``checkpoint`` is the step of a restart set, the newest usable one when None. ``template`` or ``values`` make the
    child a stage of its own, from the end of the parent; ``values`` alone change the parent's template's. ``suggested``
    takes the resources that the parent's end suggests where none are given. ``from_start``: the parent's plan again.
    ``max_segments``: the job goes on by itself on the cluster until it is done, in at most so many jobs, which together
    may cost at most ``max_su`` service units.
    """

    model_config = ConfigDict(extra="forbid")

    checkpoint: int | None = Field(default=None, ge=0)
    steps: int | None = Field(default=None, ge=1)
    time: str | None = None
    until_done: bool = False
    from_start: bool = False
    max_segments: int | None = Field(default=None, ge=1, le=999)
    max_su: float | None = Field(default=None, gt=0)
    name: str | None = None
    template: str | None = None
    values: dict[str, Any] = Field(default_factory=dict)
    cluster: str | None = None
    resources: ResourceRequest = ResourceRequest()
    suggested: bool = False
    submit: bool = False
    force: bool = False

    @property
    def stage(self) -> bool:
        """Another config, not more of the same."""
        return self.template is not None or bool(self.values)

    def steps_of(self, timestep_fs: float) -> int | None:
        """How many more steps are asked for. Raises UsageError (``length-twice``), InputError (``time-invalid``)."""
        if len([1 for given in (self.steps, self.time, self.until_done or None) if given is not None]) > 1:
            raise UsageError(
                "How far it should go is said twice.",
                code="length-twice",
                remedy="Give one of --steps, --time and --until-done.",
            )
        if self.time is None:
            return self.steps
        match = _TIME.match(self.time)
        if match is None or timestep_fs <= 0:
            raise InputError(
                f"'{self.time}' is not a length of time.", code="time-invalid", remedy="Write for example '5 ns'."
            )
        return max(round(float(match[1]) * _FS[match[2].lower()] / timestep_fs), 1)

"""Why a job waits, in words."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict

ReasonKind = Literal["queue", "limit", "held", "cluster", "never"]


class ReasonEntry(BaseModel):
    """One entry of ``data/reasons.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str
    kind: ReasonKind
    message: str
    remedy: str = ""


class ReasonWords(BaseModel):
    """What a reason means. ``kind`` ``never``: the job will not start as it is. ``known``: the list has this reason."""

    model_config = ConfigDict(frozen=True)

    reason: str
    kind: ReasonKind
    message: str
    remedy: str = ""
    known: bool = True


@cache
def catalogue() -> tuple[ReasonEntry, ...]:
    text = resources.files("namdrunner.slurm").joinpath("data/reasons.toml").read_text(encoding="utf-8")
    return tuple(ReasonEntry.model_validate(entry) for entry in tomllib.loads(text)["reason"])


def explain_reason(reason: str) -> ReasonWords:
    """Words for squeue's ``%r``; a reason that is not in the list is quoted as Slurm says it."""
    reason = reason.strip().strip("()")
    for entry in catalogue():
        if re.fullmatch(entry.pattern, reason, re.IGNORECASE):
            return ReasonWords(reason=reason, kind=entry.kind, message=entry.message, remedy=entry.remedy)
    return ReasonWords(reason=reason, kind="queue", message=f"Slurm says: {reason}.", known=False)

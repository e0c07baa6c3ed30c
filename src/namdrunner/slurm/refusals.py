"""Why sbatch refused a job, in words, and whether the job may exist all the same."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from namdrunner.errors import SubmissionError
from namdrunner.slurm.reasons import explain_reason


class Refusal(BaseModel):
    """One entry of ``data/refusals.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    pattern: str
    message: str
    remedy: str
    retryable: bool = False
    ambiguous: bool = False


@cache
def catalogue() -> tuple[Refusal, ...]:
    text = resources.files("namdrunner.slurm").joinpath("data/refusals.toml").read_text(encoding="utf-8")
    return tuple(Refusal.model_validate(entry) for entry in tomllib.loads(text)["refusal"])


def refusal(stderr: str, exit_status: int) -> SubmissionError:
    """The error for an sbatch that failed. ``context['ambiguous']`` is true where the job may have been created.

    No known words at all and an sbatch that was killed leave it open whether Slurm took the job; a site's own
    refusal (a submit plugin) is passed on in its own words.
    """
    context: dict[str, object] = {"stderr": stderr.strip()[:4000], "exit_status": exit_status, "ambiguous": False}
    for entry in catalogue():
        match = re.search(entry.pattern, stderr + "\n", re.IGNORECASE)
        if match:
            limit = match.groupdict().get("limit") or ""
            message, remedy = entry.message.format(limit=limit), entry.remedy
            words = explain_reason(limit) if limit else None
            if words is not None and words.known:
                message, remedy = f"The job is over a limit of the cluster: {words.message}", words.remedy or remedy
            context["ambiguous"] = entry.ambiguous
            return SubmissionError(message, code=entry.code, remedy=remedy, retryable=entry.retryable, context=context)
    words_of_site = _own_words(stderr)
    if words_of_site:
        return SubmissionError(
            f"The cluster refused the job: {words_of_site}",
            code="submission-refused",
            remedy="Change what the cluster's words name, then submit again.",
            context=context,
        )
    context["ambiguous"] = True
    return SubmissionError(
        "sbatch ended without saying whether it took the job.",
        code="submission-unclear",
        remedy="Nothing to do: NAMDRunner looks for the job before it submits again.",
        retryable=True,
        context=context,
    )


def is_ambiguous(error: SubmissionError) -> bool:
    """Whether the queue and the receipt must be asked before the job is submitted again."""
    return bool(error.context.get("ambiguous", False))


def _own_words(stderr: str) -> str:
    lines = []
    for line in stderr.splitlines():
        line = re.sub(r"^sbatch: (?:error: )?", "", line.strip())
        line = re.sub(r"^Batch job submission failed:\s*", "", line)
        if line and not line.startswith("Try "):
            lines.append(line)
    return " ".join(lines)[:1000]

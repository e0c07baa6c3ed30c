"""Documents about long work and about questions to the person."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from namdrunner.server.schemas.base import Answer, Body, ErrorObject, JsonObject


class TaskProgress(Answer):
    bytes: int = 0
    total: int = 0
    files: int = 0
    files_total: int = 0
    file: str = ""
    rate_bytes_per_s: float = 0.0
    eta_s: float | None = None


class TaskDocument(Answer):
    """Work that goes on whether or not anybody watches; ``result`` depends on ``kind``."""

    id: str
    kind: str
    job: str | None = None
    cluster: str | None = None
    state: Literal["running", "done", "failed", "cancelled"]
    pausable: bool = False
    """Whether it is moving files now and can be paused."""
    paused: bool = False
    message: str = ""
    progress: TaskProgress | None = None
    error: ErrorObject | None = None
    result: JsonObject | None = None
    started_at: str | None = None
    ended_at: str | None = None


class TaskList(Answer):
    tasks: list[TaskDocument]


class PromptField(Answer):
    text: str
    echo: bool = False


class PromptDocument(Answer):
    """A question only a person can answer, in the cluster's own words."""

    id: str
    cluster: str
    kind: Literal["password", "passphrase", "keyboard-interactive", "host-key"]
    title: str
    instructions: str = ""
    fields: list[PromptField] = Field(default_factory=list)
    details: dict[str, str] = Field(default_factory=dict)
    created_at: str | float | None = None


class PromptList(Answer):
    prompts: list[PromptDocument]


class PromptAnswer(Body):
    """One answer per field, in order."""

    answers: list[str]

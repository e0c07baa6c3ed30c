"""Common ground of the documents."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JsonObject = dict[str, Any]


class Answer(BaseModel):
    """What the server sends. Fields that are not named here are passed on, so that nothing known gets lost."""

    model_config = ConfigDict(extra="allow")


class Body(BaseModel):
    """What a client sends. Unknown fields are refused: a misspelled one must not be silently ignored."""

    model_config = ConfigDict(extra="forbid")


class ErrorObject(Answer):
    code: str
    kind: str = ""
    message: str
    remedy: str = ""
    retryable: bool = False
    context: JsonObject = Field(default_factory=dict)


class CheckItem(Answer):
    name: str
    ok: bool
    message: str = ""
    remedy: str = ""


class CheckList(Answer):
    checks: list[CheckItem]
    ok: bool


class Done(Answer):
    """The request was carried out; there is nothing to say about it."""

    ok: Literal[True] = True

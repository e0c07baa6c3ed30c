"""Documents about templates."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from namdrunner.server.schemas.base import Answer, Body, JsonObject


class TemplateSummary(Answer):
    id: str
    version: str = ""
    title: str = ""
    description: str = ""


class TemplateDocument(TemplateSummary):
    variables: list[JsonObject] = Field(default_factory=list)
    text: str = ""


class TemplateList(Answer):
    templates: list[TemplateSummary]


class RenderRequest(Body):
    values: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, list[str]] = Field(default_factory=dict)


class RenderedTemplate(Answer):
    text: str
    values: JsonObject = Field(default_factory=dict)
    steps: int | None = None


class ValidateRequest(Body):
    text: str


class TemplateValidation(Answer):
    ok: bool
    problems: list[JsonObject] = Field(default_factory=list)

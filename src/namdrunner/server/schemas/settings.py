"""Documents about settings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from namdrunner.server.schemas.base import Answer, Body


class SettingDocument(Answer):
    """``value``: what counts now; ``set``: it was chosen, and is not merely the default."""

    key: str
    type: Literal["text", "integer", "number", "boolean", "choice", "folder"]
    label: str
    help: str
    default: str | int | float | bool | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str
    choices: list[str]
    value: str | int | float | bool | None = None
    set: bool


class SettingsDocument(Answer):
    """``sections``: titles by the first part of the keys; ``problems``: what of the file cannot be used, in words."""

    path: str
    sections: dict[str, str]
    settings: list[SettingDocument]
    problems: list[str]


class ChangeRequest(Body):
    """``changes``: values by key; ``null`` goes back to the default. All of them are made, or none."""

    changes: dict[str, str | int | float | bool | None] = Field(max_length=100)


class SettingsExport(Answer):
    """Everything a person set up; no secrets."""

    namdrunner: str
    format: int
    settings: dict[str, Any]
    clusters: list[dict[str, Any]]
    profiles: dict[str, str]
    templates: dict[str, str]


class SettingsImportRequest(Body):
    """``text``: of an exported file; ``replace``: also what is here already."""

    text: str
    replace: bool = False


class SettingsImported(Answer):
    """What was done with each part, by name; ``kept``: it was here already."""

    added: list[str]
    replaced: list[str]
    kept: list[str]
    problems: list[str]

"""Documents about templates."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from namdrunner.server.schemas.base import Answer, Body, JsonObject


class VariableCondition(Answer):
    """The variable counts only while ``variable`` has ``value``."""

    variable: str
    value: Any


class VariableDocument(Answer):
    """One variable of a template, as its form shows it. ``choices``: for ``choice``; ``extensions``: for files."""

    name: str
    type: Literal["number", "integer", "text", "boolean", "choice", "file", "files", "time", "cell"]
    optional: bool
    required: bool
    label: str
    unit: str
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    choices: list[str]
    extensions: list[str]
    help: str
    when: VariableCondition | None = None
    unless: str | None = None
    line: int


class TemplateHead(Answer):
    """``source``: the file it was read from. ``kind``: the type of job; ``clusters``: those it is meant for, if any."""

    id: str
    version: str
    title: str
    description: str
    source: str
    kind: str
    clusters: list[str]
    uses: int | None = None
    """How many jobs here were made with it."""
    problem: str = ""
    """Why it cannot be used, for a file of one's own that is damaged."""


class TemplateSummary(TemplateHead):
    """``variables``: how many there are."""

    variables: int


class TemplateDocument(TemplateHead):
    variables: list[VariableDocument]
    text: str


class TemplateList(Answer):
    templates: list[TemplateSummary]


class RenderRequest(Body):
    values: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, list[str]] = Field(default_factory=dict)


class RenderTextRequest(RenderRequest):
    """``text``: of a template, which need not be kept."""

    text: str


class SaveRequest(Body):
    """``replace``: also when there is one of that id. ``base``: the version the text was made from."""

    text: str
    replace: bool = False
    base: int | None = None


class TemplateVersion(Answer):
    """One text it had; versions count from 1."""

    number: int
    saved_at: str
    bytes: int
    current: bool


class TemplateHistory(Answer):
    """Newest first."""

    id: str
    versions: list[TemplateVersion]


class TemplateVersionText(Answer):
    id: str
    number: int
    text: str


class TemplateDiff(Answer):
    """``diff``: as ``diff -u`` prints it; empty when nothing differs."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    old: int = Field(alias="from")
    new: int = Field(alias="to")
    diff: str


class RestoreVersionRequest(Body):
    """``number``: 0 is what comes with NAMDRunner; none: the version before, or the last one of a deleted template."""

    number: int | None = Field(default=None, ge=0)


class DuplicateRequest(Body):
    """``id``: of the copy; none: ``ID_copy``."""

    id: str | None = None


class ImportRequest(Body):
    """``files``: texts by relative name; one file, or the small files of a folder."""

    files: dict[str, str] = Field(min_length=1, max_length=200)
    replace: bool = False


class ImportFolderRequest(Body):
    """``folder``: an absolute path on the computer of the server."""

    folder: str
    replace: bool = False


class ImportedDocument(Answer):
    """``named``: the files as the config wrote them, per variable; ``files``: those that are there, whole paths."""

    name: str
    template: TemplateHead
    named: dict[str, list[str]]
    files: dict[str, list[str]]
    notes: list[str]


class SkippedFile(Answer):
    name: str
    reason: str


class ImportResult(Answer):
    imported: list[ImportedDocument]
    skipped: list[SkippedFile]


class RenderedFile(Answer):
    """``name``: its path below ``input_files``."""

    source: str
    name: str


class RenderedTemplate(Answer):
    """``steps``: what times became, in steps, by variable; ``notes``: what was rounded or chosen, in words."""

    text: str
    values: JsonObject
    files: dict[str, list[RenderedFile]]
    steps: dict[str, int]
    steps_per_cycle: int | None = None
    timestep_fs: float | None = None
    notes: list[str]


class ValidateRequest(Body):
    text: str


class TemplateProblem(Answer):
    code: str
    severity: Literal["error", "warning"]
    message: str
    remedy: str
    line: int
    variable: str


class TemplateValidation(Answer):
    """``template``: what it is; ``None`` when it cannot be used."""

    ok: bool
    problems: list[TemplateProblem]
    template: TemplateSummary | None = None
    variables: list[VariableDocument] = Field(default_factory=list)

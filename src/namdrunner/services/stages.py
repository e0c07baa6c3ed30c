"""The next stage of a job: another template, or the same with other values, on the parent's files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from namdrunner.errors import InputError
from namdrunner.jobs.record import InputFile, JobRecord, TemplateRef
from namdrunner.services.continue_request import ContinueRequest
from namdrunner.services.templates import TemplateService

if TYPE_CHECKING:
    from namdrunner.services.checkpoints import Checkpoints

_STARTS = ("bincoordinates_file", "binvelocities_file", "extended_system_file")
"""Variables that say where a template starts from; a continuation says that itself."""


@dataclass(frozen=True)
class StageConfig:
    """``files``: the parent's input for each name below ``input_files/``."""

    template: TemplateRef
    text: str
    values: dict[str, Any]
    files: dict[str, str]
    output_dirs: tuple[str, ...] = ("outputs",)


def next_stage(
    templates: TemplateService, record: JobRecord, request: ContinueRequest, found: Checkpoints
) -> StageConfig:
    """Render the template with the parent's files and values where their names agree.

    Raises InputError (``stage-without-template``), NotFoundError, TemplateError.
    """
    template_id = request.template or (record.template.id if record.template else None)
    if template_id is None:
        raise InputError(
            "The job was not made from a template, so it has no values to change.",
            code="stage-without-template",
            remedy="Name a template for the next stage: --template ID.",
        )
    document = templates.get(template_id)
    variables = {v["name"]: v for v in document["variables"]}
    same = record.template is not None and record.template.id == template_id
    values: dict[str, Any] = {}
    for name, value in record.values.items():
        if name in variables and _kind(variables[name]) not in ("file", "files") and (same or _general(name)):
            values[name] = value
    if "run" in (variables.get("mode", {}).get("choices") or ()):
        values["mode"] = "run"  # what was minimised stays so
    values |= request.values
    cell = _cell(found)
    if cell is not None:
        values |= {name: cell for name, v in variables.items() if _kind(v) == "cell" and name not in request.values}
    files, sources = _files(variables, record)
    rendered = templates.render(template_id, values, files)
    placed = {entry["name"]: sources[entry["source"]] for group in rendered["files"].values() for entry in group}
    version = str(document.get("version", "v1"))
    return StageConfig(TemplateRef(id=template_id, version=version), rendered["text"], rendered["values"], placed)


def _kind(variable: dict[str, Any]) -> str:
    return str(variable.get("type", "")).rstrip("?")


def _general(name: str) -> bool:
    """Values that mean the same in every template."""
    return name in ("temperature", "pressure", "timestep", "langevin_damping", "pme_grid_spacing")


def _cell(found: Checkpoints) -> Any:
    from namdrunner.templates.cell import CellValue

    chosen = found.choice.chosen
    system = chosen.cell if chosen is not None else None
    if system is None or any(vector is None for vector in system.vectors):
        return None
    a, b, c = system.vectors
    assert a is not None
    assert b is not None
    assert c is not None
    return CellValue(a, b, c, system.origin)


def _files(variables: dict[str, Any], record: JobRecord) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Paths as the renderer wants them, by variable, and the parent's input for each path."""
    by_source = {f.source: f for f in record.inputs if f.source}
    given: dict[str, list[str]] = {}
    sources: dict[str, str] = {}
    for name, variable in variables.items():
        kind = _kind(variable)
        if kind not in ("file", "files") or name in _STARTS:
            continue
        inputs = _before(record.values.get(name), by_source) or _alike(variable, kind, record)
        for file in inputs:
            path = "/" + PurePosixPath(file.name).name
            given.setdefault(name, []).append(path)
            sources[path] = file.name
    return given, sources


def _before(value: Any, by_source: dict[str, InputFile]) -> list[InputFile]:
    paths = value if isinstance(value, list | tuple) else [value] if isinstance(value, str) else []
    return [by_source[path] for path in paths if path in by_source]


def _alike(variable: dict[str, Any], kind: str, record: JobRecord) -> list[InputFile]:
    """Inputs of a role that the variable's name speaks of, else of its endings where there is one only."""
    name = str(variable["name"])
    roles = {"structure_file": "structure", "coordinates_file": "coordinates", "parameter_files": "parameters"}
    by_role = [f for f in record.inputs if f.role.lower() == roles.get(name, "-")]
    if by_role:
        return by_role if kind == "files" else by_role[:1]
    if variable.get("optional") or not variable.get("required", True):
        return []
    endings = tuple(str(e) for e in variable.get("extensions") or ())
    found = [f for f in record.inputs if endings and f.name.lower().endswith(endings)]
    return found if kind == "files" else found if len(found) == 1 else []

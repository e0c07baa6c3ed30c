"""A template with values becomes a NAMD config."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from os import PathLike
from typing import Any

import jinja2

from namdrunner.errors import TemplateError
from namdrunner.templates.cell import CellValue
from namdrunner.templates.filenames import FileNames, RenderedFile
from namdrunner.templates.model import Problem, Template, VariableType
from namdrunner.templates.parser import error_of
from namdrunner.templates.quantities import MAX_STEPS, format_time, whole_cycles
from namdrunner.templates.sandbox import MAX_OUTPUT_CHARACTERS, LoopedFiles, NoValue, make_environment
from namdrunner.templates.tcl import tcl_escape
from namdrunner.templates.values import check_values

INPUTS = "input_files"
_DEFAULT_STEPS_PER_CYCLE = 20
_DEFAULT_TIMESTEP_FS = 1


@dataclass(frozen=True)
class RenderedTime:
    """A time as it will be simulated: ``steps`` is a multiple of the steps per cycle, at least what was asked for."""

    variable: str
    asked: str
    steps: int
    femtoseconds: float
    rounded: bool


@dataclass(frozen=True)
class RenderedConfig:
    """``values`` are what was used, ready for JSON; ``files`` maps a variable to its files in order."""

    text: str
    values: dict[str, Any]
    files: dict[str, tuple[RenderedFile, ...]]
    times: tuple[RenderedTime, ...] = ()
    timestep_fs: float = float(_DEFAULT_TIMESTEP_FS)
    steps_per_cycle: int = _DEFAULT_STEPS_PER_CYCLE
    notes: tuple[str, ...] = field(default=())
    """What a person should know, e.g. that a time was rounded."""

    @property
    def input_names(self) -> tuple[RenderedFile, ...]:
        """Every input file once."""
        return tuple(dict.fromkeys(file for files in self.files.values() for file in files))

    def document(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "values": self.values,
            "files": {
                name: [{"source": f.source, "name": f.name} for f in files] for name, files in self.files.items()
            },
            "steps": {time.variable: time.steps for time in self.times},
            "steps_per_cycle": self.steps_per_cycle,
            "timestep_fs": self.timestep_fs,
            "notes": list(self.notes),
        }


def render(
    template: Template,
    values: Mapping[str, Any] | None = None,
    files: Mapping[str, str | PathLike[str] | Sequence[str | PathLike[str]]] | None = None,
) -> RenderedConfig:
    """The config with every value checked. No file is opened; ``files`` are paths on the person's machine.

    Raises TemplateError naming variable and line, with all problems in ``context['problems']``.
    """
    paths = {name: _paths(given) for name, given in (files or {}).items()}
    resolved, problems = check_values(template, values or {}, paths)
    if problems:
        raise error_of(problems, template.source)
    clock = _clock(template, resolved)
    times = _times(template, resolved, clock, values or {})
    names = FileNames()
    rendered_files = {
        variable.name: tuple(names.name(path) for path in resolved[variable.name])
        for variable in template.variables
        if variable.is_file and resolved[variable.name]
    }
    text = _write(template, _context(template, resolved, times, rendered_files))
    return RenderedConfig(
        text=text,
        values=_plain(template, resolved, times),
        files=rendered_files,
        times=tuple(times.values()),
        timestep_fs=float(clock[0]),
        steps_per_cycle=clock[1],
        notes=tuple(_note(template, time) for time in times.values() if time.rounded),
    )


def _paths(given: str | PathLike[str] | Sequence[str | PathLike[str]]) -> list[str]:
    return [str(given)] if isinstance(given, str | PathLike) else [str(path) for path in given]


def _clock(template: Template, resolved: Mapping[str, Any]) -> tuple[Fraction, int]:
    """Timestep in fs and steps per cycle, as the template's own lines set them, else NAMD's defaults (1 fs, 20)."""
    timestep = _setting(template, "timestep", resolved)
    cycle = _setting(template, "stepspercycle", resolved)
    return (
        timestep if timestep is not None and timestep > 0 else Fraction(_DEFAULT_TIMESTEP_FS),
        int(cycle) if cycle is not None and cycle >= 1 else _DEFAULT_STEPS_PER_CYCLE,
    )


def _setting(template: Template, keyword: str, resolved: Mapping[str, Any]) -> Fraction | None:
    pattern = rf"^[ \t]*{keyword}[ \t=]+(?:\{{\{{-?[ \t]*(\w+)[ \t]*-?\}}\}}|([\d.]+))"
    match = re.search(pattern, template.body, re.IGNORECASE | re.MULTILINE)
    if not match:
        return None
    value = resolved.get(match.group(1)) if match.group(1) else match.group(2)
    try:
        return Fraction(str(value)) if value is not None else None
    except (ValueError, ZeroDivisionError):
        return None


def _times(
    template: Template, resolved: Mapping[str, Any], clock: tuple[Fraction, int], values: Mapping[str, Any]
) -> dict[str, RenderedTime]:
    timestep, cycle = clock
    found = {}
    for variable in template.variables:
        value = resolved[variable.name]
        if variable.type is not VariableType.TIME or value is None:
            continue
        wanted = value[1] / timestep if value[0] == "fs" else value[1]
        steps = whole_cycles(wanted, cycle)
        if steps > MAX_STEPS:
            problem = Problem(
                "too-many-steps",
                f"'{variable.label}' ({variable.name}) makes {steps} steps; NAMD counts to {MAX_STEPS}.",
                f"Ask for at most {format_time(MAX_STEPS // cycle * cycle * timestep)}, then continue the job.",
                line=variable.line,
                variable=variable.name,
            )
            raise error_of([problem], template.source)
        asked = str(values.get(variable.name) or variable.default)
        found[variable.name] = RenderedTime(variable.name, asked, steps, float(steps * timestep), steps != wanted)
    return found


def _note(template: Template, time: RenderedTime) -> str:
    variable = template.variable(time.variable)
    label = variable.label if variable else time.variable
    simulated = format_time(Fraction(time.femtoseconds))
    return f"{label}: {time.asked} is rounded up to {time.steps} steps ({simulated}), a whole number of cycles."


def _context(
    template: Template,
    resolved: Mapping[str, Any],
    times: Mapping[str, RenderedTime],
    files: Mapping[str, tuple[RenderedFile, ...]],
) -> dict[str, Any]:
    context: dict[str, Any] = {}
    rounds = [0]
    for variable in template.variables:
        value = resolved[variable.name]
        match variable.type:
            case VariableType.TIME:
                value = times[variable.name].steps if variable.name in times else None
            case VariableType.FILE:
                value = f"{INPUTS}/{files[variable.name][0].name}" if variable.name in files else None
            case VariableType.FILES:
                names = tuple(f"{INPUTS}/{file.name}" for file in files.get(variable.name, ()))
                value = LoopedFiles.of(names, rounds)
            case VariableType.TEXT if value is not None:
                value = tcl_escape(value)
        context[variable.name] = value
    return context


def _write(template: Template, context: dict[str, Any]) -> str:
    environment = make_environment()
    parts, length = [], 0
    try:
        for part in environment.from_string(template.body).generate(context):
            parts.append(part)
            length += len(part)
            if length > MAX_OUTPUT_CHARACTERS:
                raise TemplateError(
                    "The config would be longer than 2 million characters.",
                    code="config-too-long",
                    remedy="Give fewer files, or make the template shorter.",
                )
    except NoValue as error:
        raise _failed(
            template,
            "value-missing",
            "an optional variable without a value is written",
            "Put {% if name %} around its lines.",
        ) from error
    except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError, RecursionError, IndexError) as error:
        raise _failed(template, "template-render", str(error)[:300], "Correct the template.") from error
    return _header(template) + re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip("\n") + "\n"


def _failed(template: Template, code: str, reason: str, remedy: str) -> TemplateError:
    return TemplateError(
        f"The template '{template.id}' cannot be rendered: {reason}.",
        code=code,
        remedy=remedy,
        context={"source": template.source} if template.source else None,
    )


def _header(template: Template) -> str:
    # A backslash at the end of a comment would join the next line to it.
    title = re.sub(r"[\x00-\x1f\x7f\\]", " ", template.title)[:100].strip()
    return f"# {title} (template {template.id} {template.version})\n"


def _plain(template: Template, resolved: Mapping[str, Any], times: Mapping[str, RenderedTime]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for variable in template.variables:
        value = resolved[variable.name]
        if variable.name in times:
            value = times[variable.name].asked
        elif isinstance(value, CellValue):
            value = value.document()
        elif variable.type is VariableType.FILE and value:
            value = value[0]
        plain[variable.name] = value
    return plain

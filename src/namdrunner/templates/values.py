"""What a person enters for a template's variables, checked and made ready for rendering."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from namdrunner.templates.cell import parse_cell
from namdrunner.templates.filenames import has_extension
from namdrunner.templates.model import Problem, Template, Variable, VariableType
from namdrunner.templates.quantities import format_number, format_time, parse_number, parse_steps, parse_time_fs

MAX_TEXT = 1000
MAX_FILES = 1000
_BOOLEANS = {"on": True, "yes": True, "true": True, "1": True, "off": False, "no": False, "false": False, "0": False}


class ValueProblem(Exception):
    """One value that cannot be used."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code, self.message, self.remedy = code, message, remedy


TimeValue = tuple[str, Fraction]
"""``("fs", femtoseconds)`` or ``("steps", steps)``, before the timestep is known."""


def check_values(
    template: Template, values: Mapping[str, Any], files: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Any], list[Problem]]:
    """A value for every variable (``None`` where an optional one has none), and all problems.

    Files come as lists of paths, times as ``TimeValue``, cells as ``CellValue``.
    """
    problems = _unknown_names(template, [*values, *files])
    given: dict[str, Any] = {**values, **{name: list(paths) for name, paths in files.items()}}
    resolved: dict[str, Any] = {}
    for variable in sorted(template.variables, key=lambda variable: variable.when is not None):
        try:
            resolved[variable.name] = _resolve(variable, given, resolved)
        except ValueProblem as problem:
            resolved[variable.name] = None
            problems.append(
                Problem(problem.code, problem.message, problem.remedy, line=variable.line, variable=variable.name)
            )
    return resolved, problems


def _unknown_names(template: Template, names: Sequence[str]) -> list[Problem]:
    known = [variable.name for variable in template.variables]
    return [
        Problem(
            "variable-unknown",
            f"The template '{template.id}' has no variable '{name[:80]}'.",
            f"Its variables are: {', '.join(known)}.",
            variable=name[:80],
        )
        for name in dict.fromkeys(names)
        if name not in known
    ]


def _resolve(variable: Variable, given: Mapping[str, Any], resolved: Mapping[str, Any]) -> Any:
    value = given.get(variable.name)
    if variable.when is not None and _as_text(resolved.get(variable.when.variable)) != variable.when.value:
        return _default_of(variable)
    if value is None or value == "" or value == []:
        value = variable.default
    if value is None:
        if variable.optional or (variable.unless and given.get(variable.unless)):
            return None
        what = "file" if variable.is_file else "value"
        raise ValueProblem("value-missing", f"{_named(variable)} needs a {what}.", f"Set {variable.name}.")
    return check_value(variable, value)


def _default_of(variable: Variable) -> Any:
    """A variable whose condition is not met keeps a usable value where it has one."""
    return None if variable.default is None else check_value(variable, variable.default)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_number(value) if isinstance(value, int | float) else str(value)


def _named(variable: Variable) -> str:
    return f"'{variable.label}' ({variable.name})"


def check_value(variable: Variable, value: Any) -> Any:
    """The value in its own type. Raises ValueProblem."""
    match variable.type:
        case VariableType.NUMBER | VariableType.INTEGER:
            return _number(variable, value)
        case VariableType.BOOLEAN:
            return _boolean(variable, value)
        case VariableType.TEXT:
            return _text(variable, value)
        case VariableType.CHOICE:
            return _choice(variable, value)
        case VariableType.TIME:
            return _time(variable, value)
        case VariableType.CELL:
            try:
                return parse_cell(value)
            except (ValueError, OverflowError) as error:
                remedy = "Give three edge lengths such as '60 60 60', three vectors, or a file to read it from."
                raise ValueProblem("value-cell", f"{_named(variable)} cannot be used: {error}.", remedy) from error
        case _:
            return _files(variable, value)


def _number(variable: Variable, value: Any) -> int | float:
    number: float | int | None = None
    if isinstance(value, str):
        text = value.strip().removesuffix(variable.unit).strip() if variable.unit else value
        number = parse_number(text)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = value
    if number is None or not math.isfinite(number) or abs(number) > 1e18:
        raise ValueProblem(
            "value-not-number",
            f"{_named(variable)} is not a number: {str(value)[:60]!r}.",
            "Write a number such as 300 or 1.5.",
        )
    if variable.type is VariableType.INTEGER and not float(number).is_integer():
        raise ValueProblem(
            "value-not-integer",
            f"{_named(variable)} has to be a whole number, not {number}.",
            "Write it without a fraction.",
        )
    _in_range(variable, number, format_number(number))
    return int(number) if float(number).is_integer() else float(number)


def _in_range(variable: Variable, number: float, shown: str) -> None:
    low, high = variable.minimum, variable.maximum
    if (low is None or number >= low) and (high is None or number <= high):
        return
    is_time = variable.type is VariableType.TIME
    bounds = [format_time(Fraction(b)) if is_time else format_number(b) for b in (low, high) if b is not None]
    words = (
        f"between {' and '.join(bounds)}"
        if len(bounds) == 2
        else f"at {'least' if high is None else 'most'} {bounds[0]}"
    )
    unit = f" {variable.unit}" if variable.unit and not is_time else ""
    raise ValueProblem(
        "value-out-of-range",
        f"{_named(variable)} is {shown}{unit}, and has to be {words}{unit}.",
        "Choose a value in this range.",
    )


def _boolean(variable: Variable, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = _BOOLEANS.get(str(value).strip().lower()) if isinstance(value, str | int) else None
    if known is None:
        raise ValueProblem(
            "value-not-boolean", f"{_named(variable)} is neither on nor off: {str(value)[:60]!r}.", "Write on or off."
        )
    return known


def _text(variable: Variable, value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueProblem("value-not-text", f"{_named(variable)} is not a text.", "Give a text.")
    text = value if isinstance(value, str) else format_number(value)
    if len(text) > MAX_TEXT:
        raise ValueProblem("value-too-long", f"{_named(variable)} is longer than {MAX_TEXT} characters.", "Shorten it.")
    bad = next(
        (character for character in text if unicodedata.category(character) in {"Cc", "Cs", "Cf", "Zl", "Zp"}), None
    )
    if bad is not None:
        raise ValueProblem(
            "value-control-character",
            f"{_named(variable)} holds a line break or an invisible character ({bad!r}).",
            "Remove it.",
        )
    if ".." in re.split(r"[/\\]", text):
        raise ValueProblem("value-leaves-folder", f"{_named(variable)} leads out of the job's folder.", "Remove '..'.")
    return text


def _choice(variable: Variable, value: Any) -> str:
    if not isinstance(value, str) or value not in variable.choices:
        raise ValueProblem(
            "value-not-a-choice",
            f"{_named(variable)} cannot be {str(value)[:60]!r}.",
            f"Choose one of: {', '.join(variable.choices)}.",
        )
    return value


def _time(variable: Variable, value: Any) -> TimeValue:
    text = value if isinstance(value, str) else str(value)
    steps = parse_steps(text)
    time = parse_time_fs(text)
    if time is None and steps is None:
        raise ValueProblem(
            "value-not-time",
            f"{_named(variable)} is not a time with its unit: {text[:60]!r}.",
            "Write for example 5 ns, 250 ps or 4800 steps.",
        )
    amount = steps if steps is not None else time
    if amount is None or amount <= 0:
        raise ValueProblem("value-not-time", f"{_named(variable)} has to be more than zero.", "Write for example 5 ns.")
    if time is not None:
        _in_range(variable, float(time), text.strip())
        return ("fs", time)
    return ("steps", amount)


def _files(variable: Variable, value: Any) -> list[str]:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, Sequence) or not all(isinstance(path, str) and path for path in paths):
        raise ValueProblem("value-not-file", f"{_named(variable)} is not a file.", "Give the path of a file.")
    if variable.type is VariableType.FILE and len(paths) > 1:
        raise ValueProblem(
            "value-several-files", f"{_named(variable)} takes one file, not {len(paths)}.", "Give one file."
        )
    if len(paths) > MAX_FILES:
        raise ValueProblem("value-several-files", f"{_named(variable)} takes at most {MAX_FILES} files.", "Give fewer.")
    for path in paths:
        if any(unicodedata.category(character) in {"Cc", "Cs"} for character in path):
            raise ValueProblem(
                "value-not-file", f"{_named(variable)}: a file's name holds control characters.", "Rename it."
            )
        if not has_extension(path, variable.extensions):
            shown = re.split(r"[/\\]", path)[-1][:80]
            raise ValueProblem(
                "value-file-type",
                f"{_named(variable)} cannot be '{shown}': it is for {', '.join(variable.extensions)} files.",
                "Choose another file, or rename it if it is one.",
            )
    return list(dict.fromkeys(paths))

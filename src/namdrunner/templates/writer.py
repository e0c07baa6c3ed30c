"""Writes a template's declarations as text, in the form the parser reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

from namdrunner.templates.model import Variable, VariableType
from namdrunner.templates.quantities import format_number


def template_text(
    ident: str, version: str, title: str, description: str, variables: Sequence[Variable], body: str, kind: str = ""
) -> str:
    """The whole file. The body must not hold lines that begin with ``#@``."""
    lines = [f"#@ template  {ident}  {version}  {_quoted(title)}"]
    if kind:
        lines.append(f"#@ kind  {kind}")
    if description.strip():
        lines.append(f"#@ describe  {_one_line(description)}")
    lines += [variable_line(variable) for variable in variables]
    return "\n".join(lines) + "\n" + body


def variable_line(variable: Variable) -> str:
    """One ``#@ var`` line."""
    kind = variable.type.value + ("?" if variable.optional else "")
    parts = ["#@ var", variable.name, kind, *_default(variable)]
    if variable.minimum is not None or variable.maximum is not None:
        parts.append(f"[{_bound(variable, variable.minimum)}, {_bound(variable, variable.maximum)}]")
    if variable.unit and variable.type is not VariableType.TIME:
        parts.append(variable.unit)
    if variable.when is not None:
        parts.append(f"when:{variable.when.variable}={variable.when.value}")
    if variable.unless:
        parts.append(f"unless:{variable.unless}")
    parts.append(_quoted(variable.label))
    if variable.help:
        parts.append(f"-- {_one_line(variable.help)}")
    return " ".join(parts)


def _default(variable: Variable) -> list[str]:
    if variable.is_file:
        return list(variable.extensions)
    if variable.type is VariableType.CHOICE:
        return [" | ".join(_quoted(choice) if " " in choice else choice for choice in variable.choices)]
    if variable.default is None:
        return []
    if isinstance(variable.default, bool):
        return ["on" if variable.default else "off"]
    if isinstance(variable.default, int | float):
        return [format_number(variable.default)]
    return [_quoted(variable.default) if variable.type in {VariableType.TEXT, VariableType.CELL} else variable.default]


def _bound(variable: Variable, value: float | None) -> str:
    if value is None:
        return ""
    if variable.type is VariableType.TIME:
        return f"{format_number(value)} fs"
    return format_number(value)


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text).strip()


def _quoted(text: str) -> str:
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

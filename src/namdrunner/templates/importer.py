"""Templates of the original NAMDRunner, JSON files, become templates of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from namdrunner.errors import TemplateError
from namdrunner.templates.declarations import usable_name
from namdrunner.templates.model import Template, Variable, VariableType
from namdrunner.templates.parser import MAX_TEMPLATE_CHARACTERS, MAX_VARIABLES, parse_template
from namdrunner.templates.writer import template_text

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def import_json(text: str, source: str = "") -> Template:
    """A template from the original's JSON: ``namd_config_template`` and ``variables``.

    Their types Number, Text, Boolean and FileUpload become number, text, boolean and file. Nothing is lost: ids,
    labels, help, ranges, defaults and file types carry over, and rendering gives the same lines.
    Raises TemplateError (``import-invalid``).
    """
    document = _document(text)
    config, variables = document["namd_config_template"], document["variables"]
    names = _names(list(variables))
    try:
        declared = [_variable(names[key], key, definition) for key, definition in variables.items()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _invalid(f"a variable cannot be read ({error})") from error
    ident = re.sub(r"[^A-Za-z0-9_-]+", "_", str(document.get("id") or document.get("name") or "imported")).strip("_-")
    return parse_template(
        template_text(
            (ident or "imported")[:64],
            "v1",
            str(document.get("name") or ident or "Imported template")[:200],
            str(document.get("description") or "")[:2000],
            declared,
            _body(config, names),
        ),
        source,
    )


def _document(text: str) -> Mapping[str, Any]:
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        raise _invalid("it is longer than 500,000 characters")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"it is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise _invalid("it is not a template")
    if not isinstance(document.get("namd_config_template"), str) or not isinstance(document.get("variables"), dict):
        raise _invalid("it has no 'namd_config_template' and 'variables'")
    if len(document["variables"]) > MAX_VARIABLES:
        raise _invalid(f"it has more than {MAX_VARIABLES} variables")
    return document


def _names(keys: list[str]) -> dict[str, str]:
    """A usable, unique name for every key; keys that are names already stay as they are."""
    names: dict[str, str] = {key: key for key in keys if usable_name(key)}
    for key in keys:
        if key in names:
            continue
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", key)[:50]
        wanted, number = f"v_{plain}", 1
        while wanted in names.values():
            number += 1
            wanted = f"v_{plain}_{number}"
        names[key] = wanted
    return names


def _variable(name: str, key: str, definition: Mapping[str, Any]) -> Variable:
    kinds = definition["var_type"]
    kind, found = next(iter(kinds.items()), ("", None)) if isinstance(kinds, dict) else (kinds, None)
    details: Mapping[str, Any] = found or {}
    base = Variable(
        name, VariableType.TEXT, label=str(definition.get("label") or key), help=str(definition.get("help_text") or "")
    )
    default = details.get("default")
    match kind:
        case "Number":
            low, high = _number(details.get("min")), _number(details.get("max"))
            return replace(base, type=VariableType.NUMBER, default=_number(default), minimum=low, maximum=high)
        case "Text":
            return replace(base, default=None if default is None else str(default))
        case "Boolean":
            return replace(base, type=VariableType.BOOLEAN, default=bool(default))
        case "FileUpload":
            extensions = [str(extension).lower() for extension in details.get("extensions") or ()]
            dotted = tuple(e if e.startswith(".") else f".{e}" for e in extensions)
            return replace(base, type=VariableType.FILE, extensions=dotted)
        case _:
            raise ValueError(f"'{str(kind)[:40]}' is not a type")


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"'{str(value)[:40]}' is not a number")
    return float(value)


def _body(config: str, names: Mapping[str, str]) -> str:
    """The config with its placeholders; what else would mean something to the renderer is written literally."""
    parts, at = [], 0
    for match in _PLACEHOLDER.finditer(config):
        if match.group(1) in names:
            parts += [literal(config[at : match.start()]), f"{{{{ {names[match.group(1)]} }}}}"]
            at = match.end()
    parts.append(literal(config[at:]))
    return re.sub(r"(?m)^([ \t]*)#@", r"\1# @", "".join(parts))


def literal(text: str) -> str:
    """Text that the renderer writes as it stands."""
    return re.sub(r"\{(?=[{%#]|$(?!\n))", "{{ '{' }}", text)


def _invalid(reason: str) -> TemplateError:
    return TemplateError(
        f"The file cannot be imported: {reason}.",
        code="import-invalid",
        remedy="Choose a template that the original NAMDRunner has exported.",
    )

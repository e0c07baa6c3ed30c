"""A template: a NAMD config with variables, and what is declared about each of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Literal


class VariableType(enum.Enum):
    NUMBER = "number"
    INTEGER = "integer"
    TEXT = "text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    FILE = "file"
    FILES = "files"
    TIME = "time"
    CELL = "cell"


Default = str | int | float | bool | None


@dataclass(frozen=True)
class Condition:
    """The variable matters only while another one has this value; it is hidden otherwise."""

    variable: str
    value: str


@dataclass(frozen=True)
class Variable:
    """One declared variable. ``default`` of a time is text with its unit; ranges of times are in femtoseconds."""

    name: str
    type: VariableType
    optional: bool = False
    label: str = ""
    unit: str = ""
    default: Default = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    """Lower case, with the dot; empty for any."""
    help: str = ""
    when: Condition | None = None
    unless: str = ""
    """Another variable whose value makes this one dispensable."""
    line: int = 0

    @property
    def is_file(self) -> bool:
        return self.type in {VariableType.FILE, VariableType.FILES}

    @property
    def required(self) -> bool:
        """A value has to be given, whatever else is: it is neither optional nor has a default."""
        return not self.optional and not self.unless and self.default is None

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type.value,
            "optional": self.optional,
            "required": self.required,
            "label": self.label,
            "unit": self.unit,
            "default": self.default,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "choices": list(self.choices),
            "extensions": list(self.extensions),
            "help": self.help,
            "when": {"variable": self.when.variable, "value": self.when.value} if self.when else None,
            "unless": self.unless or None,
            "line": self.line,
        }


@dataclass(frozen=True)
class Template:
    """``text`` is the whole file as written; ``body`` has its declaration lines blanked, so that line numbers agree."""

    id: str
    version: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    body: str
    text: str
    source: str = ""
    kind: str = ""
    """The type of job it makes, in a word or two: ``production``, ``equilibration`` ..."""
    clusters: tuple[str, ...] = ()
    """Names of clusters it is meant for; none: for any."""

    def variable(self, name: str) -> Variable | None:
        return next((variable for variable in self.variables if variable.name == name), None)

    def summary(self) -> dict[str, Any]:
        """What a list shows of it."""
        return {
            "id": self.id,
            "version": self.version,
            "title": self.title,
            "description": self.description,
            "variables": len(self.variables),
            "source": self.source,
            "kind": self.kind,
            "clusters": list(self.clusters),
        }

    def document(self) -> dict[str, Any]:
        """All there is to know of it, for people's forms and for scripts."""
        return {
            **self.summary(),
            "variables": [variable.document() for variable in self.variables],
            "text": self.text,
        }


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a template or a value; ``line`` 0 and empty ``variable`` where they do not apply."""

    code: str
    message: str
    remedy: str = ""
    severity: Literal["error", "warning"] = "error"
    line: int = 0
    variable: str = ""

    def document(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "remedy": self.remedy,
            "line": self.line,
            "variable": self.variable,
        }

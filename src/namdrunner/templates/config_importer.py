"""A plain NAMD config becomes a template: every line is kept, and what changes from job to job becomes a variable.

Nothing is evaluated. Only lines at the top level are looked at; what stands inside braces (loops, procedures) stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from namdrunner.errors import TemplateError
from namdrunner.templates.cell import parse_cell
from namdrunner.templates.config_keywords import FILES, NUMBERS, PARAMETERS, STEPS, Suggestion
from namdrunner.templates.importer import literal
from namdrunner.templates.model import Template, Variable, VariableType
from namdrunner.templates.parser import MAX_TEMPLATE_CHARACTERS, parse_template
from namdrunner.templates.quantities import parse_number
from namdrunner.templates.values import ValueProblem, check_value
from namdrunner.templates.writer import template_text

MAX_CONFIG_LINES = 20_000
MAX_LINE = 1000
"""Longer lines are left as they are."""
MAX_SUGGESTED = 200
"""Further values are left as they are."""
_LINE = re.compile(r"^([ \t]*)([A-Za-z0-9][\w-]*)([ \t]*=[ \t]*|[ \t]+)(\S.*?)([ \t]*(?:;[ \t]*(?:#.*)?|#.*)?)$")
_SET = re.compile(r"^([ \t]*set[ \t]+)(\w+)([ \t]+)([^\s;{}\[\]$\"]+)([ \t]*(?:;.*)?)$")
_USE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_SOURCE = re.compile(r"^[ \t]*source[ \t]+([^\s;]+)")
_CHARMM_SET = re.compile(r"^[ \t]*set[ \t]+(\w+)[ \t]*=?[ \t]*(\S+)", re.IGNORECASE)
_CELL = ("cellbasisvector1", "cellbasisvector2", "cellbasisvector3", "cellorigin")


@dataclass(frozen=True)
class ImportedTemplate:
    """``files``: per file variable the names as the config wrote them; ``notes``: what a person should look at."""

    template: Template
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def import_config(
    text: str, ident: str, title: str = "", sources: Mapping[str, str] | None = None, origin: str = ""
) -> ImportedTemplate:
    """A template of the config's text. ``sources``: texts of small files that the config may ``source``, by base name.

    Raises TemplateError (``import-invalid``) for what is no config.
    """
    if len(text) > MAX_TEMPLATE_CHARACTERS or text.count("\n") > MAX_CONFIG_LINES:
        raise _invalid("it is longer than 500,000 characters or 20,000 lines")
    if "\x00" in text:
        raise _invalid("it is not a text")
    lines = _inlined(re.split(r"\r\n|\r|\n", text), sources or {})
    rewriter = _Rewriter(lines.kept)
    body = rewriter.body()
    if not rewriter.keywords & {"structure", "coordinates", "parmfile", "grotopfile", "run", "minimize", "numsteps"}:
        raise _invalid("it holds no keyword of a NAMD config, such as 'structure' or 'run'")
    name = (re.sub(r"[^A-Za-z0-9_-]+", "_", ident).strip("_-") or "imported")[:64]
    described = f"Made of the config {origin or ident}."
    variables = list(rewriter.variables.values())
    template = parse_template(
        template_text(name, "v1", (title or name.replace("_", " "))[:200], described, variables, body)
    )
    return ImportedTemplate(template, rewriter.file_names(), (*lines.notes, *rewriter.notes))


@dataclass
class _Inlined:
    kept: list[str]
    notes: list[str]


def _inlined(lines: list[str], sources: Mapping[str, str]) -> _Inlined:
    """CHARMM-GUI's ``source step3_input.str`` (and the ``exec tr`` before it) replaced by the settings of that file."""
    found = _Inlined([], [])
    for line in lines:
        source = _SOURCE.match(line)
        name = PurePosixPath(source.group(1).strip('"{}')).name if source else ""
        prepares = re.match(r"^[ \t]*(?:exec|catch)\b.*<[ \t]*([^\s|>\]]+)", line)
        if prepares and PurePosixPath(prepares.group(1)).name in sources:
            found.kept.append(f"# {line.strip()}")
        elif name and name in sources:
            found.kept += [f"# from {name}", *_settings(sources[name])]
        else:
            if source:
                found.notes.append(f"The config reads {source.group(1)[:100]} as a script: put its lines in its place.")
            elif prepares:
                found.notes.append("The config starts a program ('exec'): look whether its lines are still needed.")
            found.kept.append(line)
    return found


def _settings(text: str) -> list[str]:
    """``SET A = 62.5`` of a CHARMM stream as ``set a 62.5``; other lines do not matter to NAMD."""
    found = []
    for line in text.splitlines()[:1000]:
        match = _CHARMM_SET.match(line)
        if len(line) <= MAX_LINE and match and re.fullmatch(r"[\w.+-]+", match.group(2)):
            found.append(f"set {match.group(1).lower()} {match.group(2).lower()}")
    return found


class _Rewriter:
    """Puts variables into the lines; ``body`` is called once."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self.variables: dict[str, Variable] = {}
        self.keywords: set[str] = set()
        self.notes: list[str] = []
        self._files: dict[str, list[str]] = {}
        self._top = [alone and len(line) <= MAX_LINE for alone, line in zip(_top_level(lines), lines, strict=True)]
        self._values: dict[str, list[str]] = {}
        for number, line in enumerate(lines):
            match = _LINE.match(line) if self._top[number] else None
            if match:
                self._values.setdefault(match.group(2).lower(), []).append(match.group(4))
        self._used = {name for line in lines for name in _names_in(line)}
        self._set = self._constants()
        self._cell = self._cell_lines()
        self._in_cell = {name for keyword in self._cell for name in self._names("", keyword)}
        self._outputs = set(self._names("", "outputname"))
        self._temperatures = set(self._names("whole", "temperature", "langevintemp"))

    def file_names(self) -> dict[str, tuple[str, ...]]:
        return {name: tuple(dict.fromkeys(names)) for name, names in self._files.items()}

    def body(self) -> str:
        rewritten = (self._line(number, line) for number, line in enumerate(self._lines))
        text = "\n".join(line for line in rewritten if line is not None)
        return "\n" + re.sub(r"(?m)^([ \t]*)#@", r"\1# @", text).strip("\n") + "\n"

    # -- what is known before the lines are rewritten ------------------------------------------------------

    def _names(self, which: str, *keywords: str) -> list[str]:
        """Variables in the values of keywords; ``whole``: only where nothing else stands there."""
        values = [value for keyword in keywords for value in self._values.get(keyword, ())]
        return [name for value in values for name in _names_in(value) if not which or value.strip("${}") == name]

    def _constants(self) -> dict[str, str]:
        """``set`` lines at the top level whose name is set once."""
        found: dict[str, list[str]] = {}
        for number, line in enumerate(self._lines):
            match = _SET.match(line) if self._top[number] else None
            if match:
                found.setdefault(match.group(2), []).append(match.group(4))
        return {name: values[0] for name, values in found.items() if len(values) == 1}

    def _expanded(self, value: str) -> str | None:
        """The value with constants put in; ``None`` when something else has to be evaluated."""
        text = _USE.sub(lambda m: self._set.get(m.group(1) or m.group(2), m.group(0)), value.strip().strip('"'))
        return None if re.search(r"[$\[\]{}\"\s;]", text) else text

    def _cell_lines(self) -> dict[str, str]:
        """The four lines of the cell, when all of its vectors are numbers."""
        values = {keyword: found[0] for keyword in _CELL if len(found := self._values.get(keyword, [])) == 1}
        texts = {
            k: _USE.sub(lambda m: self._set.get(m.group(1) or m.group(2), m.group(0)), v) for k, v in values.items()
        }
        numbers = " ".join(texts.get(keyword, "0 0 0") for keyword in _CELL)
        try:
            parse_cell(numbers)
        except (ValueError, OverflowError):
            return {}
        if not set(_CELL[:3]) <= set(texts):
            return {}
        label = "Periodic cell"
        self._default_cell = Variable("cell", VariableType.CELL, label=label, default=numbers)
        return texts

    # -- one line -----------------------------------------------------------------------------------------

    def _line(self, number: int, line: str) -> str | None:
        if not self._top[number]:
            return literal(line)
        constant = _SET.match(line)
        if constant and constant.group(2) in self._set:
            return self._constant(constant, line)
        match = _LINE.match(line)
        if not match:
            return literal(line)
        indent, keyword, gap, value, rest = match.groups()
        low = keyword.lower()
        self.keywords.add(low)
        if low in self._cell:
            return self._vector(low, f"{literal(indent + keyword + gap)}", literal(rest))
        written = self._value(low, value)
        return literal(line) if written is None else self._with(indent, keyword, gap, written, rest)

    def _with(self, indent: str, keyword: str, gap: str, written: str, rest: str) -> str | None:
        if keyword.lower() == "parameters":
            if len(self._files[PARAMETERS.name]) > 1:
                return None
            return f"{{% for file in {PARAMETERS.name} %}}\n{indent}{keyword}{gap}{{{{ file }}}}\n{{% endfor %}}"
        return f"{indent}{keyword}{gap}{written}{literal(rest)}"

    def _constant(self, match: re.Match[str], line: str) -> str:
        head, name, gap, value, rest = match.groups()
        if name in self._outputs and not re.search(r"[\\/]", value):
            return f"{head}{name}{gap}outputs/{self._output(value)}{literal(rest)}"
        full = len(self.variables) >= MAX_SUGGESTED
        if name not in self._used or parse_number(value) is None or name in self._in_cell or full:
            return literal(line)
        suggested = (
            NUMBERS["temperature"] if name in self._temperatures else Suggestion(name, name, VariableType.NUMBER)
        )
        return f"{head}{name}{gap}{self._number(suggested, value)}{literal(rest)}"

    def _vector(self, keyword: str, head: str, rest: str) -> str:
        self.variables.setdefault("cell", self._default_cell)
        part = {"cellbasisvector1": "a", "cellbasisvector2": "b", "cellbasisvector3": "c", "cellorigin": "origin"}
        return f"{head}{{{{ cell.{part[keyword]} }}}}{rest}"

    def _value(self, keyword: str, value: str) -> str | None:
        """What stands in the template instead of the value; ``None``: the line stays as it is."""
        if len(self.variables) >= MAX_SUGGESTED:
            return None
        if keyword == "parameters":
            return self._file(PARAMETERS, value)
        if keyword in FILES:
            return self._file(FILES[keyword], value)
        if keyword in STEPS and re.fullmatch(r"[1-9]\d{0,9}", value):
            return self._steps(STEPS[keyword], value)
        if keyword in NUMBERS and parse_number(value) is not None:
            return self._number(NUMBERS[keyword], value)
        if keyword == "outputname" and re.fullmatch(r"[\w.+-]+", value):
            return f"outputs/{self._output(value)}"
        return None

    def _file(self, suggested: Suggestion, value: str) -> str | None:
        name = self._expanded(value)
        if name is None:
            self.notes.append(f"The file {value[:100]} is not known before the run: look at this line.")
            return None
        suffix = PurePosixPath(name).suffix.lower()
        usable = re.fullmatch(r"\.[a-z0-9_+-]{1,29}", suffix) is not None
        several = suggested.type is VariableType.FILES
        known = self.variables.get(suggested.name)
        if known and not several and name not in self._files[suggested.name]:
            suggested = replace(suggested, name=self._free(suggested.name))
            known = None
        extensions = (known.extensions if known else suggested.extensions) if usable else ()
        if extensions and suffix not in extensions:
            extensions = (*extensions, suffix)
        self.variables[suggested.name] = Variable(
            suggested.name, suggested.type, label=suggested.label, extensions=extensions
        )
        self._files.setdefault(suggested.name, []).append(name)
        return f"{{{{ {suggested.name} }}}}"

    def _number(self, suggested: Suggestion, value: str) -> str:
        number = parse_number(value) or 0.0
        whole = suggested.type is VariableType.INTEGER and number.is_integer()
        kind = VariableType.INTEGER if whole else VariableType.NUMBER
        default = int(number) if whole else number
        return self._variable(
            Variable(suggested.name, kind, label=suggested.label, unit=suggested.unit, default=default)
        )

    def _steps(self, suggested: Suggestion, value: str) -> str:
        return self._variable(
            Variable(suggested.name, VariableType.TIME, label=suggested.label, default=f"{value} steps", unit="time")
        )

    def _output(self, value: str) -> str:
        variable = Variable("output_name", VariableType.TEXT, label="Output name", default=value)
        try:
            check_value(variable, value)
        except ValueProblem as problem:
            raise _invalid(str(problem)) from problem
        return self._variable(variable)

    def _variable(self, variable: Variable) -> str:
        """The same variable where the same value stands again, another one where it differs."""
        known = self.variables.get(variable.name)
        if known is not None and known.default != variable.default:
            variable = replace(variable, name=self._free(variable.name))
        self.variables.setdefault(variable.name, variable)
        return f"{{{{ {variable.name} }}}}"

    def _free(self, name: str) -> str:
        number = 2
        while f"{name}_{number}" in self.variables:
            number += 1
        return f"{name}_{number}"


def _names_in(value: str) -> list[str]:
    return [first or second for first, second in _USE.findall(value)]


def _top_level(lines: list[str]) -> list[bool]:
    """For each line whether it stands alone: outside braces, and no continuation of the one before."""
    depth, joined, found = 0, False, []
    for line in lines:
        code = re.sub(r"\\.", "", "" if line.lstrip().startswith("#") else line)
        change = code.count("{") - code.count("}")
        ends_open = line.rstrip().endswith("\\")
        found.append(depth == 0 and change == 0 and not joined and not ends_open)
        depth = max(0, depth + change)
        joined = ends_open
    return found


def _invalid(reason: str) -> TemplateError:
    return TemplateError(
        f"The config cannot be made a template: {reason}.",
        code="import-invalid",
        remedy="Choose a NAMD config, a template file, or a template of the original NAMDRunner (JSON).",
    )

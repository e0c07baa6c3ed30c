"""Reads a template's text: declarations, body, and everything that is wrong with it at once."""

from __future__ import annotations

import re

import jinja2

from namdrunner.errors import TemplateError
from namdrunner.templates.declarations import (
    DeclarationError,
    parse_clusters,
    parse_kind,
    parse_title,
    parse_variable,
    problem_of,
)
from namdrunner.templates.model import Problem, Template, Variable, VariableType
from namdrunner.templates.sandbox import check_body, make_environment, too_complex

MAX_TEMPLATE_CHARACTERS = 500_000
MAX_VARIABLES = 500
_MARK = re.compile(r"\s*#@(?:\s+(\S+)\s*(.*)|\s*)$")


def parse_template(text: str, source: str = "") -> Template:
    """The template; raises TemplateError with all problems in ``context['problems']``, the first one as its message."""
    template, problems = read_template(text, source)
    errors = [problem for problem in problems if problem.severity == "error"]
    if template is None or errors:
        raise error_of(errors, source)
    return template


def read_template(text: str, source: str = "") -> tuple[Template | None, tuple[Problem, ...]]:
    """The template, or ``None`` when it cannot be used, and all problems in the order of their lines."""
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        problem = Problem("template-too-long", "The template is longer than 500,000 characters.", "Use source files.")
        return None, (problem,)
    if "\x00" in text:
        return None, (Problem("template-binary", "The file is not a text.", "Choose a template file."),)
    reader = _Reader()
    body = [reader.take(line, number) for number, line in enumerate(text.split("\n"), start=1)]
    problems = [*reader.problems, *_across(reader), *_body_problems("\n".join(body), reader.variables)]
    problems.sort(key=lambda problem: problem.line)
    if reader.title is None or any(problem.severity == "error" for problem in problems):
        return None, tuple(problems)
    ident, version, title = reader.title
    template = Template(
        id=ident,
        version=version,
        title=title,
        description=" ".join(reader.description),
        variables=tuple(reader.variables),
        body="\n".join(body),
        text=text,
        source=source,
        kind=reader.kind,
        clusters=tuple(reader.clusters),
    )
    return template, tuple(problems)


def validate_document(text: str) -> dict[str, object]:
    """``{"ok", "problems": [...], "template": ...}`` for ``template validate``."""
    template, problems = read_template(text)
    return {
        "ok": template is not None,
        "problems": [problem.document() for problem in problems],
        "template": template.summary() if template else None,
    }


def error_of(problems: list[Problem], source: str = "") -> TemplateError:
    """One error out of several problems; the person sees the first, and how many more there are."""
    first = problems[0]
    where = f" (line {first.line})" if first.line else ""
    others = len(problems) - 1
    more = f" There {'is 1 more problem' if others == 1 else f'are {others} more problems'}." if others else ""
    context: dict[str, object] = {"problems": [problem.document() for problem in problems]}
    if first.line:
        context["line"] = first.line
    if first.variable:
        context["variable"] = first.variable
    if source:
        context["source"] = source
    return TemplateError(
        f"{first.message.rstrip('.')}{where}.{more}", code=first.code, remedy=first.remedy, context=context
    )


class _Reader:
    """Collects declarations line by line; what is no declaration is body."""

    def __init__(self) -> None:
        self.title: tuple[str, str, str] | None = None
        self.description: list[str] = []
        self.kind = ""
        self.clusters: list[str] = []
        self.variables: list[Variable] = []
        self.problems: list[Problem] = []

    def take(self, line: str, number: int) -> str:
        mark = _MARK.match(line)
        if mark is None:
            return line.rstrip("\r")
        try:
            self._declare(mark.group(1) or "", mark.group(2) or "", number)
        except DeclarationError as error:
            self.problems.append(problem_of(error, number))
        return ""

    def _declare(self, word: str, rest: str, number: int) -> None:
        match word:
            case "template":
                if self.title is not None:
                    raise DeclarationError("template-line", "There are two template lines.", "Remove one.")
                self.title = parse_title(rest)
            case "describe":
                self.description.append(rest.strip().strip('"')[:2000])
            case "kind":
                self.kind = parse_kind(rest)
            case "clusters":
                self.clusters += [name for name in parse_clusters(rest) if name not in self.clusters]
            case "var":
                variable = parse_variable(rest, number)
                if any(other.name == variable.name for other in self.variables):
                    raise DeclarationError(
                        "variable-twice", f"The variable '{variable.name}' is declared twice.", "Remove one line."
                    )
                if len(self.variables) >= MAX_VARIABLES:
                    raise DeclarationError("too-many-variables", f"More than {MAX_VARIABLES} variables.", "Use fewer.")
                self.variables.append(variable)
            case "":
                pass
            case _:
                raise DeclarationError(
                    "declaration-unknown",
                    f"'#@ {word[:40]}' is not known.",
                    "Use #@ template, describe, kind, clusters or var.",
                )


def _across(reader: _Reader) -> list[Problem]:
    found = []
    if reader.title is None and not any(problem.code.startswith("template-") for problem in reader.problems):
        found.append(
            Problem(
                "template-line-missing",
                "The file has no template line.",
                'Begin with: #@ template my_template v1 "My template"',
                line=1,
            )
        )
    names = {variable.name: variable for variable in reader.variables}
    for variable in reader.variables:
        if variable.unless and (variable.unless not in names or variable.unless == variable.name):
            found.append(
                Problem(
                    "variable-condition",
                    f"'{variable.name}' names no other variable after unless:.",
                    "Correct the name after unless:",
                    line=variable.line,
                    variable=variable.name,
                )
            )
        if variable.when is None:
            continue
        other = names.get(variable.when.variable)
        if other is None or other.name == variable.name or other.when is not None:
            found.append(
                Problem(
                    "variable-condition",
                    f"The condition of '{variable.name}' has to name another variable that has no condition itself.",
                    "Correct the name after when:",
                    line=variable.line,
                    variable=variable.name,
                )
            )
    return found


def _body_problems(body: str, variables: list[Variable]) -> list[Problem]:
    complex_ = too_complex(body)
    if complex_ is not None:
        return [complex_]
    environment = make_environment()
    loopable = frozenset(variable.name for variable in variables if variable.type is VariableType.FILES)
    declared = frozenset(variable.name for variable in variables)
    try:
        tree = environment.parse(body)
        problems = list(check_body(tree, declared, loopable))
        if not problems:
            environment.compile(tree)
    except jinja2.TemplateSyntaxError as error:
        message = (error.message or "it cannot be read").rstrip(".")
        return [
            Problem(
                "template-syntax",
                f"The template's text cannot be read: {message[:300]}.",
                "Check the {{ }} and {% %} of this line; for Tcl's own {{ }} use {% raw %}.",
                line=error.lineno or 0,
            )
        ]
    except (RecursionError, MemoryError, SyntaxError, jinja2.TemplateError):
        return [Problem("template-nesting", "The template is nested too deeply.", "Make it simpler.")]
    used = {str(name) for name in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", body)}
    problems += [
        Problem(
            "variable-unused",
            f"The variable '{variable.name}' is not used.",
            "Use it in the text, or remove its line.",
            severity="warning",
            line=variable.line,
            variable=variable.name,
        )
        for variable in variables
        if variable.name not in used
    ]
    return problems

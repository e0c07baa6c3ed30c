"""The part of Jinja that templates may use: output, if, for over files, arithmetic, comparisons, a few filters.

Everything that could take unbounded time or memory, or reach Python, is refused when the template is read: calls,
macros, includes, powers, string arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment

from namdrunner.templates.model import Problem
from namdrunner.templates.quantities import format_number

MAX_OUTPUT_CHARACTERS = 2_000_000
MAX_LOOP_DEPTH = 2
MAX_ROUNDS = 200_000
"""Of all loops of one rendering together."""
MAX_BLOCKS = 5000
MAX_CODE_CHARACTERS = 40_000
MAX_NODES = 15_000
"""Far above any real template, and few enough that reading one takes no more than seconds and some 100 MB."""
_OPENING = re.compile(r"\{[{%]")
_FILTERS = frozenset({"round", "int", "float", "abs", "join", "length", "count", "first", "last", "default", "d"})
_TESTS = frozenset({"defined", "undefined", "none", "eq", "ne", "lt", "le", "gt", "ge", "sameas", "odd", "even"})
_ATTRIBUTES = frozenset({"a", "b", "c", "origin", "first", "last", "index", "index0"})
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.For, nodes.Assign,
    nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add,
    nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem,
    nodes.Tuple, nodes.List,
)  # fmt: skip


class NoValue(jinja2.TemplateRuntimeError):
    """An optional variable without a value was to be written."""


class LoopedFiles(tuple[str, ...]):
    """The files of a variable in a template; all loops over all of them share ``rounds``."""

    rounds: list[int]

    @classmethod
    def of(cls, files: tuple[str, ...], rounds: list[int]) -> LoopedFiles:
        found = cls(files)
        found.rounds = rounds
        return found

    def __iter__(self) -> Iterator[str]:
        for file in super().__iter__():
            self.rounds[0] += 1
            if self.rounds[0] > MAX_ROUNDS:
                raise jinja2.TemplateRuntimeError("its loops go round too often")
            yield file


class ConfigEnvironment(SandboxedEnvironment):
    """Writes values as NAMD reads them; arithmetic is for numbers of reasonable size only."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        for value in (left, right):
            if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e18:
                raise jinja2.TemplateRuntimeError(f"'{operator}' needs two numbers")
        return super().call_binop(context, operator, left, right)


def make_environment() -> ConfigEnvironment:
    environment = ConfigEnvironment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        finalize=write_value,
        cache_size=0,
        extensions=(),
    )
    environment.globals.clear()
    return environment


def write_value(value: Any) -> Any:
    """How a value appears in the config: ``yes``/``no``, numbers without needless zeros, vectors with spaces."""
    if value is None:
        raise NoValue("a variable without a value is written")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return format_number(value)
    if isinstance(value, tuple | list):
        return " ".join(str(write_value(item)) for item in value)
    return value


def _code_characters(body: str) -> int:
    """Between the signs that open and close template code; up to the end where one is not closed."""
    total = at = 0
    while (opening := _OPENING.search(body, at)) is not None:
        closing = body.find("}}" if opening.group() == "{{" else "%}", opening.end())
        if closing < 0:
            return total + len(body) - opening.end()
        total += closing - opening.end()
        at = closing + 2
    return total


def too_complex(body: str) -> Problem | None:
    """Whether there is so much template code in a body that reading it would take long; before it is parsed."""
    if body.count("{{") + body.count("{%") <= MAX_BLOCKS and _code_characters(body) <= MAX_CODE_CHARACTERS:
        return None
    return Problem(
        "template-too-complex",
        "There is too much template code ({{ }} and {% %}) in it.",
        "Write what does not change as plain text; use Tcl's own loops.",
    )


def check_body(tree: nodes.Template, declared: frozenset[str], loopable: frozenset[str]) -> Iterator[Problem]:
    """Problems of a parsed body: what is not allowed, and names that are not declared.

    ``loopable``: the variables a loop may go over.
    """
    if sum(1 for _ in tree.find_all(nodes.Node)) > MAX_NODES:
        yield Problem("template-too-complex", "There is too much template code in it.", "Make it simpler.")
        return
    local = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"} | {"loop"}
    for node, depth in _walk(tree, 0):
        if depth > MAX_LOOP_DEPTH:
            yield Problem("loop-depth", "Loops are nested too deeply.", "Use at most two.", line=node.lineno)
            return
        if not isinstance(node, _ALLOWED):
            yield _refused(node, f"'{type(node).__name__.lower()}'")
        elif isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            yield _refused(node, f"the filter '{node.name}'")
        elif isinstance(node, nodes.Test) and node.name not in _TESTS:
            yield _refused(node, f"the test '{node.name}'")
        elif isinstance(node, nodes.Getattr) and node.attr not in _ATTRIBUTES:
            yield _refused(node, f"'.{node.attr}'")
        elif isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const):
            yield _refused(node, "an index that is no constant")
        elif isinstance(node, nodes.For) and not _over_files(node, loopable):
            yield _refused(node, "a loop over anything but a variable of the type files")
        elif isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in declared | local:
            yield Problem(
                "variable-undeclared",
                f"'{node.name}' is used but not declared.",
                f'Add a line: #@ var {node.name} text "Label"',
                line=node.lineno,
                variable=node.name,
            )


def _over_files(node: nodes.For, loopable: frozenset[str]) -> bool:
    return isinstance(node.iter, nodes.Name) and node.iter.name in loopable and not node.recursive


def _walk(node: nodes.Node, depth: int) -> Iterator[tuple[nodes.Node, int]]:
    depth += isinstance(node, nodes.For)
    yield node, depth
    for child in node.iter_child_nodes():
        yield from _walk(child, depth)


def _refused(node: nodes.Node, what: str) -> Problem:
    return Problem(
        "template-construct",
        f"{what[0].upper()}{what[1:]} cannot be used in a template.",
        "Use variables, if, for over files, arithmetic and comparisons; for Tcl's own {{ }} use {% raw %}.",
        line=node.lineno,
    )

"""The part of Jinja that templates may use: output, if, for over files, arithmetic, comparisons, a few filters.

Everything that could take unbounded time or memory, or reach Python, is refused when the template is read: calls,
macros, includes, powers, string arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment

from namdrunner.templates.model import Problem
from namdrunner.templates.quantities import format_number

MAX_OUTPUT_CHARACTERS = 2_000_000
MAX_LOOP_DEPTH = 2
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


def check_body(tree: nodes.Template, declared: frozenset[str]) -> Iterator[Problem]:
    """Problems of a parsed body: what is not allowed, and names that are not declared."""
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
        elif isinstance(node, nodes.For) and (not isinstance(node.iter, nodes.Name) or node.recursive):
            yield _refused(node, "a loop over anything but a variable")
        elif isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in declared | local:
            yield Problem(
                "variable-undeclared",
                f"'{node.name}' is used but not declared.",
                f'Add a line: #@ var {node.name} text "Label"',
                line=node.lineno,
                variable=node.name,
            )


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

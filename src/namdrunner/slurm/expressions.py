"""The small arithmetic of launch recipes: whole numbers, + - * / %, one or two named values."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

from namdrunner.errors import InputError

_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def evaluate(expression: str, values: Mapping[str, int]) -> int:
    """``c-1`` with ``{"c": 8}`` is 7; division rounds down.

    Raises InputError (``recipe-invalid``) for anything that is not such an expression.
    """
    try:
        if len(expression) > 100:
            raise ValueError("too long")
        return _value(ast.parse(expression, mode="eval").body, values)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError) as error:
        raise InputError(
            f"The launch recipe's expression '{expression}' cannot be worked out: {error}.",
            code="recipe-invalid",
            remedy=f"Use whole numbers, + - * / and {' or '.join(values) or 'no names'}.",
        ) from error


def _value(node: ast.expr, values: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Name) and node.id in values:
        return values[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    raise ValueError(f"'{ast.unparse(node)}' is not allowed")

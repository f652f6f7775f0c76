"""Whole-number expressions of scenario files, such as `min(rest, 1 + size // 40)`; knows nothing of scenarios.

Only numbers, names, `+ - * //`, `min` and `max`: what is not one of these is refused, so a file from elsewhere can
compute nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache

from synthgen.errors import UsageError

_LONGEST = 200
_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__, ast.FloorDiv: int.__floordiv__,
}
_FUNCTIONS: Mapping[str, Callable[..., int]] = {"min": min, "max": max}


def evaluate(text: str, values: Mapping[str, int], where: str) -> int:
    """Compute an expression.

    Args:
        text: The expression.
        values: What its names stand for.
        where: Said in errors: the file and what the expression is for.

    Raises:
        UsageError: It is not such an expression, has an unknown name, or divides by zero.
    """
    try:
        if len(text) > _LONGEST:
            raise UsageError(f"{where}: an expression is at most {_LONGEST} characters", hint="shorten it")
        return _value(_parsed(text), values, where)
    except (SyntaxError, ValueError):  # a null byte is a ValueError
        raise UsageError(f"{where}: {text!r} is not an expression", hint="write it like `1 + spokes // 4`") from None
    except ZeroDivisionError:
        raise UsageError(f"{where}: {text!r} divides by zero", hint="guard it with max(1, …)") from None


@cache
def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _value(node: ast.expr, values: Mapping[str, int], where: str) -> int:
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Name(id=name):
            raise UsageError(f"{where}: there is no {name!r} here", hint="known: " + ", ".join(sorted(values)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, values, where), _value(right, values, where))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values, where)
        case ast.Call(func=ast.Name(id=name), args=[_, _, *_] as arguments, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(argument, values, where) for argument in arguments))
        case _:
            raise UsageError(f"{where}: {ast.unparse(node)!r} is not allowed",
                             hint="numbers, names, + - * //, min(a, b) and max(a, b) are")

"""Four tools for first steps: `agent.tool(calculator)`. Pure but for the clock of `current_time`. agents.md A17."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sluice.agents.tools import ToolError

MAX_EXPRESSION = 500
"""Characters."""
MAX_POWER = 1000
"""Bits that a power's base times its exponent may have: beyond it, one line keeps a processor busy for minutes."""
Number = int | float
_TWO: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ONE: Mapping[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_NAMED: Mapping[str, Callable[..., Number]] = {
    "abs": abs,
    "round": round,
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
}
_CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}


def calculator(expression: str) -> float:
    """Work out an arithmetic expression.

    Args:
        expression: Numbers, + - * / // % **, parentheses, sqrt, log, exp, sin, cos, tan, abs, min, max, round, pi, e.
    """
    if len(expression) > MAX_EXPRESSION:
        raise ToolError(f"an expression has at most {MAX_EXPRESSION} characters")
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError):
        raise ToolError("this is no arithmetic expression") from None
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ToolError(f"it cannot be worked out: {error}") from None


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=one) if type(op) in _ONE:
            return _ONE[type(op)](_value(one))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op2, right=right) if type(op2) in _TWO:
            return _TWO[type(op2)](_value(left), _value(right))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _NAMED:
            return _NAMED[name](*map(_value, args))
    raise ToolError("this is no arithmetic expression")


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > MAX_POWER:
        raise ToolError("this number is too large")
    result: Number = base**exponent
    if isinstance(result, complex):
        raise ToolError("this is no real number")
    return result


def current_time(timezone: str = "UTC") -> str:
    """Tell the date and time, as ISO 8601 has them.

    Args:
        timezone: A name of the IANA database: UTC, Europe/Berlin, Asia/Tokyo.
    """
    try:
        zone = UTC if timezone.upper() in ("UTC", "Z") else ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolError(f"there is no time zone {timezone!r}") from None
    return datetime.now(zone).isoformat(timespec="seconds")


def echo(text: str) -> str:
    """Say a text again, as it is."""
    return text


def string_length(text: str) -> int:
    """Count the characters of a text."""
    return len(text)


BUILTIN_TOOLS = (calculator, current_time, echo, string_length)

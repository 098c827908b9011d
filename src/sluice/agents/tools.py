"""A Python function as a tool: its type hints are the schema, its docstring the description."""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from sluice.agents.model import ToolSpec
from sluice.errors import ConfigError


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that a model may call."""

    name: str
    function: Callable[..., Any]
    spec: ToolSpec
    approve: bool = False

    @staticmethod
    def of(function: Callable[..., Any], *, name: str = "", approve: bool = False) -> "Tool":
        """Return a tool of a function.

        Raises:
            ConfigError: a parameter without a type, or of one that JSON has no word for.
        """
        raise NotImplementedError

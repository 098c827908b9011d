"""A value that an operator computes with CEL: a header, a key of limits, a member of a body.

Obeys: the Common Expression Language, as expression.py says.
"""

from collections.abc import Iterable

from sluice.policies.expression import Expression
from sluice.policies.scene import VARIABLES, Scene, known


class Value:
    """One expression over a scene, compiled.

    Raises:
        ValueError: it is not CEL, or names something that an expression there does not know; the message says what.
    """

    __slots__ = ("_expression", "text")

    def __init__(self, text: str, *, sees: Iterable[str] = VARIABLES) -> None:
        self.text = text
        self._expression = Expression(text, empty=known(sees), truth=False)

    def value(self, scene: Scene) -> object:
        """Return what the expression comes to: None, bool, int, float, str, bytes, list, dict, datetime or timedelta.

        Raises:
            LookupError: it fails.
        """
        return self._expression.value(scene.context(self._expression))

"""Rules about who may: CEL over the scene.

Guarantee: a request passes if and only if no `deny` rule holds, every `require` rule holds, and an `allow` rule holds
if there is any. A rule that fails (a claim that is not there) does not hold: so one that must keep somebody out is
written as `require`. Rules of all layers count together: nobody's are dropped.
Obeys: compat-agentgateway 1.7 and 2.5.
"""

import msgspec

from sluice.policies.condition import Condition
from sluice.policies.scene import Scene


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """Texts of CEL expressions."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    require: tuple[str, ...] = ()


EVERYBODY = Authorization()


def together(*layers: Authorization) -> Authorization:
    """Return the rules of all layers."""
    said = [layer for layer in layers if layer != EVERYBODY]
    return Authorization(
        allow=tuple(rule for layer in said for rule in layer.allow),
        deny=tuple(rule for layer in said for rule in layer.deny),
        require=tuple(rule for layer in said for rule in layer.require),
    )


class Rules:
    """Rules, compiled.

    Raises:
        ValueError: one is not CEL, or names something that it does not know.
    """

    __slots__ = ("_allow", "_deny", "_require")

    def __init__(self, authorization: Authorization) -> None:
        self._allow = [Condition(text) for text in authorization.allow]
        self._deny = [Condition(text) for text in authorization.deny]
        self._require = [Condition(text) for text in authorization.require]

    def permit(self, scene: Scene) -> bool:
        """Return whether a request may pass."""
        if any(rule.holds(scene) for rule in self._deny) or not all(rule.holds(scene) for rule in self._require):
            return False
        return not self._allow or any(rule.holds(scene) for rule in self._allow)

"""Rules about who may: CEL over the scene.

Guarantee: a request passes if and only if no `deny` rule holds, every `require` rule holds, and an `allow` rule holds
if there is any. A rule that fails (a claim that is not there) does not hold: so one that must keep somebody out is
written as `require`. One that fails because what the client sent cannot be read (a body that is no JSON, a parameter
that stands there twice) counts against the client, whichever rule it is. Rules of all layers count together: nobody's
are dropped.
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
    each: tuple["Authorization", ...] = ()
    """Others, of which each has to let a request pass too."""


EVERYBODY = Authorization()


def together(*layers: Authorization) -> Authorization:
    """Return the rules of all layers."""
    said = [layer for layer in layers if layer != EVERYBODY]
    return Authorization(
        allow=tuple(rule for layer in said for rule in layer.allow),
        deny=tuple(rule for layer in said for rule in layer.deny),
        require=tuple(rule for layer in said for rule in layer.require),
        each=tuple(other for layer in said for other in layer.each),
    )


def each_of(*authorizations: Authorization) -> Authorization:
    """Return rules that let a request pass if each of these does, for itself."""
    said = tuple(dict.fromkeys(one for one in authorizations if one != EVERYBODY))
    return Authorization(each=said) if len(said) > 1 else said[0] if said else EVERYBODY


class Rules:
    """Rules, compiled.

    Raises:
        ValueError: one is not CEL, or names something that it does not know.
    """

    __slots__ = ("_allow", "_deny", "_each", "_require")

    def __init__(self, authorization: Authorization) -> None:
        self._allow = [Condition(text) for text in authorization.allow]
        self._deny = [Condition(text) for text in authorization.deny]
        self._require = [Condition(text) for text in authorization.require]
        self._each = [Rules(other) for other in authorization.each]

    def permit(self, scene: Scene) -> bool:
        """Return whether a request may pass."""
        if any(rule.judged(scene) is not False for rule in self._deny):
            return False
        if not all(rule.judged(scene) for rule in self._require):
            return False
        if self._allow and not any(rule.judged(scene) for rule in self._allow):
            return False
        return all(rules.permit(scene) for rules in self._each)

"""What a controller would say of a policy: whether it is accepted, and whether it is attached.

PURE. Obeys: compat-agentgateway 2.5. A reference that leads nowhere opens no door: what needs it fails, and the policy
is `PartiallyValid`, or `Invalid` if nothing in it is left that works.
"""

from collections.abc import Sequence

import msgspec

from sluice.config.core_api import Object
from sluice.config.objects import Resource
from sluice.config.status import Condition, ObjectStatus


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What of a policy leads nowhere."""

    sentences: tuple[str, ...] = ()
    whole: bool = False
    """Nothing of the policy works."""


def policy_status(policy: Resource[Object], missing: Sequence[str], trouble: Trouble) -> ObjectStatus:
    """Return the conditions of a policy. `missing`: the targets that do not exist."""
    place = policy.place("metadata", "name")
    conditions = (_accepted(trouble), _attached(missing))
    return ObjectStatus(kind=policy.kind, name=policy.label, file=place.file, line=place.line, conditions=conditions)


def _accepted(trouble: Trouble) -> Condition:
    if not trouble.sentences:
        return Condition(type="Accepted", status=True, reason="Valid", message="Policy accepted")
    reason = "Invalid" if trouble.whole else "PartiallyValid"
    message = " ".join(trouble.sentences)
    return Condition(type="Accepted", status=not trouble.whole, reason=reason, message=message)


def _attached(missing: Sequence[str]) -> Condition:
    if missing:
        message = f"not found: {', '.join(missing)}"
        return Condition(type="Attached", status=False, reason="Pending", message=message)
    return Condition(type="Attached", status=True, reason="Attached", message="Attached to all targets")

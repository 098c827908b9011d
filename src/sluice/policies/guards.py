"""What guards look for in what is asked and answered, and what follows if they find it. Config types.

Guards accumulate: those of the Gateway come first, and nobody below it can drop one. Obeys: stream-life 6,
compat-agentgateway 1.6 and 2.3.
"""

from typing import Literal

import msgspec

Action = Literal["mask", "reject"]
Scope = Literal["system", "messages", "tool_input", "tool_output"]
Builtin = Literal["ssn", "credit_card", "phone_number", "email", "ca_sin"]

DEFAULT_SCOPES: tuple[Scope, ...] = ("system", "messages")
REQUEST_MESSAGE = "The request was rejected due to inappropriate content"
RESPONSE_MESSAGE = "The response was rejected due to inappropriate content"


class HeaderChange(msgspec.Struct, frozen=True, kw_only=True):
    """Names in lower case."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """What a client hears whose request or answer was rejected before anything was sent."""

    status: int = 403
    message: str | None = None
    """It is the body, verbatim. None = the default sentence, in the client's dialect."""
    headers: HeaderChange = HeaderChange()


class TextRules(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """`regex`: patterns and built-ins that are looked for in text."""

    name: str = "regex"
    """For counters and logs."""
    action: Action = "mask"
    builtins: tuple[Builtin, ...] = ()
    patterns: tuple[str, ...] = ()
    mask: str = "<masked>"
    """What stands for a match of a pattern; built-ins have their own words."""
    scopes: tuple[Scope, ...] = DEFAULT_SCOPES
    """Of a request."""
    rejection: Rejection = Rejection()
    max_hold_bytes: int = 4096
    max_hold_s: float = 2.0
    """While more of the text comes: a provider's silence does not count."""
    on_overflow: Literal["block", "release"] = "block"
    """What happens when text is held that long and still may belong to a match."""
    mode: Literal["incremental", "buffer"] = "incremental"
    """`buffer`: the whole answer is held, for patterns that need all of it."""
    open_layer: bool = False
    """This layer says `streaming: Disabled`: its guards pass over streams."""


class Judge(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """A service that is asked about text. Subclassed by kind in `policies/judges.py`."""

    name: str
    scopes: tuple[Scope, ...] = DEFAULT_SCOPES
    rejection: Rejection = Rejection()
    fails_open: bool = False
    timeout_s: float = 10.0
    open_layer: bool = False


Guard = TextRules | Judge


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """In the order in which they look."""

    request: tuple[Guard, ...] = ()
    response: tuple[Guard, ...] = ()


NO_GUARDS = Guards()


def accumulated(*layers: Guards) -> Guards:
    """Return the guards of all layers, the weakest first: nobody drops one that stands above."""
    said = [layer for layer in layers if layer != NO_GUARDS]
    if len(said) < 2:
        return said[0] if said else NO_GUARDS
    return Guards(
        request=tuple(guard for layer in said for guard in layer.request),
        response=tuple(guard for layer in said for guard in layer.response),
    )

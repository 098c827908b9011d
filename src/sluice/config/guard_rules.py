"""What all forms of guards have in common: where they look, what a rejected client hears, and text rules.

PURE. A pattern that cannot be used is a fault at its place.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from sluice.config.faults import Faults, Path, Place
from sluice.config.guard_api import HoldSettings, RejectionHeaders, RejectionSettings
from sluice.config.source import Document
from sluice.policies.guard_text import TextGuards
from sluice.policies.guards import DEFAULT_SCOPES, Builtin, HeaderChange, Rejection, Scope, TextRules

BUILTINS: Mapping[str, Builtin] = {
    "ssn": "ssn",
    "creditcard": "credit_card",
    "phonenumber": "phone_number",
    "email": "email",
    "casin": "ca_sin",
}
"""Words of all editions, in lower case and without `_`."""
_SCOPES: Mapping[str, Scope] = {
    "systemprompt": "system",
    "messages": "messages",
    "tooloutput": "tool_output",
    "toolinput": "tool_input",
}
"""Words of manifests and of the short form, in lower case."""
FRAMING = frozenset(
    [
        *("connection", "content-length", "date", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    ]
)
"""Headers that say something about a connection or a message's form: nobody else may set them."""


class Stands(Protocol):
    """Where settings of an object stand, whatever they are: a `Said`."""

    @property
    def document(self) -> Document: ...

    @property
    def path(self) -> Path: ...

    @property
    def namespace(self) -> str: ...

    def place(self, *steps: str | int) -> Place: ...


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """One guard of an object: where it stands, and what every kind of guard has."""

    said: Stands
    path: Path
    """Leads from what the object says to the settings of the guard's kind."""
    name: str
    """For counters and logs: `namespace/name request[0] regex`."""
    rejection: Rejection = Rejection()
    scopes: tuple[Scope, ...] = DEFAULT_SCOPES
    open_layer: bool = False
    """Its object says `streaming: Disabled`."""


def scopes_of(words: Iterable[str] | None) -> tuple[Scope, ...]:
    """Return where a guard looks in a request; None = where it looks if nobody says."""
    return DEFAULT_SCOPES if words is None else tuple(_SCOPES[word.lower()] for word in words)


def rejection_of(spec: RejectionSettings, said: Stands, path: Path, faults: Faults) -> Rejection:
    """Return what a rejected client hears; `path` leads to the settings."""
    headers = header_change(spec.headers, said, (*path, "headers"), faults)
    return Rejection(status=spec.status_code, message=spec.message, headers=headers)


def header_change(spec: RejectionHeaders, said: Stands, path: Path, faults: Faults) -> HeaderChange:
    """Return what a rejection does to headers; one that cannot be sent is a fault."""
    for kind, fields in (("set", spec.set), ("add", spec.add)):
        for name, value in fields.items():
            if name.lower() in FRAMING:
                faults.add(said.place(*path, kind, name), "this header is the gateway's to set")
            elif not (value.isascii() and value.isprintable()):
                faults.add(said.place(*path, kind, name), "a header holds printable ASCII only")
    return HeaderChange(
        set=tuple((name.lower(), value) for name, value in spec.set.items()),
        add=tuple((name.lower(), value) for name, value in spec.add.items()),
        remove=tuple(name.lower() for name in spec.remove),
    )


def text_rules(
    spot: Spot, hold: HoldSettings, *, action: str, builtins: Iterable[str], patterns: Iterable[str], mask: str | None
) -> TextRules:
    """Return text rules, their patterns not yet checked."""
    plain = TextRules()
    return TextRules(
        name=spot.name,
        action="reject" if action.lower() == "reject" else "mask",
        builtins=tuple(dict.fromkeys(BUILTINS[word.lower().replace("_", "")] for word in builtins)),
        patterns=tuple(patterns),
        mask=plain.mask if mask is None else mask,
        scopes=spot.scopes,
        rejection=spot.rejection,
        max_hold_bytes=plain.max_hold_bytes if hold.max_hold_bytes is None else int(hold.max_hold_bytes),
        max_hold_s=plain.max_hold_s if hold.max_hold is None else float(hold.max_hold),
        on_overflow="release" if (hold.on_overflow or "").lower() == "release" else "block",
        mode="buffer" if (hold.mode or "").lower() == "buffer" else "incremental",
        open_layer=spot.open_layer,
    )


def check_pattern(rules: TextRules, pattern: str, spot: Spot, path: Path, faults: Faults) -> None:
    """Add a fault if one of the patterns cannot be used; `path` leads from the guard's settings to it."""
    try:
        TextGuards([msgspec.structs.replace(rules, builtins=(), patterns=(pattern,))])
    except ValueError as error:
        faults.add(spot.said.place(*spot.path, *path), str(error))

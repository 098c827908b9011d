"""Credentials, which no log line, label or span shows, whatever an operator's expressions name.

By name: values of headers and parameters that tell what they are, also inside of addresses (`referer`), and JSON web
tokens in whatever header. By value: what was sent as a credential, wherever it stands, in every form in which bodies
write it. A credential of fewer than MIN_CHARS characters may be a word of any text, and is hidden by name alone; so is
one of fewer than MIN_GUESSED_CHARS of which only the name tells that it is one.
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from sluice.config.plan import Plan
from sluice.errors import SluiceError
from sluice.gateway.ports import Request
from sluice.gateway.scene import MAX_PARAMETERS
from sluice.policies.access import OPEN, Access
from sluice.policies.headers import names_credential
from sluice.policies.location import ANYWHERE, IN_QUERIES, Ambiguous, Location, found
from sluice.providers.credential import Secret
from sluice.relay.transcript import CUT
from sluice.wire.http1 import Header

HIDDEN: Final = "<redacted>"
MIN_CHARS: Final = 6
MIN_GUESSED_CHARS: Final = 12
USUAL_CHARS: Final = 64
"""Of a header's name."""
_HIDDEN: Final = HIDDEN.encode()
_ALSO: Final = re.compile(rb"jwt|assertion|signature|oidc-data|bearer|(^|-)auth$")
"""Headers that prove who is there, and whose names `names_credential` does not know."""
_PARAMETERS: Final = frozenset(["key", "sig", "signature", "jwt", "auth", "code", "pwd", "pass", "sid", "assertion"])
_IN_ADDRESS: Final = re.compile(rb"([?&])([^=&?#\s\"']{1,64})=([^&#\s\"']+)")
_USERINFO: Final = re.compile(rb"(?<=://)[^/?#\s@]{1,1024}@")
_TOKEN: Final = re.compile(rb"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)*")
_PLAIN: Final = re.compile(r"[\w.~-]+", re.ASCII)
"""What is written alike in JSON, in a query and in base64's own alphabet for addresses."""
_TEXT: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)(?:"(\s*+:)?|\\?\Z)', re.DOTALL)
"""A text of JSON as it is written, the name of a member or not; one that is cut off, too: each is looked at once."""


# -- by name ----------------------------------------------------------------------------------------------------------


def shareable(headers: Iterable[Header], sensitive: frozenset[str]) -> tuple[Header, ...]:
    """Return headers without the values that are credentials, as far as names and forms tell. `sensitive`: names of
    others, in lower case."""
    return tuple((name, _HIDDEN if _is_hidden(name, sensitive) else _cleared(value)) for name, value in headers)


def shareable_query(query: str) -> str:
    """Return a query without the values of parameters that are credentials, as far as names tell."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return ""  # nobody reads so many, and one of them may be a credential
    if not any(_carries_credential(name) for name, _ in pairs):
        return query
    return urlencode([(name, HIDDEN if _carries_credential(name) else value) for name, value in pairs])


def _is_hidden(name: bytes, sensitive: frozenset[str]) -> bool:
    return (_tells(name) if len(name) <= USUAL_CHARS else _told(name)) or name.decode("latin-1") in sensitive


def _told(name: bytes) -> bool:
    counts = b"ratelimit" in name and b"tokens" in name
    return (names_credential(name) and not counts) or _ALSO.search(name) is not None


_tells = lru_cache(maxsize=1024)(_told)
"""Asked of each header of each exchange; clients choose few names, or long ones."""


def _carries_credential(parameter: str) -> bool:
    return parameter.lower() in _PARAMETERS or names_credential(parameter.encode("latin-1", "replace"))


def _cleared(value: bytes) -> bytes:
    """A value without the credentials inside: in an address, and JSON web tokens."""
    if b"eyJ" in value:
        value = _TOKEN.sub(_HIDDEN, value)
    if b"://" in value:
        value = _USERINFO.sub(_HIDDEN + b"@", value)
    return _IN_ADDRESS.sub(_without_value, value) if b"=" in value else value


def _without_value(match: re.Match[bytes]) -> bytes:
    return match[1] + match[2] + b"=" + _HIDDEN if _carries_credential(match[2].decode("latin-1")) else match[0]


# -- by value ---------------------------------------------------------------------------------------------------------


def _header(place: Location) -> bytes:
    """The header that holds it; empty = none does."""
    if place.kind == "query":
        return b""
    return b"cookie" if place.kind == "cookie" else place.name.encode("latin-1")


class Unseen:
    """What a plan says of credentials. Never changed."""

    __slots__ = ("_locations", "names")

    def __init__(self, names: frozenset[str], locations: tuple[Location, ...]) -> None:
        self.names = names
        """Of headers whose values are not shown, in lower case."""
        self._locations = [(_header(place), place) for place in locations]

    @classmethod
    def of(cls, plan: Plan) -> "Unseen":
        places = {*ANYWHERE, *IN_QUERIES, *_places(plan)}
        named = {name for observing in plan.seen for name in observing.sensitive_headers}
        named |= {place.name for place in places if place.kind == "header"}
        return cls(frozenset(named), tuple(place for place in places if place.kind != "expression"))

    def secrets(self, request: Request, taken: Secret | None, theirs: Sequence[str]) -> tuple[str, ...]:
        """Return the credentials that texts about a request may hold, the longest first: those that the client sent,
        the one that was `taken` off, and those that whoever was asked got; each in every form."""
        there = {name for name, _ in request.headers}
        own = [
            credential
            for header, place in self._locations
            if (header in there if header else request.query)
            if (credential := _found(place, request)) is not None
        ]
        if taken is not None:
            own.append(taken.reveal())
        named = [value for name, value in request.headers if name.decode("latin-1") in self.names]
        own += [text for value in named for text in _bare(value)]
        known = {secret for secret in (*own, *theirs) if len(secret) >= MIN_CHARS}
        known |= {secret for secret in self._guessed(request) if len(secret) >= MIN_GUESSED_CHARS}
        forms = {form for secret in known for form in _forms(secret)}
        return tuple(sorted(forms, key=lambda form: (-len(form), form)))

    def _guessed(self, request: Request) -> Iterator[str]:
        """What is a credential as far as names tell."""
        for name, value in request.headers:
            if name == b"cookie":
                for pair in value.decode("latin-1").split(";"):
                    yield pair.partition("=")[2].strip().strip('"')
            elif _is_hidden(name, self.names):
                yield from _bare(value)
        try:
            pairs = parse_qsl(request.query, max_num_fields=MAX_PARAMETERS) if request.query else []
        except ValueError:
            return
        yield from (value for name, value in pairs if _carries_credential(name))


_USUAL: Final = Unseen(frozenset(), (*ANYWHERE, *IN_QUERIES))


def within(value: object, secrets: Sequence[str]) -> object:
    """Return a value of JSON without these secrets in any of its texts. Cost: O(n) in its texts, per secret."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return _without_begun(value, secrets) if value.endswith(CUT) else value
    if isinstance(value, dict):
        return {within(name, secrets): within(item, secrets) for name, item in value.items()}
    return [within(item, secrets) for item in value] if isinstance(value, list) else value


def blamed(error: SluiceError | None, request: Request, taken: Secret | None) -> tuple[str, str]:
    """Return an error's sentence and its word as all are told them: without the client's own credentials, which it may
    have put into its prompt, and its provider quoted. Those that the provider got are out already (`quoted`)."""
    if error is None:
        return "", ""
    secrets = _USUAL.secrets(request, taken, ())
    sentence = ": ".join(filter(None, (str(error), error.detail)))
    return str(within(sentence, secrets)), str(within(error.code, secrets))


def streamed(text: str, secrets: Sequence[str]) -> str:
    """Return the frames of a stream, HIDDEN in place of all of them if they tell a secret piece by piece: each holds
    some characters of it, and so none does. Cost: 15 microseconds for a KiB."""
    if not secrets or not ("data:" in text or text.startswith("[")):
        return text
    told: dict[str, list[str]] = {}
    for line in str(within(text, secrets)).split("\n"):
        name = ""
        for words, is_name in _TEXT.findall(line):
            if is_name:
                name = words
            else:
                told.setdefault(name, []).append(words)
    said = ("".join(pieces) for pieces in told.values())
    return HIDDEN if any(secret in words for words in said for secret in secrets) else text


def _without_begun(text: str, secrets: Sequence[str]) -> str:
    """A text that was cut off without the beginning of a secret at its end."""
    for secret in secrets:
        tail = text[-len(secret) :][: -len(CUT)]
        at = tail.find(secret[:MIN_CHARS])
        while at >= 0:
            if secret.startswith(tail[at:]):
                return text[: len(text) - len(CUT) - len(tail) + at] + HIDDEN + CUT
            at = tail.find(secret[:MIN_CHARS], at + 1)
    return text


def _bare(value: bytes) -> Iterator[str]:
    """A credential of a header as it is, and without the word before it; of `Basic` the password."""
    text = value.decode("latin-1").strip()
    word, _, rest = text.partition(" ")
    yield rest.strip() if rest and len(word) < MIN_GUESSED_CHARS else text
    if word.lower() == "basic":
        try:
            yield b64decode(rest).decode().partition(":")[2]
        except ValueError:
            return


def _forms(secret: str) -> Iterator[str]:
    """A secret as queries and bodies of JSON write it, too."""
    yield secret
    if _PLAIN.fullmatch(secret):
        return
    written = json.dumps(secret)[1:-1]
    bare = written.rstrip("=")  # which some writers of JSON escape
    yield from (quote(secret, safe=""), written, written.replace("/", "\\/"))
    if len(bare) >= MIN_CHARS:
        yield from (bare, bare.replace("/", "\\/"))


def _found(place: Location, request: Request) -> str | None:
    try:
        return found(place, request.headers, request.query)
    except (Ambiguous, ValueError):
        return None  # nobody was let in by it


def _places(plan: Plan) -> Iterator[Location]:
    """Where policies look for a client's credential."""
    for access in _accesses(plan):
        if access.jwt is not None:
            yield access.jwt.location
        if access.basic is not None:
            yield access.basic.location
        if access.api_keys is not None:
            yield from access.api_keys.locations


def _accesses(plan: Plan) -> Iterator[Access]:
    for listener in plan.listeners:
        rules = [entry.rule for entry in listener.entries]
        backends = [one.backend for rule in rules for one in rule.backends if one.backend is not None]
        said = [listener.access, *(rule.access for rule in rules), *(backend.access for backend in backends)]
        yield from (access for access in said if access != OPEN)

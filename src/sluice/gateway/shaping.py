"""Shaping at work: what becomes of the addresses, headers and bodies of one exchange.

    early ── routing ── at_rule ──── identity ──── before ──────┬── of each target: at_backend, to_provider or to_plain
      │                    │                             │      └── of each answer, errors included: to_client
      └────────────────────┴─────────────────────────────┴── the gateway answers by itself: to_client

Nothing is awaited here. Guarantee: what an operator does not mention is left as it was, and the client's headers still
reach a provider only by the allow-list of `policies.headers`; of those that it does not know only the operator's cross.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Final

import msgspec

from sluice.errors import Refused
from sluice.gateway.ports import Request
from sluice.gateway.scene import asked_facts, read_body, request_facts
from sluice.gateway.shaper import NO_SHAPER, OwnReply, Shaper, Step, names, texts
from sluice.policies import cors as cors_policy
from sluice.policies import csrf
from sluice.policies.cors import Cors
from sluice.policies.fault_injection import Abort, hits
from sluice.policies.header_change import Change, changed, settable
from sluice.policies.headers import without_credentials
from sluice.policies.redirect import Address, location
from sluice.policies.rewrite import HostMode, new_path
from sluice.policies.scene import Fact, Scene
from sluice.policies.transformation import Transformed, Transformer
from sluice.wire.http1 import Header
from sluice.wire.target import OTHER_METHODS, has_dots, spelt

_PATH: Final = re.compile(r"/[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*")
"""Visible ASCII, neither `?` nor `#` nor a backslash."""
_QUERY: Final = re.compile(r"[\x21\x22\x24-\x7e]*")
_METHOD: Final = re.compile(r"[A-Z]{1,32}")
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")


class Shape:
    """One per exchange. Call in the order of this file's head; each may be left out, and then does nothing."""

    def __init__(self, request: Request, scene: Scene, *, scheme: str) -> None:
        """`scene`: of the request; it learns of every change. `scheme`: http, or https if the listener has a
        certificate."""
        self.request = request
        """As it is now."""
        self.wait_s = 0.0
        """How long the exchange is held up before anybody is asked or answered; known after `before`."""
        self.fault: Refused | None = None
        """The error on purpose that the exchange ends with after that; known after `before`."""
        self.answering: Callable[[], Mapping[str, Fact]] = dict
        """What the variable `llm` says of the target that answers; asked for if an expression is about its answer."""
        self._asked = request
        self._scene, self._scheme = scene, scheme
        self._rule, self._prefix = NO_SHAPER, ""
        self._host = ""  # that an operator names
        self._sent: list[Header] = []  # the operator's own among the request's headers
        self._late: list[Header] = []  # those that came when the request had been read
        self._metadata: dict[str, object] = {}
        self._early, self._route = Step(), Step()
        self._inner: list[Step] = []
        self._cors: Cors | None = None
        self._preflight = False

    # -- the request --------------------------------------------------------------------------------------------------

    def early(self, shaper: Shaper) -> OwnReply | None:
        """Shape before a route is chosen (`phase: PreRouting`): what is changed here decides which it is."""
        reply = self._at(shaper.shaping.cors)
        if reply is None:
            self._early = Step(response=self._transform(shaper))
        return reply

    def at_rule(self, shaper: Shaper, prefix: str) -> OwnReply | None:
        """The request has matched. Answer a preflight; nobody has to be known for it.

        `prefix`: the value of the `PathPrefix` that matched, empty if it was no prefix.
        """
        self._rule, self._prefix = shaper, prefix
        self._route = Step(answer=shaper.response_change)
        return self._at(shaper.shaping.cors)

    def before(self, die: Callable[[], float]) -> OwnReply | None:
        """Who asks is known and may: change the request, or answer it. `die` gives numbers in [0, 1).

        Raises:
            Forbidden: a page of another origin asks.
        """
        shaper, shaping = self._rule, self._rule.shaping
        self._route = Step(response=self._transform(shaper), answer=shaper.response_change)
        if shaping.csrf is not None:
            asked = self._asked
            csrf.check(shaping.csrf, asked.method, asked.headers, asked.header(b"host") or "")
        if shaper.request_change is not None:
            self._change(shaper.request_change)
        if shaping.redirect is not None:
            where = location(shaping.redirect, self._address())
            return OwnReply(shaping.redirect.status, ((b"location", where.encode("latin-1")),))
        if shaping.rewrite is not None:
            self._host = shaping.rewrite.hostname or self._host
            if shaping.rewrite.path is not None:
                self._now(path=new_path(shaping.rewrite.path, self.request.path, self._prefix))
        if shaping.delays:
            self.wait_s = shaper.delayer.seconds(self._scene, die())
        if shaping.abort is not None and hits(shaping.abort.percent, die()):
            self.fault = _aborted(shaping.abort)
            return None
        return shaper.answer(self._scene)

    def adds(self, headers: Sequence[Header]) -> None:
        """A rate-limit service wants these to reach whoever answers, in place of the client's own. What nobody may set
        is left out."""
        fields = [field for field in headers if settable(field)]
        self._late += fields
        self._change(Change(remove=tuple(name for name, _ in fields), add=tuple(fields)))

    def at_backend(self, *shapers: Shaper) -> None:
        """These are asked now: the backendRef, the backend, the target, as far as they shape. The scene knows `backend`
        already."""
        self._inner = [self._step(shaper) for shaper in shapers if shaper is not NO_SHAPER]

    def aside(self, scene: Scene) -> "Shape":
        """Return the shape of a copy, for another backend: call its `at_backend`. `scene`: its own. What either does
        from now on shows nowhere in the other, and a credential that the operator sets is for who answers alone."""
        other = copy(self)
        other._scene, other._inner = scene, []
        other._sent, other._late = without_credentials(self._sent), without_credentials(self._late)
        return other

    def to_provider(self, crossing: Sequence[Header], fixed: bytes) -> list[Header]:
        """Return the headers of the request that a provider sees, beside those that the gateway says itself.

        `crossing`: what `policies.headers.to_provider` lets through of `request`. `fixed`: the rendered fields that
        stand there anyway, the credential among them: they are neither replaced nor doubled.
        """
        late = {name for name, _ in self._late}
        headers = [field for field in crossing if field[0] not in late] if late else list(crossing)
        known = {name for name, _ in headers}
        headers += [field for field in self._sent if field[0] not in known]
        taken = names(fixed)
        return [field for field in self._for_backend(headers) if field[0] not in taken]

    def provider_host(self, own: str) -> str:
        """Return the Host for a provider whose own is `own`."""
        return self._host_for(self._rule.shaping.host or "auto", own)

    def to_plain(self, own: str) -> Request:
        """Return the request that a backend of plain HTTP gets, whose own Host is `own`."""
        host = self._host_for(self._rule.shaping.host or "none", own)
        headers = self._for_backend(list(self.request.headers))
        return msgspec.structs.replace(self.request, headers=_with(headers, b"host", host))

    # -- the answer ---------------------------------------------------------------------------------------------------

    def heard(self, status: int, headers: Sequence[Header]) -> list[Header]:
        """Return a provider's headers as the operator wants them to be understood: a `retry-after` that a route sets
        lets the target rest (labs A024)."""
        return self._answered(status, headers, headers)

    def to_client(self, status: int, headers: Sequence[Header], theirs: Sequence[Header] = ()) -> list[Header]:
        """Return the headers of an answer, whichever it is, as the client gets them. `theirs`: all that the backend
        said, for expressions; empty = nobody was asked."""
        result = self._answered(status, headers, theirs or headers)
        if self._cors is None or self._preflight:
            return result
        result = [field for field in result if not field[0].startswith(cors_policy.PREFIX)]
        return [*result, *cors_policy.answered(self._cors, self._asked.headers)]

    # -- inside -------------------------------------------------------------------------------------------------------

    def _at(self, cors: Cors | None) -> OwnReply | None:
        if cors is None:
            return None
        self._cors = cors
        self._preflight = cors_policy.is_preflight(self._asked.method, self._asked.headers)
        if not self._preflight:
            return None
        return OwnReply(200, tuple(cors_policy.preflight(cors, self._asked.headers)))

    def _transform(self, shaper: Shaper) -> Transformer | None:
        """Make the transformation of the request, and return that of its answer."""
        choice = shaper.choice(self._scene)
        if choice.request is not None:
            self._make(self._of(choice.request))
        return choice.response

    def _step(self, shaper: Shaper) -> Step:
        """The same for a backend: its request is changed when it is written."""
        choice = shaper.choice(self._scene)
        changes = () if choice.request is None else (self._of(choice.request).headers,)
        if shaper.request_change is not None:
            changes = (*changes, shaper.request_change)
        return Step(changes, choice.response, shaper.response_change)

    def _of(self, transformer: Transformer) -> Transformed:
        transformed = transformer.of(self._scene, self._metadata)
        self._metadata = dict(transformed.metadata)
        return transformed

    def _make(self, transformed: Transformed) -> None:
        self._change(transformed.headers)
        pseudo = transformed.pseudo
        path, _, query = pseudo.get(":path", "").partition("?")
        if _PATH.fullmatch(path) and _QUERY.fullmatch(query) and not has_dots(path):
            self._now(path=spelt(path), query=query)
        if self._may_be(method := pseudo.get(":method", "")):
            self._now(method=method)
        if _HOST.fullmatch(host := pseudo.get(":authority", "")):
            self._host = host
            self._now(headers=_with(self.request.headers, b"host", host))
        if transformed.body is not None:
            plain = tuple(field for field in self.request.headers if field[0] != b"content-encoding")
            self._now(body=transformed.body, headers=plain)

    def _may_be(self, method: str) -> bool:
        """Whether the request may be sent with this method. Of HEAD there is no other: its answer has no body."""
        known = _METHOD.fullmatch(method) is not None and method not in OTHER_METHODS
        return known and (method == "HEAD") is (self._asked.method == "HEAD")

    def _change(self, change: Change) -> None:
        self._sent = changed(self._sent, change)
        self._now(headers=tuple(changed(self.request.headers, change)))

    def _now(self, **members: object) -> None:
        self.request = request = msgspec.structs.replace(self.request, **members)
        self._scene.learn("request", partial(request_facts, request, self._scheme))
        if "body" in members:
            self._scene.learn("llmRequest", partial(read_body, request))
        if members.keys() & {"body", "path", "query"}:
            self._scene.add("llm", asked_facts(request))

    def _address(self) -> Address:
        request = self.request
        return Address(
            scheme="https" if self._scheme == "https" else "http",
            host=request.header(b"host") or "",
            port=request.port,
            path=request.path,
            query=request.query,
            prefix=self._prefix,
        )

    def _host_for(self, mode: HostMode, own: str) -> str:
        """An operator's host before all; else the client's, if it named one and is to be heard."""
        theirs = self.request.header(b"host") if mode == "none" else ""
        return self._host or theirs or own

    def _for_backend(self, headers: list[Header]) -> list[Header]:
        for step in self._inner:
            for change in step.request:
                headers = changed(headers, change)
        return headers

    def _answered(self, status: int, headers: Sequence[Header], theirs: Sequence[Header]) -> list[Header]:
        steps = [*reversed(self._inner), self._route, self._early]
        if any(step.response is not None for step in steps):
            self._scene.learn("response", {"code": status, "headers": lambda: texts(theirs)})
            self._scene.add("llm", self.answering())
        result = list(headers)
        for step in steps:
            if step.response is not None:
                result = changed(result, self._of(step.response).headers)
            if step.answer is not None:
                result = changed(result, step.answer)
        return result


def _with(headers: Sequence[Header], name: bytes, value: str) -> tuple[Header, ...]:
    return ((name, value.encode("latin-1")), *(field for field in headers if field[0] != name))


def _aborted(abort: Abort) -> Refused:
    error = Refused(abort.message, status=abort.status, code="fault_injected")
    error.reason = "DirectResponse"
    return error

"""Credentials on a request to a provider: the operator's own, or the client's, each where it belongs."""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from sluice.config.plan import Target
from sluice.gateway.ports import Request
from sluice.providers.credential import AwsKeys, HeaderPlacement, Secret
from sluice.providers.provider import Served, placed
from sluice.wire.http1 import Header

_CREDENTIALS = (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")
"""Where clients of the published APIs keep their credential."""
_OURS = (b"host", b"content-type", b"content-encoding", b"accept-encoding", b"traceparent")
"""What no policy says to a provider; what frames a message no policy may name at all."""


class TargetKeys:
    """The credentials of one target."""

    __slots__ = ("_keyed", "_own", "_target", "query")

    def __init__(self, target: Target) -> None:
        self._target = target
        self._keyed = target.credential is not None or target.passthrough or target.cloud is not None
        parts = [one.placement.parameter(one.secret) for one in target.credentials if one.placement.kind == "query"]
        if target.credential is not None and target.placement is not None and target.placement.kind == "query":
            parts.append(target.placement.parameter(target.credential))
        self.query = "&".join(parts)
        """The part of a query that holds what goes there."""
        self._own = _quotable(_texts(target))

    def secrets(self, request: Request) -> tuple[str, ...]:
        """Return what whoever is asked could quote of the credentials that it gets, in every form in which it gets
        them: the operator's, wherever they go, and the client's own where that is passed on. The longest come first:
        one may be the beginning of another."""
        own = client_credential(request) if self._target.passthrough else None
        return self._own if own is None else _quotable([own.reveal(), *self._own])

    def headers(self, row: Served | None) -> list[Header]:
        """Return the operator's credentials that go into headers, for a request of this kind."""
        credential, further = self._target.credential, self._target.credentials
        fields = [] if credential is None else self._placed(credential, row)
        return _one_cookie(
            [*fields, *(one.placement.render(one.secret) for one in further if one.placement.kind != "query")]
        )

    def passed_on(self, request: Request, row: Served | None) -> list[Header]:
        """Return what goes into headers of the client's own: its credential, if it is to be passed on, and what
        policies say of the request, but for what is the gateway's to say to this provider."""
        secret = client_credential(request) if self._target.passthrough else None
        fields = [] if secret is None else self._placed(secret, row)
        own = (*_OURS, *(_CREDENTIALS if self._keyed else ()))
        return [*fields, *(field for field in request.added if field[0] not in own)]

    def passed_on_query(self, request: Request) -> str:
        """Return the part of a query that holds the client's own credential, if that is where it goes."""
        placement = self._target.placement
        if not self._target.passthrough or placement is None or placement.kind != "query":
            return ""
        secret = client_credential(request)
        return placement.parameter(secret) if secret is not None else ""

    def _placed(self, secret: Secret, row: Served | None) -> list[Header]:
        """A credential where the operator or the provider wants it, with what goes with its kind."""
        placement = self._target.placement
        if placement is not None:
            return [] if placement.kind == "query" else [placement.render(secret)]
        placement, headers = placed(self._target.provider, secret, row)
        with_it = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return [placement.render(Secret(HeaderPlacement().bare(secret))), *with_it]


def client_credential(request: Request) -> Secret | None:
    """Return the client's own credential: the one that was verified, else what stands where its API keeps it."""
    if request.credential is not None:
        return request.credential
    for name in _CREDENTIALS:
        value = request.header(name)
        if value:
            return Secret(HeaderPlacement().bare(Secret(value)))
    return None


def _texts(target: Target) -> Iterator[str]:
    """The operator's credentials without what stands before them: a provider leaves that out when it quotes them."""
    if target.credential is not None:
        yield HeaderPlacement().bare(target.credential)
        if target.placement is not None:
            yield target.placement.bare(target.credential)
    for one in target.credentials:
        yield one.placement.bare(one.secret)
    if isinstance(target.cloud, AwsKeys) and target.cloud.session_token is not None:
        yield target.cloud.session_token.reveal().strip()


def _quotable(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts as they are, and as they stand in a query; the longest first."""
    forms = {form for text in texts for form in (text, quote(text, safe=""))}
    return tuple(sorted(forms - {""}, key=lambda form: (-len(form), form)))


def _one_cookie(fields: Sequence[Header]) -> list[Header]:
    """Return headers with all cookies in one field (RFC 6265 5.4)."""
    rest = [field for field in fields if field[0] != b"cookie"]
    cookies = [value for name, value in fields if name == b"cookie"]
    return [*rest, (b"cookie", b"; ".join(cookies))] if cookies else rest

"""Shaping as an exchange has it, without one."""

from collections.abc import Callable

from sluice.gateway.ports import Request
from sluice.gateway.scene import scene_of
from sluice.gateway.shaper import Shaper
from sluice.gateway.shaping import Shape
from sluice.policies.headers import to_provider
from sluice.policies.scene import Scene
from sluice.policies.shaping import Shaping
from sluice.wire.http1 import Header, fields


def never() -> float:
    """A die that hits no share but the whole."""
    return 0.999999


def always() -> float:
    """A die that hits every share but none."""
    return 0.0


def request(
    method: str = "POST",
    path: str = "/openai",
    *headers: Header,
    query: str = "",
    body: bytes = b"",
    host: bytes = b"gw.example:8080",
) -> Request:
    named = ((b"host", host), *headers) if host else headers
    return Request(
        method=method,
        path=path,
        query=query,
        headers=named,
        body=body,
        http_version="HTTP/1.1",
        peer="10.0.0.1:5000",
        port=8080,
        received_at=0.0,
    )


def shape(asked: Request, *, scheme: str = "http", **known: object) -> Shape:
    return Shape(asked, scene(asked, scheme, **known), scheme=scheme)


def scene(asked: Request, scheme: str, **known: object) -> Scene:
    found = scene_of(asked, scheme=scheme)
    for name, value in known.items():
        found.learn(name, value)
    return found


def shaped(
    shaping: Shaping, asked: Request, *, prefix: str = "/openai", die: Callable[[], float] = never, **known: object
) -> Shape:
    """A shape whose request has been through all of it; the gateway does not answer by itself."""
    found = shape(asked, **known)
    shaper = Shaper(shaping)
    assert found.at_rule(shaper, prefix) is None
    assert found.before(die) is None
    return found


def sent(found: Shape, *, same_api: bool = False, fixed: tuple[Header, ...] = ()) -> list[Header]:
    """What a provider gets of a shaped request."""
    return found.to_provider(to_provider(found.request.headers, same_api=same_api), fields(fixed))

"""The short way: one provider, one gateway, one request."""

from sluice.gateway.ports import Request
from sluice.policies.deadlines import Deadlines
from sluice.wire.http1 import Header
from tests.support.http_answer import Answer
from tests.support.raw_client import STREAM, request
from tests.support.raw_upstream import Play
from tests.support.serving import Serving
from tests.support.world import World


async def ask(world: World, play: Play | bytes, body: bytes = STREAM, **clocks: float) -> tuple[Answer, Serving]:
    _, serving, client = await world.between(play, deadlines=Deadlines(**clocks))
    return await client.ask(request(body)), serving


def asked_with(
    *, method: str = "POST", path: str = "/v1/chat/completions", headers: tuple[Header, ...] = ()
) -> Request:
    """A request as the network hands it over."""
    return Request(
        method=method,
        path=path,
        query="",
        headers=headers,
        body=b"{}",
        http_version="HTTP/1.1",
        peer="127.0.0.1:1",
        port=8080,
        received_at=0.0,
    )

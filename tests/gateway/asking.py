"""The short way: one provider, one gateway, one request."""

from sluice.policies.deadlines import Deadlines
from tests.support.http_answer import Answer
from tests.support.raw_client import STREAM, request
from tests.support.raw_upstream import Play
from tests.support.serving import Serving
from tests.support.world import World


async def ask(world: World, play: Play | bytes, body: bytes = STREAM, **clocks: float) -> tuple[Answer, Serving]:
    _, serving, client = await world.between(play, deadlines=Deadlines(**clocks))
    return await client.ask(request(body)), serving

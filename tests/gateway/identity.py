"""The policies of identity with everything they need: a real pool, real files, and clocks that pass when told to."""

import msgspec

from sluice.errors import SluiceError
from sluice.gateway.access import AccessControl, Admitted
from sluice.gateway.ports import Request
from sluice.gateway.scene import scene_of
from sluice.net.pool import Pool
from sluice.net.texts import TextReader
from sluice.policies.access import Access
from sluice.policies.hidden import Hidden
from sluice.policies.jwt import Issuer, Jwt, Mode
from sluice.policies.scene import Scene
from sluice.policies.server import Server, Source
from tests.net.asking import Closing
from tests.support.tokens import ISSUER, jwk_set
from tests.support.world import World

WALL = 1_800_000_000.0


class Desk:
    """Who lets requests in. `said` holds what the process log would hear."""

    def __init__(self, pool: Pool) -> None:
        self.now, self.wall = 1000.0, WALL
        self.said: list[str] = []
        self.pool = pool
        self.control = AccessControl(
            upstream=pool,
            texts=TextReader(pool),
            clock=lambda: self.now,
            wall=lambda: self.wall,
            failed=self.said.append,
        )
        self.scene = Scene()

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    async def admit(self, access: Access, *headers: str, **members: object) -> Admitted:
        """Check a request with these headers; its scene is `scene` afterwards."""
        asked = request(*headers, **members)
        self.scene = scene_of(asked)
        return await self.control.check(access, asked, self.scene)

    async def refusal(self, access: Access, *headers: str, **members: object) -> SluiceError:
        """Return the error that such a request meets."""
        try:
            await self.admit(access, *headers, **members)
        except SluiceError as error:
            return error
        raise AssertionError("it was let in")


async def desk_in(world: World) -> Desk:
    return Desk(await world.enter(Closing(Pool())))


def request(*headers: str, **members: object) -> Request:
    pairs = (header.partition(": ") for header in headers)
    fields = tuple((name.lower().encode(), value.encode("utf-8")) for name, _, value in pairs)
    usual = Request(
        method="POST",
        path="/v1/chat/completions",
        query="",
        headers=((b"host", b"llm.example"), *fields),
        body=b'{"model": "gpt-4o", "stream": true}',
        http_version="HTTP/1.1",
        peer="192.0.2.7:4711",
        port=8080,
        received_at=0.0,
    )
    return msgspec.structs.replace(usual, **members)


def here(port: int) -> Server:
    return Server(host="127.0.0.1", port=port)


def tokens(mode: Mode = "strict", keys: Source | str | None = None, **members: object) -> Access:
    """Tokens of one issuer; `keys` are inline if they are a text."""
    if not isinstance(keys, Source):
        keys = Source(inline=Hidden((keys or jwk_set()).encode()))
    issuer = Issuer(issuer=ISSUER, keys=keys)
    return msgspec.convert({"jwt": Jwt(mode=mode, issuers=(issuer,)), **members}, Access)

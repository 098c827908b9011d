"""What a verification works with: the gateway's address, the fake provider behind it, and the seed.

Sends requests, finds the provider's side of each, and learns from a complete answer where its events are.
"""

import asyncio
import random
import time
from collections.abc import Callable

from sluice.testing import fake_doors
from sluice.testing.fake_desk import Options
from sluice.testing.fake_fault import Fault
from sluice.testing.fake_provider import FakeProvider
from sluice.testing.fake_sight import Sight
from sluice.verify import http_client, judge
from sluice.verify.asking import NO_FAULT, Gateway, Wish, request
from sluice.verify.facts import AREAS, Client, Provider
from sluice.verify.http_answer import AnswerReader
from sluice.verify.http_client import Asking, Heard
from sluice.verify.layout import Layout, layout
from sluice.verify.words import sentence

PATIENCE_S = 10.0
"""For an answer that is not delayed on purpose."""
REMEMBER = 1024
"""Requests and sights that the fake keeps: more than are ever under way at once."""
LOOK_S = 0.005


class Unserved(Exception):
    """The gateway does not give even a complete answer of this client and provider, so that nothing else can be
    asked."""


def fake_provider() -> FakeProvider:
    """Return the fake as a verification needs it."""
    return FakeProvider(Options(remember=REMEMBER))


class Rig:
    """One verification. Its chance comes from the seed alone."""

    def __init__(self, fake: FakeProvider, gateway: Gateway, seed: int, *, quick: bool = False) -> None:
        self.fake = fake
        self.gateway = gateway
        self.seed = seed
        self.quick = quick
        """A sample is enough."""
        self.dice = {area: random.Random(f"{seed} {area}") for area in AREAS}  # noqa: S311 - to be repeated, no secret
        """Which only the choice of cells may ask. Each area has its own: what it asks does not depend on the others."""
        self.text = sentence(random.Random(seed), 14)  # noqa: S311 - to be repeated, no secret
        """The usual answer; its letters have one to four bytes."""
        self.requests = 0
        """That were sent."""
        self._numbers = 0
        self._layouts: dict[tuple[Client, Provider, bool], Layout] = {}
        self._locks: dict[tuple[Client, Provider, bool], asyncio.Lock] = {}

    # -- asking -------------------------------------------------------------------------------------------------------

    def wish(
        self,
        client: Client,
        provider: Provider,
        fault: Fault = NO_FAULT,
        *,
        content: str | None = None,
        stream: bool = True,
        shows_usage: bool = False,
    ) -> Wish:
        """Return a request with a tag of its own; its content is the usual one unless it is given."""
        self._numbers += 1
        return Wish(
            client=client,
            provider=provider,
            content=self.text if content is None else content,
            fault=fault,
            tag=f"v{self.seed % 10**6:06d}-{self._numbers:06d}",
            stream=stream,
            shows_usage=shows_usage,
        )

    async def ask(self, wish: Wish, *, within_s: float = PATIENCE_S) -> Heard:
        """Send a request and wait for its answer."""
        try:
            asking = await self.begin(wish)
        except OSError:
            now = time.monotonic()
            return Heard(answer=AnswerReader(), how="refused", asked_s=now, ended_s=now)
        return await asking.wait(within_s)

    async def begin(self, wish: Wish, *, reads: bool = True, receive_buffer: int = 0) -> Asking:
        """Send a request, and leave the rest to the caller.

        Raises:
            OSError: there is no connection.
        """
        gateway, data = self.gateway, request(self.gateway, wish)
        asking = await http_client.connect(
            gateway.host, gateway.port, data, tls=gateway.tls, reads=reads, receive_buffer=receive_buffer
        )
        self.requests += 1
        return asking

    # -- the provider's side ------------------------------------------------------------------------------------------

    def sight(self, wish: Wish) -> Sight | None:
        """What the provider saw of a request, the last time that it was asked; None = it was never asked."""
        seen = self.fake.seen_of(tag=wish.tag)
        return seen[-1] if seen else None

    def forget(self) -> None:
        """Forget what the provider saw so far: who looks often and only at what comes looks faster then."""
        self.fake.reset()

    async def seen(
        self, wish: Wish, holds: Callable[[Sight], bool] = lambda _: True, *, within_s: float = PATIENCE_S
    ) -> Sight | None:
        """Wait until something holds of what the provider saw; return it as it is then, or at the end of the wait."""
        deadline = time.monotonic() + within_s
        while True:
            sight = self.sight(wish)
            if (sight is not None and holds(sight)) or time.monotonic() > deadline:
                return sight
            await asyncio.sleep(LOOK_S)

    # -- layouts ------------------------------------------------------------------------------------------------------

    async def layout(self, client: Client, provider: Provider, *, stream: bool = True) -> Layout:
        """Return where the usual answer has its events when this client asks this provider: learnt from a complete
        answer, once.

        Raises:
            Unserved: the complete answer does not come.
        """
        key = (client, provider, stream)
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._layouts:
                self._layouts[key] = await self._learn(client, provider, stream=stream)
        return self._layouts[key]

    async def _learn(self, client: Client, provider: Provider, *, stream: bool) -> Layout:
        wish = self.wish(client, provider, stream=stream)
        found = judge.read(client, await self.ask(wish), stream=stream)
        verdict = judge.complete(found, wish.content)
        if verdict.result != "pass":
            raise Unserved(f"not even an undisturbed answer is right: {verdict.came}")
        asked = self.asked(wish)
        if asked is None:
            raise Unserved(f"an answer came ({verdict.came}), but the fake provider was not asked")
        return asked

    def asked(self, wish: Wish) -> Layout | None:
        """The undisturbed answer to a request as it reached the provider; None = it did not."""
        tag = wish.tag.encode()
        found = next((request for request in reversed(self.fake.requests) if tag in request.body), None)
        return None if found is None else layout(fake_doors.find(found), found.body)

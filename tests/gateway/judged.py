"""Services that judge text, for tests: where they listen, and who asks them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from sluice.config.judging import JudgeService, RemoteJudge
from sluice.gateway.judging import Judges
from sluice.net.pool import Pool
from sluice.net.signing import CloudSigner
from sluice.providers.judge_webhook import Webhook
from sluice.providers.text_judge import Form
from tests.support.plans import here
from tests.support.raw_upstream import Asked, Call, Play, sized

Answer = Callable[[Asked], object]


def saying(answer: Answer | object) -> Play:
    """A service that answers each request with this JSON, or with what a function makes of the request."""

    async def play(call: Call) -> None:
        while True:
            asked = await call.request()
            value = answer(asked) if callable(answer) else answer
            call.send(sized(msgspec.json.encode(value)))

    return play


def at(port: int, form: Form | None = None, **members: object) -> RemoteJudge:
    """A guard that asks the service at a port of this machine: a webhook if nothing else is said."""
    service = JudgeService(endpoint=here(port))
    guard = RemoteJudge(name="judge", form=form or Webhook(), service=service, timeout_s=5.0)
    return msgspec.structs.replace(guard, **members)


@asynccontextmanager
async def judging() -> AsyncIterator[Judges]:
    """The way to services, with a pool of its own."""
    pool = Pool()
    try:
        yield Judges(pool, CloudSigner(time.time))
    finally:
        pool.close()


def messages(asked: Asked) -> list[str]:
    """The contents that a webhook was asked about."""
    body = asked.json()["body"]
    assert isinstance(body, dict)
    rows: Sequence[dict[str, object]] = body.get("messages") or [row["message"] for row in body["choices"]]
    return [str(row["content"]) for row in rows]


async def hangs(call: Call) -> None:
    """A service that takes a request and says nothing."""
    await call.request()
    await asyncio.wait_for(call.gone(60.0), 60)

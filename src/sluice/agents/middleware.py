"""Functions to put around a handler: `agent.use(timer())`. Each sees the pieces as they come and may change, stop or
add to them; none waits for the whole answer before it gives the first piece.

    agent.use(log())
    agent.use(rate_limit(20, per=60))
    agent.use(content_filter([r"\\bsecret\\b"]))

Limits and answers are kept per principal (`ctx.user`), never per message. A prompt or an answer never reaches a log.
"""

import asyncio
import logging
import re
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from hashlib import sha256
from inspect import isawaitable
from math import ceil
from typing import Any

import msgspec

from sluice.agents.agent import Call, Middleware
from sluice.agents.context import Context
from sluice.agents.endings import OutOfTime
from sluice.agents.ids import uuid7
from sluice.agents.model import Chunk
from sluice.errors import BadRequest, GuardRejected, RateLimited, SluiceError
from sluice.runs.messages import TextPart

Pieces = AsyncGenerator[Any, None]
_LOG = logging.getLogger("sluice.agents")


async def _through(call: Call, ctx: Context) -> Pieces:
    """Give what the handler gives, and close it whatever happens."""
    said = call(ctx)
    async with aclosing(said) as pieces:  # type: ignore[type-var]  # every call is a generator
        async for piece in pieces:
            yield piece


def recover(reply: str = "Something went wrong. Please try again.") -> Middleware:
    """Answer with a sentence when the handler fails, behind what it has said; the error goes to the log. Errors of
    ours, which say what they are to the client, pass."""

    async def run(ctx: Context, call: Call) -> Pieces:
        try:
            async for piece in _through(call, ctx):
                yield piece
        except SluiceError:
            raise
        except Exception as error:
            _LOG.error("run %s: the handler failed: %s", ctx.run.id, type(error).__name__)
            yield reply

    return run


def log(logger: logging.Logger = _LOG, level: int = logging.INFO) -> Middleware:
    """Log the beginning and the end of each run: who, how long, how much; not what."""

    async def run(ctx: Context, call: Call) -> Pieces:
        logger.log(level, "run %s: agent=%s thread=%s begins", ctx.run.id, ctx.agent.name, ctx.thread.id)
        began, how = time.monotonic(), "left"
        try:
            async for piece in _through(call, ctx):
                yield piece
            how = "ended"
        except Exception as error:
            how = f"failed ({type(error).__name__})"
            raise
        finally:
            stats, took = ctx.writer.stats(), time.monotonic() - began
            shape = "run %s: %s after %.3f s, %d chunks, %d characters"
            logger.log(level, shape, ctx.run.id, how, took, stats.chunks, stats.characters)

    return run


def request_id(key: str = "request_id") -> Middleware:
    """Put the request's id into the run's metadata and say it, one of ours if the client has none."""

    async def run(ctx: Context, call: Call) -> Pieces:
        ctx.metadata.setdefault(key, ctx.run.request_id or uuid7())
        await ctx.data(key, ctx.metadata[key], transient=True)
        async for piece in _through(call, ctx):
            yield piece

    return run


def timer(key: str = "processing_time_ms") -> Middleware:
    """Say at the end how long the handler took, in milliseconds."""

    async def run(ctx: Context, call: Call) -> Pieces:
        began = time.monotonic()
        async for piece in _through(call, ctx):
            yield piece
        await ctx.data(key, round((time.monotonic() - began) * 1000, 3), transient=True)

    return run


def validate(
    check: Callable[[Context], str | bool | Awaitable[str | bool | None] | None] | None = None,
    *,
    max_characters: int = 0,
) -> Middleware:
    """Refuse a message before the handler sees it: an empty one, one that is too long, or one about which `check` says
    what is wrong (a sentence, or False).

    The run fails with BadRequest.
    """

    async def run(ctx: Context, call: Call) -> Pieces:
        if not ctx.text.strip() and all(isinstance(part, TextPart) for part in ctx.parts) and not ctx.run.answers:
            raise BadRequest("the message is empty", param="message")
        if max_characters and len(ctx.text) > max_characters:
            raise BadRequest(f"the message is longer than {max_characters} characters", param="message")
        wrong = check(ctx) if check is not None else None
        if isawaitable(wrong):
            wrong = await wrong
        if wrong is False or isinstance(wrong, str):
            raise BadRequest(wrong or "the message is not allowed", param="message")
        async for piece in _through(call, ctx):
            yield piece

    return run


def rate_limit(
    runs: int, *, per: float = 60.0, key: Callable[[Context], str] | None = None, keys: int = 10_000
) -> Middleware:
    """Let each principal (or what `key` says) have so many runs in any `per` seconds; a sliding window. At most `keys`
    of them are remembered, those seen last.

    The run fails with RateLimited, which says when to come back.
    """
    seen: OrderedDict[str, deque[float]] = OrderedDict()

    async def run(ctx: Context, call: Call) -> Pieces:
        who, now = (key or _user)(ctx), time.monotonic()
        times = seen.setdefault(who, deque())
        seen.move_to_end(who)
        if len(seen) > keys:
            seen.popitem(last=False)
        while times and times[0] <= now - per:
            times.popleft()
        if len(times) >= runs:
            wait_s = ceil(times[0] + per - now)
            raise RateLimited(f"at most {runs} messages in {per:g} s", retry_after_s=max(1, wait_s))
        times.append(now)
        async for piece in _through(call, ctx):
            yield piece

    return run


def _user(ctx: Context) -> str:
    return ctx.user


def metadata(**values: Any) -> Middleware:
    """Put values into the run's metadata; what the client gave stays."""

    async def run(ctx: Context, call: Call) -> Pieces:
        for name, value in values.items():
            ctx.metadata.setdefault(name, value)
        async for piece in _through(call, ctx):
            yield piece

    return run


def timeout(seconds: float) -> Middleware:
    """End the handler after so many seconds; what it said stays.

    The run ends with the outcome `timeout`.
    """

    async def run(ctx: Context, call: Call) -> Pieces:
        deadline = asyncio.get_running_loop().time() + seconds
        said = call(ctx)
        async with aclosing(said) as pieces:  # type: ignore[type-var]  # every call is a generator
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        piece = await anext(pieces)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    if asyncio.get_running_loop().time() < deadline:
                        raise  # the handler's own
                    raise OutOfTime(f"streaming timeout after {seconds:g}s") from None
                yield piece

    return run


def content_filter(
    patterns: Iterable[str], *, replacement: str = "[filtered]", refuse: bool = False, window: int = 256
) -> Middleware:
    """Replace what matches in the answer, or with `refuse` end the run as refused before any of it is said. The last
    `window` characters are held back while the text goes on, so that no match slips through between two pieces;
    patterns must not match more than that.

    With `refuse` the run fails with GuardRejected.
    """
    found = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))

    async def run(ctx: Context, call: Call) -> Pieces:
        held = ""

        def clean(text: str) -> str:
            if refuse and found.search(text):
                raise GuardRejected("the answer was refused by a filter")
            return found.sub(replacement, text)

        async for piece in _through(call, ctx):
            text = piece if isinstance(piece, str) else piece.text if isinstance(piece, Chunk | TextPart) else None
            if text is None:
                yield clean(held)
                held = ""
                yield piece
                continue
            held, ready = _cut(found, held + text, window)
            if isinstance(piece, Chunk) and (piece.reasoning or piece.usage is not None):
                yield msgspec.structs.replace(piece, text="")
            yield clean(ready)
        yield clean(held)

    return run


def _cut(found: "re.Pattern[str]", text: str, window: int) -> tuple[str, str]:
    """Return what must be held back, and what may go: never a part of a match."""
    place = max(0, len(text) - window)
    for match in found.finditer(text):
        if match.start() < place < match.end():
            place = match.start()
    return text[place:], text[:place]


def cache(*, ttl: float = 300.0, answers: int = 1000, key: Callable[[Context], str] | None = None) -> Middleware:
    """Give a principal the same answer to the same conversation for `ttl` seconds, as a stream of the same pieces. Only
    whole answers are kept, and only those of texts and chunks; the oldest go first."""
    kept: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()

    async def run(ctx: Context, call: Call) -> Pieces:
        name = sha256((key or _conversation)(ctx).encode()).hexdigest()
        until, pieces = kept.get(name, (0.0, []))
        if until > time.monotonic():
            for text in pieces:
                yield text
            return
        texts: list[str] | None = []
        async for piece in _through(call, ctx):
            plain = isinstance(piece, str) or (isinstance(piece, Chunk) and not piece.tool_calls)
            texts = [*texts, str(piece)] if texts is not None and plain else None
            yield piece
        if texts and not ctx.run.answers:
            kept[name] = (time.monotonic() + ttl, texts)
            kept.move_to_end(name)
            if len(kept) > answers:
                kept.popitem(last=False)

    return run


def _conversation(ctx: Context) -> str:
    said = [(message.role, message.parts) for message in ctx.messages]
    return msgspec.json.encode([ctx.user, ctx.agent.name, ctx.run.settings, said]).decode()

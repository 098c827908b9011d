"""What a client waits for where guards look at a stream: over real sockets, delta by delta, on clean prose.

Behind each delta the provider says one sign in another choice. Texts do not hold up each other, so when the client has
that sign, it has everything that was let through of the delta before it: nothing has to be waited for to be sure.
"""

import asyncio
import json
import re
from statistics import median

import pytest

from sluice.policies.ai import AiPolicy
from sluice.policies.guard_scan import size
from sluice.policies.guards import Builtin, Guards, TextRules
from tests.guards.fillers import PROSE
from tests.guards.values import BUILTINS, PATTERNS
from tests.relay.relays import DONE, ROLE, text
from tests.relay.relays import chunk as event
from tests.support.raw_client import STREAM, RawClient, request
from tests.support.raw_upstream import LAST, Call, chunk, chunked_head
from tests.support.world import World

SIGN = "|"
CARD = " 4111 1111 1111 1111"
NO_EMAIL: tuple[Builtin, ...] = tuple(kind for kind in BUILTINS if kind != "email")
TEXT = " ".join(PROSE)
WORDS = re.findall(r"\s*\S+", TEXT)
DELTAS = {
    "words": WORDS,
    "three words": ["".join(WORDS[at : at + 3]) for at in range(0, len(WORDS), 3)],
    "sentences": [f"{line} " for line in PROSE],
}


async def held(world: World, rules: TextRules, deltas: list[str]) -> tuple[list[str], str]:
    """Return what the client does not have yet after each delta, and the whole text that it got."""
    calls: asyncio.Queue[Call] = asyncio.Queue()

    async def play(call: Call) -> None:
        await call.request()
        await calls.put(call)
        await call.gone(60.0)

    upstream = await world.upstream(play)
    serving = await world.gateway(upstream.port, ai=AiPolicy(guards=Guards(response=(rules,))))
    client = await world.client(serving)
    client.send(request(STREAM))
    call = await calls.get()
    call.send(chunked_head(), chunk(ROLE))
    sent = got = ""
    waits: list[str] = []
    for delta in deltas:
        call.send(chunk(text(delta) + text(SIGN, choice=1)))
        sent += delta
        got += await heard(client, f'"content":"{SIGN}"'.encode())
        assert sent.startswith(got)
        waits.append(sent[len(got) :])
    call.send(chunk(text(CARD) + event(finish="stop") + event(finish="stop", choice=1) + DONE), LAST)
    return waits, got + await heard(client, DONE)


async def heard(client: RawClient, marker: bytes) -> str:
    """Read up to a marker; return what was said in the first choice."""
    lines = (await client.read_until(marker)).split(b"\n")
    found = [json.loads(line[6:]) for line in lines if line.startswith(b'data: {"') and line.endswith(b"}")]
    choices = [choice for one in found for choice in one["choices"] if choice["index"] == 0]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@pytest.mark.parametrize("deltas", DELTAS)
async def test_on_clean_prose_a_client_waits_for_nothing(world: World, deltas: str) -> None:
    rules = TextRules(builtins=NO_EMAIL, patterns=tuple(PATTERNS))
    waits, got = await held(world, rules, DELTAS[deltas])
    assert got == "".join(DELTAS[deltas]) + " <CREDIT_CARD>"
    bytes_held = [size(one) for one in waits]
    assert median(bytes_held) == 0
    assert sum(bytes_held) / len(bytes_held) < 1
    assert max(bytes_held) <= 5  # a year, and the space behind it


@pytest.mark.parametrize("deltas", DELTAS)
async def test_with_addresses_of_mail_it_waits_for_the_last_word_until_the_next_delta(
    world: World, deltas: str
) -> None:
    rules = TextRules(builtins=BUILTINS, patterns=tuple(PATTERNS))
    waits, got = await held(world, rules, DELTAS[deltas])
    assert got == "".join(DELTAS[deltas]) + " <CREDIT_CARD>"
    for one, delta in zip(waits, DELTAS[deltas], strict=True):
        assert delta.endswith(one)
        assert len(one.split()) <= 1
    assert any(waits) is (deltas != "sentences")  # behind a full stop there is no word

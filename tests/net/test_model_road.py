"""An agent's model call through the gateway in its own process, to a provider on a real socket."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator

import msgspec
import pytest

from sluice.agents.model import Chunk, ModelRequest, ToolSpec
from sluice.config.plan import AiBackend, Listener, Plan, Target
from sluice.errors import (
    BadRequest,
    ConfigError,
    GuardRejected,
    InBandFailure,
    RateLimited,
    Refused,
    SluiceError,
    Truncated,
)
from sluice.net.in_process import MARK, Ear
from sluice.net.model_road import ModelRoad, place_in
from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy
from sluice.policies.api_key import ApiKeys
from sluice.policies.guards import Guard, Guards, TextRules
from sluice.providers.credential import Secret
from sluice.providers.openai import OPENAI
from sluice.runs.messages import Message, ToolCallPart, ToolResultPart, said
from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.support.events import WHOLE_STREAM
from tests.support.plans import ai, here, plan, route, to_provider
from tests.support.raw_upstream import streamed
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

PAST_THE_END = 1000


def asking(text: str, **options: object) -> ModelRequest:
    return msgspec.structs.replace(ModelRequest(model="gpt-4o-mini", messages=(said(text),)), **options)


def saying(**reply: object) -> str:
    """What a user's message tells the fake provider to answer."""
    return f"[[fake {json.dumps(reply)}]]"


async def road(world: World, *, options: Options = Options()) -> tuple[FakeProvider, Serving, ModelRoad]:  # noqa: B008
    fake = await world.fake(options)
    serving = await world.gateway(int(fake.origin.rpartition(":")[2]))
    return fake, serving, ModelRoad(serving.gateway)


async def all_of(chunks: AsyncIterator[Chunk]) -> list[Chunk]:
    return [chunk async for chunk in chunks]


async def test_what_the_provider_says_comes_as_chunks_and_ends_with_reason_and_usage(world: World) -> None:
    _, serving, models = await road(world)
    chunks = await all_of(models.stream(asking(saying(content="Once upon a time", reasoning="hm"))))
    assert "".join(map(str, chunks)) == "Once upon a time"
    assert "".join(chunk.reasoning for chunk in chunks) == "hm"
    assert len([chunk for chunk in chunks if chunk.text]) > 1
    last = chunks[-1]
    assert (last.finish_reason, last.text) == ("stop", "")
    assert last.usage is not None
    assert last.usage.output_tokens > 0
    record = serving.heard.records[0]
    assert (record.outcome, record.streaming, record.status, record.operation) == ("completed", True, 200, "chat")


async def test_the_first_chunk_is_here_while_the_provider_still_speaks(world: World) -> None:
    fake, _, models = await road(world, options=Options(gap_s=PAST_THE_END))
    chunks = models.stream(asking(saying(content="one two three")))
    first = await anext(chunks)
    assert str(first) == "one"
    assert fake.open_streams == 1
    await chunks.aclose()  # type: ignore[attr-defined]
    await fake.until(lambda: fake.aborted == 1)


async def test_who_stops_reading_closes_the_providers_connection_at_once(world: World) -> None:
    fake, serving, models = await road(world, options=Options(gap_s=PAST_THE_END))
    chunks = models.stream(asking(saying(content="one two three")))
    await anext(chunks)
    task = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    task.cancel()
    assert await until(lambda: fake.aborted == 1) < 0.25
    assert serving.heard.records[0].outcome == "client_gone"
    await asyncio.wait({task})


async def test_calls_of_tools_arrive_in_pieces_by_their_index(world: World) -> None:
    _, _, models = await road(world)
    calls = [{"name": "add", "arguments": '{"a":1}'}, {"name": "mul", "arguments": '{"b":2}'}]
    tools = (ToolSpec(name="add"), ToolSpec(name="mul"))
    chunks = await all_of(models.stream(asking(saying(calls=calls), tools=tools)))
    heard: dict[int, list[str]] = {}
    for delta in (delta for chunk in chunks for delta in chunk.tool_calls):
        heard.setdefault(delta.index, ["", "", ""])
        heard[delta.index] = [
            old + new for old, new in zip(heard[delta.index], (delta.id, delta.name, delta.arguments), strict=True)
        ]
    assert [row[1:] for row in heard.values()] == [["add", '{"a":1}'], ["mul", '{"b":2}']]
    assert all(row[0] for row in heard.values())
    assert chunks[-1].finish_reason == "tool_calls"


async def test_a_conversation_with_tools_is_what_the_provider_reads(world: World) -> None:
    upstream = await world.upstream(streamed(*WHOLE_STREAM))
    models = ModelRoad((await world.gateway(upstream.port)).gateway)
    call = ToolCallPart(id="call-1", name="add", input={"a": 1})
    talk = (
        said("Be brief.", "system"),
        said("Speak German.", "system"),
        said("1+1?"),
        Message(role="assistant", parts=(call,)),
        Message(role="tool", parts=(ToolResultPart(id="call-1", output=2),)),
    )
    await all_of(models.stream(asking("", messages=talk, temperature=0.0, tools=(ToolSpec(name="add"),))))
    sent = json.loads(upstream.asked[0].body)
    assert [row["role"] for row in sent["messages"]] == ["system", "system", "user", "assistant", "tool"]
    assert sent["messages"][4] == {"role": "tool", "tool_call_id": "call-1", "content": "2"}
    assert (sent["temperature"], sent["stream"]) == (0.0, True)


@pytest.mark.parametrize(
    ("status", "kind", "again"), [(429, RateLimited, True), (401, Refused, False), (500, Refused, True)]
)
async def test_a_refusal_keeps_its_status(world: World, status: int, kind: type[SluiceError], again: bool) -> None:
    _, _, models = await road(world)
    with pytest.raises(kind) as caught:
        await all_of(models.stream(asking(saying(error={"status": status, "message": "no"}))))
    assert (caught.value.status, caught.value.retryable) == (status, again)


async def test_an_answer_that_breaks_off_is_never_whole(world: World) -> None:
    fake, _, models = await road(world)
    fake.cut_after(1200)
    chunks = models.stream(asking(saying(content="one two three four five six seven eight nine ten")))
    heard = [await anext(chunks)]

    async def listen() -> None:
        while True:
            heard.append(await anext(chunks))

    with pytest.raises((Truncated, InBandFailure)):
        await listen()
    assert all(not chunk.finish_reason for chunk in heard)


async def test_another_target_answers_unseen(world: World) -> None:
    first, second = await world.fake(), await world.fake()
    ports = [int(fake.origin.rpartition(":")[2]) for fake in (first, second)]
    targets = [Target(name=str(port), provider=OPENAI, endpoint=here(port), credential=Secret("k")) for port in ports]
    backend = AiBackend(name="test/two", groups=tuple((each,) for each in targets))
    serving = await world.gateway(to_provider(0, backend=backend))
    models = ModelRoad(serving.gateway)
    await first.close()
    chunks = await all_of(models.stream(asking(saying(content="from the second"))))
    assert "".join(map(str, chunks)) == "from the second"
    assert serving.heard.records[0].attempts == 2


async def test_a_guard_holds_inside_an_agent(world: World) -> None:
    fake = await world.fake()
    port = int(fake.origin.rpartition(":")[2])
    guard: Guard = TextRules(builtins=("credit_card",), action="reject")
    serving = await world.gateway(to_provider(port, ai=AiPolicy(guards=Guards(request=(guard,)))))
    with pytest.raises(GuardRejected):
        await all_of(ModelRoad(serving.gateway).stream(asking("my card is 4111 1111 1111 1111")))
    assert fake.seen == 0


async def test_identity_is_vouched_for_and_the_record_names_agent_and_user(world: World) -> None:
    fake = await world.fake()
    port = int(fake.origin.rpartition(":")[2])
    serving = await world.gateway(to_provider(port, access=Access(api_keys=ApiKeys(keys=()))))
    labels = {"agent": "helper", "run": "r-1", "thread": "t-1", "user": "api_key:team-a"}
    await all_of(ModelRoad(serving.gateway).stream(asking("hi", metadata=labels)))
    record = serving.heard.records[0]
    assert record.principal == "api_key:team-a"
    assert dict(record.labels) == {
        "gen_ai.agent.name": "helper",
        "gen_ai.conversation.id": "t-1",
        "sluice.run.id": "r-1",
    }
    serving.heard.flush()
    line = json.loads(serving.heard.lines[-1])
    assert (line["user.id"], line["gen_ai.agent.name"], line["sluice.run.id"]) == ("team-a", "helper", "r-1")


async def test_a_credential_of_the_agents_own_is_looked_at(world: World) -> None:
    fake = await world.fake()
    port = int(fake.origin.rpartition(":")[2])
    serving = await world.gateway(to_provider(port, access=Access(api_keys=ApiKeys(keys=()))))
    with pytest.raises(SluiceError) as caught:
        await all_of(ModelRoad(serving.gateway).stream(asking("hi", credential="sk-wrong")))
    assert caught.value.status == 401


async def test_an_agent_that_reads_slowly_holds_up_the_provider(world: World) -> None:
    fake, _, models = await road(world)
    words = " ".join(["word"] * 40_000)
    chunks = models.stream(asking(saying(content=words)))
    await anext(chunks)
    looks: deque[int] = deque(maxlen=10)

    def rests() -> bool:
        looks.append(fake.bytes_sent)
        return len(looks) == looks.maxlen and len(set(looks)) == 1

    await until(rests)
    assert fake.open_streams == 1  # it has more to say, and waits
    rest = await all_of(chunks)
    assert len(rest) > 30_000
    assert rest[-1].finish_reason == "stop"


def test_the_unified_address_is_asked_or_the_first_that_leads_to_models() -> None:
    unified = to_provider(1)
    assert place_in(unified).path == "/v1/chat/completions"
    assert place_in(plan(route("/openai", ai(1)))).path == "/openai/chat/completions"
    with pytest.raises(ConfigError):
        place_in(Plan(listeners=(Listener(name="l", gateway="g", port=1),)))


class Watcher:
    """Notes what an ear tells."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def client_gone(self) -> None:
        self.told.append("gone")

    def client_paused(self) -> None:
        self.told.append("paused")

    def client_resumed(self) -> None:
        self.told.append("resumed")


async def test_an_ear_pauses_beyond_its_mark_and_resumes_when_it_is_read() -> None:
    ear, watcher = Ear(), Watcher()
    ear.observer = watcher
    ear.start(200, [], None)
    ear.write(b"x" * (MARK + 1))
    assert watcher.told == []  # never from inside a call
    await asyncio.sleep(0)
    assert watcher.told == ["paused"]
    assert ear.unread() == MARK + 1
    assert len(await ear.read()) == MARK + 1
    assert watcher.told == ["paused", "resumed"]
    ear.leave()
    ear.leave()
    assert watcher.told == ["paused", "resumed", "gone"]


async def test_a_cut_answer_gives_what_came_and_then_says_that_it_was_cut() -> None:
    ear = Ear()
    ear.start(200, [], None)
    ear.write(b"half")
    ear.abort()
    assert await ear.read() == b"half"
    with pytest.raises(Truncated):
        await ear.read()


async def test_a_request_that_the_gateway_cannot_read_is_refused(world: World) -> None:
    _, _, models = await road(world)
    with pytest.raises((BadRequest, Refused)) as caught:
        await all_of(models.stream(asking("x", model="", messages=())))
    assert caught.value.status == 400

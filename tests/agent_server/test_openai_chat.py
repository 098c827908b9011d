"""Agents as chat models, asked by the official client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.runs.messages import FilePart, ToolCallPart, ToolResultPart
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.waiting import until

ASK: list[Any] = [{"role": "user", "content": "a story"}]


def storyteller() -> Agent:
    agent = Agent("storyteller")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        await ctx.think("Hm.")
        for piece in ("Once", " upon", " a time"):
            yield piece

    return agent


class Held:
    """An agent that says one word, and the next when it is let go; `seen` is what its last run was asked."""

    def __init__(self) -> None:
        self.agent = Agent("held")
        self.go = asyncio.Event()
        self.runs = 0
        self.seen: Context | None = None
        self.agent.on_message(self._handle)

    async def _handle(self, ctx: Context) -> AsyncIterator[str]:
        self.seen = ctx
        self.runs += 1
        yield "one"
        await self.go.wait()
        yield " two"


@asynccontextmanager
async def client(site: AgentSite, **options: Any) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{site.url}/v1", api_key="none", **{"max_retries": 0, **options}) as made:
        yield made


async def hear(stream: Any, said: list[str | None]) -> None:
    """Read a stream to its end and keep what was said."""
    async for chunk in stream:
        said += [choice.delta.content for choice in chunk.choices]


def context_of(held: Held) -> Context:
    assert held.seen is not None
    return held.seen


async def test_a_stream_comes_while_the_agent_still_works(agent_site: AgentSites) -> None:
    held = Held()
    site = await agent_site(held.agent)
    async with client(site) as asked, asyncio.timeout(5):
        stream = await asked.chat.completions.create(model="agent/held", messages=ASK, stream=True)
        said = []
        async for chunk in stream:
            said.append(chunk.choices[0].delta.content)
            if said[-1] == "one":
                held.go.set()
    assert said == ["", "one", " two", None]
    assert chunk.choices[0].finish_reason == "stop"


async def test_the_clients_own_stream_helper_ends_with_the_same_completion_as_no_stream(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    async with client(site) as asked:
        options: Any = {"include_usage": True}
        async with asked.chat.completions.stream(model="storyteller", messages=ASK, stream_options=options) as stream:
            streamed = await stream.get_final_completion()
        whole = await asked.chat.completions.create(model="storyteller", messages=ASK)
    for answer in (streamed, whole):
        assert answer.choices[0].message.content == "Once upon a time"
        assert answer.choices[0].finish_reason == "stop"
        assert answer.model == "agent/storyteller"
        assert answer.usage is not None
    assert getattr(whole.choices[0].message, "reasoning_content", None) == "Hm."


async def test_the_synchronous_client_reads_it_too(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())

    def ask() -> str:
        with OpenAI(base_url=f"{site.url}/v1", api_key="none", max_retries=0) as asked:
            stream = asked.chat.completions.create(model="agent/storyteller", messages=ASK, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert await asyncio.to_thread(ask) == "Once upon a time"


async def test_agents_are_models_by_both_of_their_names(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller(), Held().agent)
    async with client(site) as asked:
        listed = [model.id async for model in asked.models.list()]
        one = await asked.models.retrieve("agent/storyteller")
        other = await asked.models.retrieve("held")
        with pytest.raises(openai.NotFoundError) as missing:
            await asked.models.retrieve("nobody")
        with pytest.raises(openai.NotFoundError) as unasked:
            await asked.chat.completions.create(model="gpt-5", messages=ASK)
    assert listed == ["agent/storyteller", "agent/held"]
    assert (one.id, other.id, one.owned_by) == ("agent/storyteller", "held", "sluice")
    assert missing.value.code == unasked.value.code == "model_not_found"
    assert unasked.value.param == "model"


async def test_below_an_agents_own_address_it_is_the_only_model(agent_site: AgentSites) -> None:
    held = Held()
    held.go.set()
    site = await agent_site(storyteller(), held.agent)
    async with AsyncOpenAI(base_url=f"{site.url}/agents/held/v1", api_key="none", max_retries=0) as asked:
        assert [model.id async for model in asked.models.list()] == ["agent/held"]
        chat = await asked.chat.completions.create(model="anything", messages=ASK)
        response = await asked.responses.create(model="anything", input="a story")
        found = await asked.responses.retrieve(response.id)
    assert chat.choices[0].message.content == response.output_text == found.output_text == "one two"


async def test_every_role_and_part_reaches_the_agent(agent_site: AgentSites) -> None:
    held = Held()
    held.go.set()
    site = await agent_site(held.agent)
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    messages: list[Any] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "add", "name": "Ann"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "and this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,BBBB", "filename": "b.pdf"}},
                {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "wav"}},
            ],
        },
    ]
    async with client(site) as asked:
        await asked.chat.completions.create(
            model="held", messages=messages, temperature=0, user="u1", metadata={"plan": "gold"}, max_tokens=7
        )
    ctx = context_of(held)
    assert [message.role for message in ctx.messages] == ["system", "system", "user", "assistant", "tool", "user"]
    assert [message.text for message in ctx.messages] == ["Be brief.", "Be kind.", "add", "", "", "and this?"]
    assert ctx.messages[2].name == "Ann"
    assert ctx.messages[3].parts == (ToolCallPart(id="c1", name="add", input={"a": 1}),)
    assert ctx.messages[4].parts == (ToolResultPart(id="c1", output="2"),)
    assert ctx.parts[1:] == (
        FilePart(url="data:image/png;base64,AAAA", media_type="image/png"),
        FilePart(url="data:application/pdf;base64,BBBB", media_type="application/pdf", name="b.pdf"),
        FilePart(url="data:audio/wav;base64,CCCC", media_type="audio/wav"),
    )
    assert ctx.context == {"temperature": 0, "user": "u1", "max_tokens": 7}
    assert ctx.metadata == {"plan": "gold"}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"n": 2}, "n"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            "messages[0].content[0].file.file_id",
        ),
        ({"messages": [{"role": "tool", "content": "2"}]}, "messages[0].tool_call_id"),
    ],
)
async def test_what_an_agent_cannot_take_is_refused_by_its_place(
    agent_site: AgentSites, change: dict[str, Any], param: str
) -> None:
    site = await agent_site(storyteller())
    async with client(site) as asked:
        with pytest.raises(openai.BadRequestError) as refused:
            await asked.chat.completions.create(**{"model": "storyteller", "messages": ASK, **change})
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"


async def test_a_failure_is_a_real_status_without_a_stream_and_an_error_within_one(agent_site: AgentSites) -> None:
    agent, runs = Agent("broken"), []

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        runs.append(ctx.run.id)
        yield "Once"
        raise RuntimeError("secret")

    site = await agent_site(agent)
    async with client(site, max_retries=2) as asked:
        with pytest.raises(openai.InternalServerError) as whole:
            await asked.chat.completions.create(model="broken", messages=ASK)
        said: list[str | None] = []
        with pytest.raises(openai.APIError) as streamed:
            await hear(await asked.chat.completions.create(model="broken", messages=ASK, stream=True), said)
    assert said == ["", "Once"]
    assert "secret" not in str(whole.value) + str(streamed.value)
    assert whole.value.code == streamed.value.code == "error"
    assert len(runs) == 2, "the client repeated what no repetition helps"


async def test_a_run_out_of_time_is_never_taken_for_an_answer(agent_site: AgentSites) -> None:
    held = Held()
    slow = Agent("slow", timeout=0.05)
    slow.on_message(held._handle)
    site = await agent_site(slow)
    async with client(site) as asked:
        with pytest.raises(openai.InternalServerError) as whole:
            await asked.chat.completions.create(model="slow", messages=ASK)
        with pytest.raises(openai.APIError, match="timeout"):
            await hear(await asked.chat.completions.create(model="slow", messages=ASK, stream=True), [])
    assert (whole.value.status_code, whole.value.code) == (504, "timeout")


async def test_a_stream_cut_by_a_cancel_is_an_error_for_the_client(agent_site: AgentSites) -> None:
    held = Held()
    site = await agent_site(held.agent)
    async with client(site) as asked:
        stream = await asked.chat.completions.create(model="held", messages=ASK, stream=True)
        said: list[str | None] = []
        heard = asyncio.create_task(hear(stream, said), name="reader")
        await until(lambda: "one" in said)
        await site.service.cancel("local", context_of(held).run.id)
        with pytest.raises(openai.APIError, match="cancelled"):
            await heard


async def test_the_same_idempotency_key_is_the_same_run_and_another_body_a_conflict(agent_site: AgentSites) -> None:
    held = Held()
    held.go.set()
    site = await agent_site(held.agent)
    key = {"Idempotency-Key": "k1"}
    async with client(site, max_retries=2) as asked:
        first = await asked.chat.completions.create(model="held", messages=ASK, extra_headers=key)
        again = await asked.chat.completions.create(model="held", messages=ASK, extra_headers=key)
        with pytest.raises(openai.ConflictError):
            await asked.chat.completions.create(model="held", messages=ASK, user="other", extra_headers=key)
        service = site.service
        await service.store.sweep(service.now() + 1, service.now() + 1)
        late = await asked.chat.completions.create(model="held", messages=ASK, extra_headers=key)
    assert first.id == again.id == late.id
    assert late.choices[0].message.content == "one two"
    assert held.runs == 1


async def test_a_stream_that_nobody_reads_is_cancelled_and_one_of_a_thread_goes_on(
    agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sluice.agent_server.openai_chat.LINGER_S", 0.02)
    held = Held()
    site = await agent_site(held.agent)

    async def leave(**more: Any) -> str:
        async with client(site) as asked:
            raw = await asked.chat.completions.with_raw_response.create(model="held", messages=ASK, stream=True, **more)
            stream = raw.parse()
            async for chunk in stream:
                if chunk.choices[0].delta.content == "one":
                    await stream.close()
                    break
            return str(raw.headers["x-run-id"])

    alone = await leave()
    await until(lambda: alone not in site.service.running)
    assert (await site.service.run("local", alone)).status == "cancelled"
    bound = await leave(metadata={"thread_id": "t1"})
    assert (await site.service.run("local", bound)).on_disconnect == "continue"
    held.go.set()
    await until(lambda: bound not in site.service.running)
    assert (await site.service.run("local", bound)).status == "success"
    assert [message.text for message in await site.service.messages("local", "t1")] == ["a story", "one two"]


async def test_a_client_that_does_not_stream_and_leaves_is_missed_too(
    agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sluice.agent_server.openai_chat.LINGER_S", 0.02)
    held = Held()
    site = await agent_site(held.agent)
    async with client(site, timeout=0.3) as asked:
        with pytest.raises(openai.APITimeoutError):
            await asked.chat.completions.create(model="held", messages=ASK)
    await until(lambda: not site.service.running)
    assert (await site.service.run("local", context_of(held).run.id)).status == "cancelled"


@pytest.mark.parametrize("metadata", [{}, {"thread_id": "t1"}])
async def test_an_interrupt_is_a_call_and_the_tools_answer_goes_on_with_the_run(
    agent_site: AgentSites, metadata: dict[str, str]
) -> None:
    agent = Agent("careful")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        if ctx.text != "a story":
            yield "|".join(message.text for message in ctx.messages if message.role == "assistant")
            return
        answer = await ctx.interrupt("Go on?")
        yield f"you said {answer}"

    site = await agent_site(agent)
    async with client(site) as asked:
        first = await asked.chat.completions.create(model="careful", messages=ASK, metadata=metadata)
        choice = first.choices[0]
        assert choice.finish_reason == "tool_calls"
        call: Any = (choice.message.tool_calls or [None])[0]
        assert call.function.name == "interrupt"
        talk: list[Any] = [*ASK, choice.message, {"role": "tool", "tool_call_id": call.id, "content": "yes"}]
        second = await asked.chat.completions.create(model="careful", messages=talk, metadata=metadata)
        with pytest.raises(openai.ConflictError):
            await asked.chat.completions.create(model="careful", messages=talk, metadata=metadata)
        more = [*talk, {"role": "user", "content": "and more"}]
        with pytest.raises(openai.BadRequestError):
            await asked.chat.completions.create(model="careful", messages=more, metadata=metadata)
        talk += [second.choices[0].message, {"role": "user", "content": "and?"}]
        third = await asked.chat.completions.create(model="careful", messages=talk, metadata=metadata)
    assert second.choices[0].message.content == "you said yes"
    assert third.choices[0].message.content == "|you said yes"


async def test_a_stream_can_be_taken_up_again_behind_any_of_its_frames(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    async with client(site) as asked, httpx.AsyncClient() as http:
        whole = await asked.chat.completions.with_raw_response.create(model="storyteller", messages=ASK)
        place = f"{site.url}/runs/{whole.headers['x-run-id']}/stream?protocol=openai"
        uncut = [frame for frame in (await http.get(place)).text.split("\n\n") if frame]
        numbered = [(at, frame[4:].partition("\n")[0]) for at, frame in enumerate(uncut, 1) if frame.startswith("id: ")]
        for at, last in numbered[:-1]:
            rest = await http.get(place, headers={"Last-Event-ID": last})
            assert [frame for frame in rest.text.split("\n\n") if frame] == uncut[at:]
    assert uncut[-1] == "data: [DONE]"
    assert len(numbered) > 3

"""Agents over the Responses API, asked by the official client."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import Response

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.runs.messages import FilePart
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.waiting import until


def storyteller() -> Agent:
    agent = Agent("storyteller")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        await ctx.think("Hm.")
        for piece in ("Once", " upon", " a time"):
            yield piece

    return agent


def parrot() -> Agent:
    """Says all that was said before it: who, and what."""
    agent = Agent("parrot")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        return "|".join(f"{message.role[0]}:{message.text}" for message in ctx.messages)

    return agent


class Held:
    """An agent that says one word, and the next when it is let go; `seen` is what its last run was asked."""

    def __init__(self) -> None:
        self.agent = Agent("held")
        self.go = asyncio.Event()
        self.seen: list[Context] = []
        self.agent.on_message(self._handle)

    async def _handle(self, ctx: Context) -> AsyncIterator[str]:
        self.seen.append(ctx)
        yield "one"
        await self.go.wait()
        yield " two"


@asynccontextmanager
async def client(site: AgentSite, **options: Any) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{site.url}/v1", api_key="none", **{"max_retries": 0, **options}) as made:
        yield made


async def events_of(stream: Any) -> list[Any]:
    return [event async for event in stream]


async def test_the_clients_stream_helper_ends_with_the_same_response_as_no_stream(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    async with client(site) as asked:
        async with asked.responses.stream(model="storyteller", input="a story") as stream:
            streamed = await stream.get_final_response()
        whole = await asked.responses.create(model="storyteller", input="a story")
        found = await asked.responses.retrieve(whole.id)
    for response in (streamed, whole, found):
        Response.model_validate(response.model_dump(), strict=True)
        assert response.output_text == "Once upon a time"
        assert response.status == "completed"
        assert response.model == "agent/storyteller"
        assert [item.type for item in response.output] == ["reasoning", "message"]
    assert found.id == whole.id != streamed.id


async def test_the_synchronous_client_reads_it_too(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())

    def ask() -> str:
        with (
            OpenAI(base_url=f"{site.url}/v1", api_key="none", max_retries=0) as asked,
            asked.responses.stream(model="agent/storyteller", input="a story") as stream,
        ):
            return stream.get_final_response().output_text

    assert await asyncio.to_thread(ask) == "Once upon a time"


async def test_a_response_is_read_while_it_is_written_and_from_any_place_of_its_stream(agent_site: AgentSites) -> None:
    held = Held()
    site = await agent_site(held.agent)
    async with client(site) as asked, asyncio.timeout(5):
        begun = await asked.responses.create(model="held", input="go", background=True)
        assert begun.status in ("queued", "in_progress")
        await until(lambda: bool(held.seen))
        resumed = await asked.responses.retrieve(begun.id, stream=True, starting_after=3)
        heard = [await anext(resumed)]
        assert (heard[0].sequence_number, heard[0].type) == (4, "response.output_text.delta")
        assert (await asked.responses.retrieve(begun.id)).output_text == "one"
        held.go.set()
        heard += await events_of(resumed)
        uncut = await events_of(await asked.responses.retrieve(begun.id, stream=True))
        assert [event.sequence_number for event in uncut] == list(range(len(uncut)))
        assert heard == uncut[4:]
        for number in range(len(uncut)):
            after = await asked.responses.retrieve(begun.id, stream=True, starting_after=number)
            assert await events_of(after) == uncut[number + 1 :]
        over = await asked.responses.retrieve(begun.id)
    assert over.status == "completed"
    assert over.output_text == "one two"
    assert over.model_dump() == uncut[-1].response.model_dump()


async def test_a_response_goes_on_when_its_client_leaves(agent_site: AgentSites) -> None:
    held = Held()
    site = await agent_site(held.agent)
    async with client(site) as asked:
        stream = await asked.responses.create(model="held", input="go", stream=True)
        first = await anext(stream)
        await stream.close()
        run = held.seen[0].run.id if held.seen else first.response.id[5:]
        await until(lambda: site.service.running[run].viewers == 0)
        held.go.set()
        await until(lambda: run not in site.service.running)
        assert (await asked.responses.retrieve(first.response.id)).output_text == "one two"


async def test_cancelling_stops_it_and_says_so_to_everybody(agent_site: AgentSites) -> None:
    held = Held()
    site = await agent_site(held.agent)
    async with client(site) as asked, asyncio.timeout(5):
        begun = await asked.responses.create(model="held", input="go", background=True)
        watching = await asked.responses.retrieve(begun.id, stream=True)
        await until(lambda: bool(held.seen))
        cancelled = await asked.responses.cancel(begun.id)
        again = await asked.responses.cancel(begun.id)
        last = (await events_of(watching))[-1]
    assert cancelled.status == again.status == last.response.status == "cancelled"
    assert last.type == "response.incomplete"
    assert cancelled.output_text == "one"


async def test_a_conversation_goes_on_behind_a_response_and_forks_behind_an_older_one(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with client(site) as asked:
        first = await asked.responses.create(model="parrot", input="A", instructions="Be brief.")
        second = await asked.responses.create(model="parrot", input="B", previous_response_id=first.id)
        fork = await asked.responses.create(model="parrot", input="C", previous_response_id=first.id)
        last = await asked.responses.create(model="parrot", input="D", previous_response_id=fork.id)
    assert first.output_text == "s:Be brief.|u:A"
    assert second.output_text == "u:A|a:s:Be brief.|u:A|u:B"
    assert fork.output_text == "u:A|a:s:Be brief.|u:A|u:C"
    assert last.output_text == f"u:A|a:s:Be brief.|u:A|u:C|a:{fork.output_text}|u:D"
    assert second.previous_response_id == first.id
    assert (await site.service.run("local", first.id[5:])).thread_id == (
        await site.service.run("local", second.id[5:])
    ).thread_id


async def test_a_conversation_of_its_own_keeps_what_its_responses_say(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with client(site) as asked:
        talk = await asked.conversations.create(
            metadata={"topic": "birds"}, items=[{"role": "user", "content": "Z", "type": "message"}]
        )
        answer = await asked.responses.create(model="parrot", input="A", conversation=talk.id)
        assert answer.output_text == "u:Z|u:A"
        assert answer.conversation is not None
        assert answer.conversation.id == talk.id
        await asked.responses.create(model="parrot", input="B", conversation={"id": talk.id})
        items = [item async for item in asked.conversations.items.list(talk.id, order="asc", limit=2)]
        assert [getattr(item, "role", "") for item in items] == ["user", "user", "assistant", "user", "assistant"]
        one = await asked.conversations.items.retrieve(str(items[0].id), conversation_id=talk.id)
        assert one.id == items[0].id
        assert (await asked.conversations.update(talk.id, metadata={"topic": "fish"})).metadata == {"topic": "fish"}
        assert (await asked.conversations.retrieve(talk.id)).metadata == {"topic": "fish"}
        await asked.conversations.delete(talk.id)
        with pytest.raises(openai.NotFoundError):
            await asked.responses.create(model="parrot", input="C", conversation=talk.id)


async def test_what_is_not_stored_is_not_found(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with client(site) as asked:
        gone = await asked.responses.create(model="parrot", input="A", store=False)
        assert gone.output_text == "u:A"
        with pytest.raises(openai.NotFoundError):
            await asked.responses.retrieve(gone.id)
        with pytest.raises(openai.NotFoundError) as refused:
            await asked.responses.create(model="parrot", input="B", previous_response_id=gone.id)
        assert refused.value.param == "previous_response_id"
        kept = await asked.responses.create(model="parrot", input="A")
        aside = await asked.responses.create(model="parrot", input="B", previous_response_id=kept.id, store=False)
        assert aside.output_text == "u:A|a:u:A|u:B"
        await asked.responses.delete(kept.id)
        with pytest.raises(openai.NotFoundError):
            await asked.responses.retrieve(kept.id)


async def test_its_input_can_be_read_again_by_pages(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    content: list[Any] = [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,BBBB", "filename": "b.pdf"},
    ]
    given: list[Any] = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": content},
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "2"},
        {"role": "user", "content": "and?"},
    ]
    async with client(site) as asked:
        base = await asked.responses.create(model="parrot", input="before")
        response = await asked.responses.create(model="parrot", input=given, previous_response_id=base.id)
        items = [item async for item in asked.responses.input_items.list(response.id, order="asc", limit=2)]
        newest = await asked.responses.input_items.list(response.id, limit=1)
    assert [item.type for item in items] == ["message", "message", "function_call", "function_call_output", "message"]
    assert [item.id for item in newest.data] == [items[-1].id]
    shown: Any = items[1]
    assert [part.type for part in shown.content] == ["input_text", "input_image", "input_file"]
    run = await site.service.run("local", response.id[5:])
    assert run.input[1].parts[1:] == (
        FilePart(url="data:image/png;base64,AAAA", media_type="image/png"),
        FilePart(url="data:application/pdf;base64,BBBB", media_type="application/pdf", name="b.pdf"),
    )


async def test_an_interrupt_is_a_call_and_its_output_goes_on_with_the_run(agent_site: AgentSites) -> None:
    agent = Agent("careful")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        answer = await ctx.interrupt({"text": "Go on?"})
        yield f"you said {answer}"

    site = await agent_site(parrot(), agent)
    async with client(site) as asked:
        first = await asked.responses.create(model="careful", input="go")
        call: Any = first.output[-1]
        assert (first.status, call.type, call.name) == ("completed", "function_call", "interrupt")
        assert json.loads(call.arguments)["question"] == {"text": "Go on?"}
        output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": '"yes"'}
        second = await asked.responses.create(input=[output], previous_response_id=first.id)
    assert second.output_text == "you said yes"
    assert second.model == "agent/careful", "who asked is who hears the answer"


async def test_the_request_is_repeated_in_the_response_and_reaches_the_agent(agent_site: AgentSites) -> None:
    held = Held()
    held.go.set()
    site = await agent_site(held.agent)
    async with client(site) as asked:
        response = await asked.responses.create(
            model="held",
            input="go",
            instructions="Be brief.",
            temperature=0,
            max_output_tokens=9,
            metadata={"a": "b"},
            user="u1",
        )
    assert (response.instructions, response.temperature, response.max_output_tokens) == ("Be brief.", 0, 9)
    assert (response.metadata, response.user) == ({"a": "b"}, "u1")
    assert held.seen[0].context == {"temperature": 0, "max_tokens": 9, "user": "u1"}
    assert held.seen[0].metadata == {"a": "b"}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": []}, "input"),
        ({"input": openai.omit}, "input"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
            "input[0].content[0].file_id",
        ),
        ({"background": True, "store": False}, "store"),
        ({"previous_response_id": "resp_x", "conversation": "c"}, "previous_response_id"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
async def test_what_an_agent_cannot_take_is_refused_by_its_place(
    agent_site: AgentSites, change: dict[str, Any], param: str
) -> None:
    site = await agent_site(parrot())
    async with client(site) as asked:
        with pytest.raises(openai.BadRequestError) as refused:
            await asked.responses.create(**{"model": "parrot", "input": "A", **change})
    assert refused.value.param == param


async def test_a_failure_is_a_real_status_without_a_stream_and_failed_within_one(agent_site: AgentSites) -> None:
    agent = Agent("broken")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        yield "Once"
        raise RuntimeError("secret")

    site = await agent_site(agent)
    async with client(site) as asked:
        with pytest.raises(openai.InternalServerError) as whole:
            await asked.responses.create(model="broken", input="go")
        found = await asked.responses.retrieve("resp_" + whole.value.response.headers["x-run-id"])
        last = (await events_of(await asked.responses.create(model="broken", input="go", stream=True)))[-1]
        async with asked.responses.stream(model="broken", input="go") as stream:
            with pytest.raises(RuntimeError, match=r"response\.completed"):
                await stream.get_final_response()
    assert "secret" not in str(whole.value) + last.response.error.message
    assert found.status == last.response.status == "failed"
    assert found.output_text == "Once"


async def test_a_truncated_stream_is_a_failure_for_the_client(agent_site: AgentSites) -> None:
    held = Held()
    site = await agent_site(held.agent)
    async with client(site) as asked, asked.responses.stream(model="held", input="go") as stream:
        async for event in stream:
            if event.type == "response.output_text.delta":
                await stream.close()
                break
        with pytest.raises((RuntimeError, openai.APIError)):
            await stream.get_final_response()


class _ByHeader:
    """Whoever the header `x-who` names."""

    async def principal(self, request: Any) -> str:
        return str(request.headers["x-who"])


async def test_what_belongs_to_another_is_not_found(agent_site: AgentSites) -> None:
    site = await agent_site(parrot(), principals=_ByHeader())
    async with (
        client(site, default_headers={"x-who": "ann"}) as ann,
        client(site, default_headers={"x-who": "bob"}) as bob,
    ):
        mine = await ann.responses.create(model="parrot", input="A")
        talk = await ann.conversations.create()
        for refused in (
            bob.responses.retrieve(mine.id),
            bob.responses.cancel(mine.id),
            bob.responses.delete(mine.id),
            bob.responses.create(model="parrot", input="B", previous_response_id=mine.id),
            bob.responses.create(model="parrot", input="B", conversation=talk.id),
            bob.conversations.retrieve(talk.id),
        ):
            with pytest.raises(openai.NotFoundError):
                await refused
        assert (await ann.responses.retrieve(mine.id)).output_text == "u:A"


async def test_a_response_whose_events_are_gone_is_told_from_its_record(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    async with client(site) as asked:
        whole = await asked.responses.create(model="storyteller", input="a story", metadata={"a": "b"})
        await site.service.store.sweep(site.service.now() + 1, site.service.now() + 1)
        assert await site.service.past(await site.service.run("local", whole.id[5:]), 0, 10) == []
        found = await asked.responses.retrieve(whole.id)
    assert found.output_text == whole.output_text
    assert [item.type for item in found.output] == [item.type for item in whole.output]
    assert (found.status, found.metadata) == ("completed", {"a": "b"})


async def test_the_same_idempotency_key_is_the_same_response(agent_site: AgentSites) -> None:
    held = Held()
    held.go.set()
    site = await agent_site(held.agent)
    body = {"model": "held", "input": "go"}
    async with httpx.AsyncClient(headers={"Idempotency-Key": "k"}) as http:
        first, again = [(await http.post(f"{site.url}/v1/responses", json=body)).json() for _ in range(2)]
        other = await http.post(f"{site.url}/v1/responses", json={**body, "user": "u"})
    assert first == again
    assert len(held.seen) == 1
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")


async def test_a_question_is_answered_once(agent_site: AgentSites) -> None:
    agent = Agent("careful")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        yield f"you said {await ctx.interrupt('Go on?')}"

    site = await agent_site(agent)
    async with client(site) as asked:
        first = await asked.responses.create(model="careful", input="go")
        call: Any = first.output[-1]
        answer: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "yes"}]
        await asked.responses.create(model="careful", input=answer, previous_response_id=first.id)
        with pytest.raises(openai.ConflictError):
            await asked.responses.create(model="careful", input=answer, previous_response_id=first.id)

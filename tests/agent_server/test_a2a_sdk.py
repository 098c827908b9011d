"""The official client of A2A 1.x: 1.0 and, by its compatibility layer, 0.3, each over both bindings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.types import a2a_pb2 as a2a
from a2a.utils import errors

from tests.support.a2a_agents import STORY, asker, breaker, storyteller, waiter
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.waiting import until

WAYS = [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), ("JSONRPC", "0.3"), ("HTTP+JSON", "0.3")]
State = a2a.TaskState


@asynccontextmanager
async def client_of(
    site: AgentSite, way: tuple[str, str], *, agent: str = "", streaming: bool = True, polling: bool = False
) -> AsyncIterator[Client]:
    """Give a client that speaks one version over one binding."""
    async with httpx.AsyncClient(timeout=5) as http:
        card = await A2ACardResolver(http, f"{site.url}/agents/{agent}" if agent else site.url).get_agent_card()
        wanted = [one for one in card.supported_interfaces if (one.protocol_binding, one.protocol_version) == way]
        del card.supported_interfaces[:]
        card.supported_interfaces.extend(wanted)
        config = ClientConfig(
            httpx_client=http, supported_protocol_bindings=[way[0]], streaming=streaming, polling=polling
        )
        yield ClientFactory(config).create(card)


def ask(text: str, *, task: a2a.Task | None = None, context: str = "", now: bool = False) -> a2a.SendMessageRequest:
    message = a2a.Message(message_id=f"m-{text}", role=a2a.Role.ROLE_USER, parts=[a2a.Part(text=text)])
    message.context_id = context
    if task is not None:
        message.task_id, message.context_id = task.id, task.context_id
    request = a2a.SendMessageRequest(message=message)
    request.configuration.return_immediately = now
    return request


async def heard(client: Client, request: a2a.SendMessageRequest) -> list[a2a.StreamResponse]:
    return [event async for event in client.send_message(request)]


def text_of(events: list[a2a.StreamResponse]) -> str:
    pieces = [event.artifact_update.artifact for event in events if event.HasField("artifact_update")]
    return "".join(part.text for piece in pieces for part in piece.parts)


def text_in(parts: object) -> str:
    return "".join(part.text for part in parts)  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_is_a_task_that_works_and_grows_and_is_complete(
    agent_site: AgentSites, way: tuple[str, str]
) -> None:
    site = await agent_site(storyteller())
    async with client_of(site, way) as client:
        events = await heard(client, ask("Tell me a story with a file"))
    assert events[0].task.status.state == State.TASK_STATE_SUBMITTED
    assert [message.parts[0].text for message in events[0].task.history] == ["Tell me a story with a file"]
    assert events[1].status_update.status.state == State.TASK_STATE_WORKING
    assert text_of(events) == "".join(STORY) + "one"
    last = events[-1].status_update.status
    assert last.state == State.TASK_STATE_COMPLETED
    assert text_in(last.message.parts) == "".join(STORY)
    names = {event.artifact_update.artifact.name for event in events if event.HasField("artifact_update")}
    assert names == {"answer", "hi.txt", "numbers"}
    (file,) = [
        part
        for event in events
        if event.artifact_update.artifact.name == "hi.txt"
        for part in event.artifact_update.artifact.parts
    ]
    assert (file.raw, file.media_type, file.filename) == (b"hi", "text/plain", "hi.txt")


@pytest.mark.parametrize("way", WAYS)
async def test_who_sends_and_waits_gets_a_task_in_1_0_and_a_message_before(
    agent_site: AgentSites, way: tuple[str, str]
) -> None:
    site = await agent_site(storyteller())
    async with client_of(site, way, streaming=False) as client:
        (answer,) = await heard(client, ask("Tell me a story"))
    if way[1] == "1.0":
        assert answer.task.status.state == State.TASK_STATE_COMPLETED
        assert text_in(answer.task.artifacts[0].parts) == "".join(STORY)
    else:
        assert text_in(answer.message.parts) == "".join(STORY)
        assert answer.message.role == a2a.Role.ROLE_AGENT
        assert answer.message.context_id
        assert not answer.message.task_id


@pytest.mark.parametrize("way", WAYS)
async def test_a_task_asks_and_the_next_message_on_it_answers(agent_site: AgentSites, way: tuple[str, str]) -> None:
    site = await agent_site(asker())
    async with client_of(site, way) as client:
        events = await heard(client, ask("hi"))
        asked = events[-1].status_update.status
        assert asked.state == State.TASK_STATE_INPUT_REQUIRED
        assert text_in(asked.message.parts) == "Who are you?"
        task = await client.get_task(a2a.GetTaskRequest(id=events[0].task.id))
        assert task.status.state == State.TASK_STATE_INPUT_REQUIRED
        again = await heard(client, ask("?", task=task))
        assert text_in(again[-1].status_update.status.message.parts) == "Who are you, really?"
        done = await heard(client, ask("Ada", task=task))
        assert {event.task.id or event.status_update.task_id or event.artifact_update.task_id for event in done} == {
            task.id
        }
        assert text_of(done) == "Hello Ada."
        assert done[-1].status_update.status.state == State.TASK_STATE_COMPLETED
        whole = await client.get_task(a2a.GetTaskRequest(id=task.id))
        said = [text_in(message.parts) for message in whole.history]
        assert said == ["hi", "Who are you?", "?", "Who are you, really?", "Ada"]
        assert [text_in(piece.parts) for piece in whole.artifacts] == ["Hello. ", "Hello Ada."]
        short = await client.get_task(a2a.GetTaskRequest(id=task.id, history_length=1))
        assert [text_in(message.parts) for message in short.history] == ["Ada"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_task_is_stopped_and_is_then_canceled_for_everybody(
    agent_site: AgentSites, way: tuple[str, str]
) -> None:
    agent, _ = waiter()
    site = await agent_site(agent)
    async with client_of(site, way) as client, client_of(site, way) as other:
        stream = client.send_message(ask("wait"))
        first = await anext(stream)
        await until(lambda: bool(site.service.running))
        stopped = await other.cancel_task(a2a.CancelTaskRequest(id=first.task.id))
        assert stopped.status.state == State.TASK_STATE_CANCELED
        rest = [event async for event in stream]
        assert rest[-1].status_update.status.state == State.TASK_STATE_CANCELED
        with pytest.raises(errors.TaskNotCancelableError):
            await other.cancel_task(a2a.CancelTaskRequest(id=first.task.id))


@pytest.mark.parametrize("way", WAYS)
async def test_who_comes_back_gets_the_task_as_it_stands_and_then_what_comes(
    agent_site: AgentSites, way: tuple[str, str]
) -> None:
    agent, go_on = waiter()
    site = await agent_site(agent)
    async with client_of(site, way) as client:
        stream = client.send_message(ask("wait"))
        first = await anext(stream)
        async for event in stream:
            if event.HasField("artifact_update"):
                break
        await stream.aclose()  # type: ignore[attr-defined]
        back = client.subscribe(a2a.SubscribeToTaskRequest(id=first.task.id))
        snapshot = await anext(back)
        assert snapshot.task.status.state == State.TASK_STATE_WORKING
        assert text_in(snapshot.task.artifacts[0].parts) == "One."
        go_on.set()
        rest = [event async for event in back]
        assert text_of(rest) == " Two."
        assert rest[-1].status_update.status.state == State.TASK_STATE_COMPLETED
        (late,) = [event async for event in client.subscribe(a2a.SubscribeToTaskRequest(id=first.task.id))]
        assert late.task.status.state == State.TASK_STATE_COMPLETED
        assert text_in(late.task.artifacts[0].parts) == "One. Two."


async def test_who_does_not_wait_gets_the_task_at_once_and_asks_for_it_later(agent_site: AgentSites) -> None:
    agent, go_on = waiter()
    site = await agent_site(agent)
    async with client_of(site, ("JSONRPC", "1.0"), streaming=False, polling=True) as client:
        (answer,) = await heard(client, ask("wait", now=True))
        assert answer.task.status.state in (State.TASK_STATE_SUBMITTED, State.TASK_STATE_WORKING)
        go_on.set()
        async with asyncio.timeout(5):
            task = answer.task
            while task.status.state != State.TASK_STATE_COMPLETED:
                task = await client.get_task(a2a.GetTaskRequest(id=answer.task.id))
        assert text_in(task.artifacts[0].parts) == "One. Two."


async def test_tasks_are_listed_newest_first_by_context_and_state_and_in_pages(agent_site: AgentSites) -> None:
    site = await agent_site(asker(), storyteller())
    async with client_of(site, ("JSONRPC", "1.0"), agent="asker") as client:
        one = (await heard(client, ask("hi", context="c-1")))[0].task
        await heard(client, ask("Ada", task=one))
        for context in ("c-2", "c-3"):
            await heard(client, ask("hi", context=context))
    async with client_of(site, ("HTTP+JSON", "1.0")) as client:

        async def listed(**fields: object) -> list[str]:
            return [task.context_id for task in (await client.list_tasks(a2a.ListTasksRequest(**fields))).tasks]  # type: ignore[arg-type]

        assert await listed() == ["c-3", "c-2", "c-1"]
        assert await listed(context_id="c-2") == ["c-2"]
        assert await listed(status=State.TASK_STATE_COMPLETED) == ["c-1"]
        assert await listed(status=State.TASK_STATE_REJECTED) == []
        page = await client.list_tasks(a2a.ListTasksRequest(page_size=2))
        assert (len(page.tasks), page.page_size, page.total_size) == (2, 2, 3)
        assert not page.tasks[0].artifacts
        rest = await client.list_tasks(a2a.ListTasksRequest(page_size=2, page_token=page.next_page_token))
        assert [task.context_id for task in rest.tasks] == ["c-1"]
        assert not rest.next_page_token
        full = await client.list_tasks(a2a.ListTasksRequest(context_id="c-1", include_artifacts=True))
        assert [text_in(piece.parts) for piece in full.tasks[0].artifacts] == ["Hello. ", "Hello Ada."]
    async with client_of(site, ("JSONRPC", "1.0"), agent="storyteller") as client:
        assert not (await client.list_tasks(a2a.ListTasksRequest())).tasks


@pytest.mark.parametrize("way", WAYS)
async def test_an_agent_that_fails_says_so_and_nothing_of_its_error(
    agent_site: AgentSites, way: tuple[str, str]
) -> None:
    site = await agent_site(breaker())
    async with client_of(site, way) as client:
        last = (await heard(client, ask("now")))[-1].status_update.status
    assert last.state == State.TASK_STATE_FAILED
    assert text_in(last.message.parts)
    assert "secret" not in str(last)


@pytest.mark.parametrize("way", WAYS)
async def test_what_cannot_be_done_is_the_error_of_the_protocol(agent_site: AgentSites, way: tuple[str, str]) -> None:
    site = await agent_site(storyteller())
    async with client_of(site, way) as client:
        with pytest.raises(errors.TaskNotFoundError):
            await client.get_task(a2a.GetTaskRequest(id="nobody's"))
        with pytest.raises(errors.TaskNotFoundError):
            await heard(client, ask("x", task=a2a.Task(id="nobody's", context_id="c")))
        done = (await heard(client, ask("Tell me a story")))[0].task
        with pytest.raises(errors.UnsupportedOperationError):
            await heard(client, ask("more", task=done))
        with pytest.raises(errors.InvalidParamsError):
            await heard(client, ask("x", task=a2a.Task(id=done.id, context_id="another")))
        with pytest.raises(errors.InvalidParamsError):
            await heard(client, a2a.SendMessageRequest(message=a2a.Message(role=a2a.Role.ROLE_USER)))
        if way == ("HTTP+JSON", "0.3"):
            return  # that client does not say which notification it means
        config = a2a.TaskPushNotificationConfig(task_id=done.id, url="https://example.com/hook")
        with pytest.raises(errors.PushNotificationNotSupportedError):
            await client.create_task_push_notification_config(config)


async def test_a_context_is_a_thread_and_remembers(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    async with client_of(site, ("JSONRPC", "1.0")) as client:
        first = (await heard(client, ask("one")))[0].task
        await heard(client, ask("two", context=first.context_id))
    messages = await site.service.messages("local", first.context_id)
    assert [(message.role, message.text) for message in messages] == [
        ("user", "one"),
        ("assistant", "".join(STORY)),
        ("user", "two"),
        ("assistant", "".join(STORY)),
    ]


async def test_two_tasks_of_one_context_may_ask_at_once_and_each_gets_its_own_answer(agent_site: AgentSites) -> None:
    site = await agent_site(asker())
    async with client_of(site, ("JSONRPC", "1.0")) as client:
        tasks = [(await heard(client, ask("hi", context="c")))[0].task for _ in range(2)]
        for task, name in zip(tasks, ("Ada", "Bob"), strict=True):
            done = await heard(client, ask(name, task=task))
            assert text_of(done) == f"Hello {name}."
            assert (await client.get_task(a2a.GetTaskRequest(id=task.id))).status.state == State.TASK_STATE_COMPLETED


async def test_an_interrupted_task_can_be_canceled(agent_site: AgentSites) -> None:
    site = await agent_site(asker())
    async with client_of(site, ("JSONRPC", "1.0")) as client:
        task = (await heard(client, ask("hi")))[0].task
        stopped = await client.cancel_task(a2a.CancelTaskRequest(id=task.id))
        assert stopped.id == task.id
        assert stopped.status.state == State.TASK_STATE_CANCELED
        with pytest.raises(errors.UnsupportedOperationError):
            await heard(client, ask("Ada", task=task))

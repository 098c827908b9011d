"""Nobody gets a second request past the gateway: the corpus of `smuggling_cases`."""

import asyncio

import pytest

from tests.net.smuggling_cases import BODY, HIDDEN, ONE_AND_CLOSE, REFUSED, SERVED, Case
from tests.support.http_answer import error_of, read_answer
from tests.support.plans import plan, route, static
from tests.support.raw_client import get
from tests.support.raw_upstream import RawUpstream, answering, sized
from tests.support.serving import Serving
from tests.support.world import World

OK = sized(b'{"ok":true}')


def names(case: Case) -> str:
    return case.name


async def open_gateway(world: World) -> tuple[RawUpstream, Serving]:
    """A gateway that passes on everything it accepts."""
    upstream = await world.upstream(answering(OK))
    return upstream, await world.gateway(plan(route("/", static(upstream.port))))


async def answers_to(serving: Serving, world: World, data: bytes) -> tuple[list[int], str]:
    """Send, read everything until the gateway closes, and return the statuses and the error code of the first."""
    client = await world.client(serving)
    client.send(data)
    reader = asyncio.StreamReader()
    reader.feed_data(await client.rest())
    reader.feed_eof()
    first = await read_answer(reader)
    code = error_of(first).code if first.status >= 400 else ""
    statuses = [first.status]
    while not reader.at_eof():
        statuses.append((await read_answer(reader)).status)
    return statuses, code or ""


@pytest.mark.parametrize("cut", [False, True], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("case", REFUSED, ids=names)
async def test_what_is_ambiguous_is_refused(world: World, case: Case, cut: bool) -> None:
    upstream, serving = await open_gateway(world)
    if cut:
        client = await world.client(serving)
        for at in range(len(case.data)):
            client.send(case.data[at : at + 1])
            await asyncio.sleep(0)
        answer = await client.answer()
        assert (answer.status, error_of(answer).code) == (400, "invalid_http")
        assert await client.rest() == b""
    else:
        assert await answers_to(serving, world, case.data + HIDDEN) == ([400], "invalid_http")
    assert upstream.asked == []
    record = await serving.record()
    assert (record.outcome, record.status) == ("rejected", 400)


@pytest.mark.parametrize("case", SERVED, ids=names)
async def test_what_is_served_is_read_in_one_way(world: World, case: Case) -> None:
    upstream, serving = await open_gateway(world)
    client = await world.client(serving)
    client.send(case.data + get("/next"))
    for _ in range(2):
        assert (await client.answer()).status == 200
    first, second = upstream.asked
    assert (first.line, first.body) == ("POST /a HTTP/1.1", BODY)
    assert [value for name, value in first.headers if name == "content-length"] == [str(len(BODY))]
    assert len([name for name, _ in first.headers if name == "host"]) == 1
    assert "evil" not in first.raw.decode()
    assert (second.line, second.body) == ("GET /next HTTP/1.1", b"")


@pytest.mark.parametrize("case", ONE_AND_CLOSE, ids=names)
async def test_after_the_last_request_nothing_is_read(world: World, case: Case) -> None:
    upstream, serving = await open_gateway(world)
    assert await answers_to(serving, world, case.data + HIDDEN) == ([200], "")
    (asked,) = upstream.asked
    assert asked.body == BODY
    assert asked.header("upgrade") is None
    assert asked.header("http2-settings") is None
    assert len(serving.records) == 1


async def test_the_target_of_options_finds_no_route(world: World) -> None:
    upstream, serving = await open_gateway(world)
    client = await world.client(serving)
    answer = await client.ask(get("*").replace(b"GET", b"OPTIONS"), "OPTIONS")
    assert (answer.status, error_of(answer).code) == (404, "route_not_found")
    assert upstream.asked == []


@pytest.mark.parametrize("target", ["http://gateway.test/a?b=c", "HTTPS://Gateway.Test/a?b=c"])
async def test_an_absolute_target_is_served_as_its_path(world: World, target: str) -> None:
    upstream, serving = await open_gateway(world)
    client = await world.client(serving)
    assert (await client.ask(get(target))).status == 200
    (asked,) = upstream.asked
    assert asked.line == "GET /a?b=c HTTP/1.1"


@pytest.mark.parametrize(
    "target", ["http://evil.test/a", "http://gateway.test:81/a", "http://gateway.test@evil.test/a"]
)
async def test_an_absolute_target_that_names_another_host_is_refused(world: World, target: str) -> None:
    """No forward proxy here, and no host that one reader takes from the target and another from the header."""
    upstream, serving = await open_gateway(world)
    client = await world.client(serving)
    answer = await client.ask(get(target))
    assert (answer.status, error_of(answer).code) == (400, "invalid_http")
    assert upstream.asked == []


@pytest.mark.parametrize(
    "path", ["/a/../b", "/a/..", "/../a", "/./a", "/a/%2e%2e/b", "/a/%2E./b", "/a/..%2fb", "/a/..\\b", "/.."]
)
async def test_dot_segments_are_refused(world: World, path: str) -> None:
    """Joined to a provider's base path they would lead out of it, with the operator's key."""
    upstream, serving = await open_gateway(world)
    client = await world.client(serving)
    answer = await client.ask(get(path))
    assert (answer.status, error_of(answer).code) == (400, "invalid_http")
    assert upstream.asked == []


@pytest.mark.parametrize("path", ["/a/...", "/a.b/c..d", "/a/.well-known", "/a?x=/../b"])
async def test_dots_that_are_no_segments_are_served(world: World, path: str) -> None:
    _, serving = await open_gateway(world)
    client = await world.client(serving)
    assert (await client.ask(get(path))).status == 200

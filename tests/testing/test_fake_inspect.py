"""The inspection address of the fake provider."""

import json

import pytest

from sluice.testing.fake_inspect import Inspection, address
from sluice.testing.fake_provider import FakeProvider, Fault, Options, Rule
from tests.testing.sockets import HI, Socket, post


class Inspected:
    """A fake with an inspection address, both on one loop."""

    def __init__(self, options: Options = Options()) -> None:  # noqa: B008 - frozen
        self.fake = FakeProvider(options)
        self.inspection = Inspection(self.fake)

    async def __aenter__(self) -> "Inspected":
        await self.fake.start()
        self.port = await self.inspection.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.inspection.close()
        await self.fake.close()

    async def ask(self, path: str, method: str = "GET") -> tuple[int, bytes, object]:
        async with Socket(self.port) as s:
            await s.send(f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
            data, _ = await s.rest()
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), head.lower(), json.loads(body)

    async def chat(self, model: str, tag: str = "") -> None:
        async with Socket(self.fake.port) as s:
            body = HI | {"model": model, "fake": {"content": "x", "fault": {"tag": tag}}}
            await s.send(post(body, headers=b"connection: close\r\n"))
            await s.rest()


async def test_what_was_seen_is_told_newest_last_and_by_tag_model_and_path() -> None:
    async with Inspected() as inspected:
        for model, tag in (("a", "one"), ("b", "two"), ("a", "two words")):
            await inspected.chat(model, tag)

        async def tags(query: str) -> list[object]:
            status, head, rows = await inspected.ask(f"/seen{query}")
            assert status == 200
            assert b"content-type: application/json\r\n" in head + b"\r\n"
            assert isinstance(rows, list)
            return [row["tag"] for row in rows]

        assert await tags("") == ["one", "two", "two words"]
        assert await tags("?tag=two") == ["two"]
        assert await tags("?tag=two%20words") == ["two words"]
        assert await tags("?model=a") == ["one", "two words"]
        assert await tags("?model=a&tag=two") == []
        assert await tags("?path=/v1/chat/completions") == ["one", "two", "two words"]
        assert await tags("?path=/v1") == []
        assert await tags("?tag=") == []
        _, _, rows = await inspected.ask("/seen")
        assert isinstance(rows, list)
        assert (rows[0]["ended"], rows[0]["dialect"]) == ("finished", "chat")


async def test_connections_are_told() -> None:
    async with Inspected() as inspected:
        await inspected.chat("a")
        await inspected.fake.until(lambda: inspected.fake.open_connections == 0)
        _, _, rows = await inspected.ask("/connections")
        assert isinstance(rows, list)
        (row,) = rows
        assert (row["connection"], row["requests"], row["closed"]) == (1, 1, "fake")
        assert row["read_bytes"] > 0 < row["written_bytes"]


async def test_a_reset_forgets_and_lets_rules_count_anew() -> None:
    async with Inspected(Options(faults=(Rule(fault=Fault(tag="ruled"), times=1),))) as inspected:
        async with Socket(inspected.fake.port) as s:
            await s.send(post(HI, headers=b"connection: close\r\n"))
            await s.rest()
        assert [sight.tag for sight in inspected.fake.sights] == ["ruled"]
        assert (await inspected.ask("/reset", "POST"))[2] == {"forgotten": 1}
        assert (await inspected.ask("/seen"))[2] == []


@pytest.mark.parametrize(
    ("path", "method", "status", "sentence"),
    [
        ("/", "GET", 404, "there are /seen, /connections, /reset"),
        ("/reset", "GET", 405, "/reset is asked with POST"),
        ("/seen", "POST", 405, "/seen is asked with GET"),
        ("/seen?tags=x", "GET", 400, "/seen has no filter 'tags'"),
        ("/connections?tag=x", "GET", 400, "/connections has no filter 'tag'"),
    ],
)
async def test_what_is_not_there_is_said(path: str, method: str, status: int, sentence: str) -> None:
    async with Inspected() as inspected:
        got, head, body = await inspected.ask(path, method)
        assert (got, body) == (status, {"error": sentence})
        assert (b"allow: " in head) == (status == 405)


async def test_bad_http_is_refused() -> None:
    async with Inspected() as inspected, Socket(inspected.port) as s:
        await s.send(b"GET /seen HTTP/1.1\r\n\r\n")
        assert b" 400 " in await s.head()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("9001", ("127.0.0.1", 9001)),
        (":9001", ("127.0.0.1", 9001)),
        ("0.0.0.0:9001", ("0.0.0.0", 9001)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:9001", ("::1", 9001)),
    ],
)
def test_an_address_without_a_host_is_the_loopbacks(text: str, found: tuple[str, int]) -> None:
    assert address(text) == found


@pytest.mark.parametrize("text", ["", "host", "host:", "host:http", "1:65536", "1:-1", ":²"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        address(text)

"""The admin address of the real command: what it shows, to whom, and what it does for nobody else's page."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from sluice.admin.live import View
from sluice.admin.trial import MAX_TRIALS
from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.support.command import Sluice
from tests.support.http_answer import Answer
from tests.support.raw_client import STREAM, RawClient, get, request
from tests.support.waiting import until

KEY = "sk-c4n4ry-provider"
GATEWAY = """
llm:
  models:
    - {name: m, provider: openAI, params: {apiKey: KEY, baseUrl: "http://127.0.0.1:PORT/v1"}}
    - {name: gone, provider: openAI, params: {apiKey: KEY, baseUrl: "http://127.0.0.1:1/v1"}}
"""
WISH = {"port": 0, "path": "/v1/chat/completions", "model": "m", "prompt": "A c4n4ry of a prompt"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Site:
    """The command in front of a fake, and what its admin address says."""

    def __init__(self, sluice: Sluice, fake: FakeProvider) -> None:
        self.sluice = sluice
        self.fake = fake

    async def ask(self, asked: bytes, method: str = "GET") -> Answer:
        async with await RawClient.connect(self.sluice.side["admin"]) as client:
            return await client.ask(asked, method)

    async def live(self) -> View:
        return msgspec.json.decode((await self.sluice.ask("admin", "/api/live")).body, type=View)

    async def attempt(self, *headers: str, at: str = "localhost", **wish: object) -> Answer:
        body = json.dumps(WISH | {"port": self.sluice.port} | wish).encode()
        return await self.ask(request(body, path="/api/try", host=at, headers=headers), "POST")

    async def lines(self, **wish: object) -> list[dict[str, object]]:
        answer = await self.attempt(**wish)
        assert answer.status == 200, answer.body
        return [json.loads(line) for line in answer.body.split(b"\n") if line]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["1", "2"], ids=["alone", "workers"])
async def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    file: Path = tmp_path_factory.mktemp("admin") / "gateway.yaml"
    async with FakeProvider(Options(key=KEY, gap_s=0.01)) as fake:
        file.write_text(GATEWAY.replace("KEY", KEY).replace("PORT", str(fake.port)))
        async with Sluice("-f", str(file), "--workers", request.param) as sluice:
            yield Site(sluice, fake)


# -- the page ---------------------------------------------------------------------------------------------------------


async def test_the_page_and_its_parts_come_from_here_under_a_strict_policy(site: Site) -> None:
    for path in ("/", "/ui"):
        page = await site.sluice.ask("admin", path)
        assert (page.status, page.header("content-type")) == (200, "text/html; charset=utf-8")
        policy = page.header("content-security-policy") or ""
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert b"<style" not in page.body
        assert not re.search(rb"<script(?![^>]* src=)|\son\w+=|\sstyle=|https?://", page.body)
        for asset in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.body.decode()):
            assert (await site.sluice.ask("admin", asset)).status == 200, asset
    assert (await site.sluice.ask("admin", "/assets/..%2fapp.py")).status == 404


async def test_whatever_is_answered_it_is_for_no_other_page(site: Site) -> None:
    for path in ("/", "/api/live", "/api/plan", "/api/try", "/config_dump", "/status", "/logging", "/no-such"):
        answer = await site.sluice.ask("admin", path)
        assert "frame-ancestors 'none'" in (answer.header("content-security-policy") or ""), path
        assert answer.header("x-content-type-options") == "nosniff", path
        assert answer.header("cross-origin-resource-policy") == "same-origin", path
        assert not answer.header("access-control-allow-origin"), path
        assert not answer.header("set-cookie"), path
        assert (answer.header("cache-control") or "").startswith("no-"), path


async def test_what_stood_there_before_stands_there_still(site: Site) -> None:
    assert (await site.sluice.ask("admin", "/config_dump")).json()["listeners"]
    assert "objects" in (await site.sluice.ask("admin", "/status")).json()
    assert (await site.sluice.ask("admin", "/logging")).json() == {"level": "info"}


# -- what is seen -----------------------------------------------------------------------------------------------------


async def test_a_stream_is_seen_while_it_lasts_and_as_an_end_after(site: Site) -> None:
    asked = STREAM.replace(b'"hi"', b'"[[fake {\\"content\\": \\"' + b"a c4n4ry " * 60 + b'\\"}]]"')
    async with await site.sluice.client() as client:
        client.send(request(asked, path="/v1/chat/completions"))
        assert (await client.head()).status == 200
        await _seen(site, lambda seen: seen.phases == {"streaming": 1} and bool(seen.flights[0].tokens))
        seen = await site.live()
        (row,) = seen.flights
        assert (row.model, row.endpoint) == ("m", f"127.0.0.1:{site.fake.port}")
        assert bool(row.worker) == bool(seen.workers)
    await _seen(site, lambda seen: bool(seen.ended) and seen.ended[0].outcome == "client_gone")


async def test_each_second_is_a_point_and_what_fails_is_seen_as_failed(site: Site) -> None:
    before = len((await site.live()).failed)
    async with await site.sluice.client() as client:
        body = STREAM.replace(b'"m"', b'"gone"')
        assert (await client.ask(request(body, path="/v1/chat/completions"))).status == 503
    await _seen(site, lambda seen: len(seen.failed) == before + 1)
    seen = await site.live()
    assert (seen.failed[0].status, seen.failed[0].error) == (503, "upstream_unreachable")
    await _seen(site, lambda seen: any(point.errors for point in seen.points))
    assert {target.name: target.failures for target in seen.targets if target.failures} == {"gone": 1}


async def test_it_streams_a_picture_a_second_and_the_history_once(site: Site) -> None:
    async with await RawClient.connect(site.sluice.side["admin"]) as client:
        client.send(get("/api/live", "Accept: text/event-stream").replace(b"gateway.test", b"localhost"))
        pictures = []
        for _ in range(3):
            text = await client.read_until(b"}\n\n")
            pictures.append(json.loads(text[text.rindex(b"data: ") + 6 :]))
    assert pictures[0]["points"]
    assert [len(picture["points"]) <= 2 for picture in pictures[1:]] == [True, True]
    seconds = [point["at"] for picture in pictures for point in picture["points"]]
    assert seconds == sorted(set(seconds)), "none twice"


async def test_the_map_names_routes_models_and_ports_and_no_credential(site: Site) -> None:
    answer = await site.sluice.ask("admin", "/api/plan")
    found = answer.json()
    assert [model["pattern"] for model in found["models"]] == ["m", "gone"]
    assert {row["port"] for row in found["routes"]} == {site.sluice.port}
    assert [row["path"] for row in found["routes"]] == [row["match"].partition(" ")[2] for row in found["routes"]]
    assert found["fronts"] == [{"port": site.sluice.port, "address": "127.0.0.1", "tls": False, "host": "localhost"}]
    assert b"c4n4ry" not in answer.body


# -- the form ---------------------------------------------------------------------------------------------------------


async def test_the_form_sends_a_stream_to_the_front_door_and_times_each_token(site: Site) -> None:
    for dialect, path in (("chat", "/v1/chat/completions"), ("messages", "/v1/messages")):
        lines = await site.lines(dialect=dialect, path=path, prompt='[[fake {"content": "One two three four."}]]')
        assert lines[0]["kind"] == "head"
        assert lines[0]["status"] == 200
        tokens = [line for line in lines if line["kind"] == "token"]
        assert "".join(str(token["text"]) for token in tokens) == "One two three four."
        times = [float(str(token["at_ms"])) for token in tokens]
        assert times == sorted(times)
        assert times[-1] - times[0] >= 10 * (len(times) - 1) * 0.8, "10 ms between two"
        assert lines[-1]["outcome"] == "completed"
        assert any(line["kind"] == "usage" for line in lines)


async def test_it_shows_how_a_stream_that_breaks_off_ends(site: Site) -> None:
    cut = '[[fake {"content": "One two three.", "fault": {"at": {"event": 3}, "end": "fin"}}]]'
    lines = await site.lines(prompt=cut)
    assert lines[-1]["outcome"] == "failed"
    assert lines[-1]["error"]
    refused = await site.lines(model="none-such")
    assert (refused[0]["status"], refused[-1]["error"]) == (404, "Model not found")


async def test_it_brings_the_key_that_was_typed_and_no_other_and_nobody_hears_of_either(site: Site) -> None:
    typed = "sk-c4n4ry-typed"
    lines = await site.lines(key=typed)
    assert lines[-1]["outcome"] == "completed"
    await _seen(site, lambda seen: bool(seen.ended))
    shown = repr(site.sluice.lines) + site.sluice.stderr
    for path in ("/api/live", "/api/plan", "/config_dump", "/status"):
        shown += (await site.sluice.ask("admin", path)).body.decode()
    shown += (await site.sluice.ask("stats", "/metrics")).body.decode()
    assert "c4n4ry" not in shown


async def test_who_leaves_the_form_leaves_the_front_door_too(site: Site) -> None:
    long = json.dumps({"content": "word " * 2000})
    body = json.dumps(WISH | {"port": site.sluice.port, "prompt": f"[[fake {long}]]"}).encode()
    async with await RawClient.connect(site.sluice.side["admin"]) as client:
        client.send(request(body, path="/api/try", host="localhost"))
        await client.read_until(b'"token"')
    await _seen(site, lambda seen: not seen.exchanges and seen.ended[0].outcome == "client_gone")
    await until(lambda: site.fake.open_streams == 0)


async def test_another_page_can_neither_send_the_form_nor_look(site: Site) -> None:
    before = len(site.fake.sights)
    own = f"http://localhost:{site.sluice.side['admin']}"
    for line in (
        "Origin: http://evil.test",
        "Origin: null",
        "Origin: http://localhost:8080",
        "Sec-Fetch-Site: cross-site",
    ):
        assert (await site.attempt(line)).status == 403, line
        looked = get("/api/live", line).replace(b"gateway.test", b"localhost")
        assert (await site.ask(looked)).status == 403, line
    assert (await site.attempt(f"Origin: {own}", "Sec-Fetch-Site: same-site")).status == 403
    assert (await site.attempt(at="evil.test")).status == 400, "a name that was bound to this address"
    form = request(b"port=1", path="/api/try", host="localhost").replace(b"application/json", b"text/plain")
    assert (await site.ask(form, "POST")).status == 415, "what a form can send unasked"
    assert (await site.ask(get("/api/try").replace(b"gateway.test", b"localhost"))).status == 405
    assert len(site.fake.sights) == before, "nothing has reached the provider"


async def test_its_own_page_can(site: Site) -> None:
    host = f"localhost:{site.sluice.side['admin']}"
    answer = await site.attempt(f"Origin: http://{host}", "Sec-Fetch-Site: same-origin", at=host)
    assert answer.status == 200


@pytest.mark.parametrize(
    "wish",
    [
        {"port": 22},
        {"port": 80},
        {"path": "http://evil.test/"},
        {"path": "/v1 HTTP/1.1\r\nx: y"},
        {"host": "a\r\nx: y"},
        {"key": "a\r\nx: y"},
        {"prompt": 1},
        {"dialect": "smtp"},
        {"other": 1},
        {"prompt": "x" * (300 << 10)},
    ],
    ids=lambda wish: next(iter(wish)),
)
async def test_it_goes_to_our_own_ports_only_and_cannot_be_made_to_say_something_else(
    site: Site, wish: dict[str, object]
) -> None:
    answer = await site.attempt(**wish)
    assert answer.status == 400
    assert answer.json()["error"]


async def test_only_so_many_forms_are_under_way_however_fast_they_come(site: Site) -> None:
    long = json.dumps({"content": "word " * 2000})
    body = json.dumps(WISH | {"port": site.sluice.port, "prompt": f"[[fake {long}]]"}).encode()
    clients = [await RawClient.connect(site.sluice.side["admin"]) for _ in range(3 * MAX_TRIALS)]
    for client in clients:
        client.send(request(body, path="/api/try", host="localhost"))
    said = sorted([(await client.head()).status for client in clients])
    assert said == [200] * MAX_TRIALS + [429] * (2 * MAX_TRIALS)
    for client in clients:
        client.close()
    async with asyncio.timeout(5.0):
        while (answer := await site.attempt()).status == 429:
            await asyncio.sleep(0.05)
    assert answer.status == 200


async def _seen(site: Site, holds: object) -> None:
    """Wait until a picture shows it."""
    assert callable(holds)
    async with asyncio.timeout(5.0):
        while not holds(await site.live()):
            await asyncio.sleep(0.05)

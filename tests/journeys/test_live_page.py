"""The live page in a real browser: what it shows of real streams, in light and dark, wide and narrow, and that it stays
quick with two thousand of them, who notice nothing of it."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from sluice.admin.live import View
from sluice.telemetry.recent import Ended
from sluice.testing.fake_provider import FakeProvider
from sluice.testing.fake_script import Item, Pause, Script, whole
from tests.support.browser import Chromium, started
from tests.support.command import Sluice
from tests.support.events import DONE, HELLO, ROLE, STOP, slow_script
from tests.support.raw_client import CHAT, STREAM, RawClient, request
from tests.support.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timed]

MANY = 2000
CHAT_PATH = "/v1/chat/completions"


class Site:
    """The command in front of a fake whose scripts a test gives."""

    def __init__(self, sluice: Sluice, fake: FakeProvider) -> None:
        self.sluice, self.fake = sluice, fake
        self.url = f"http://localhost:{sluice.side['admin']}"

    async def stream(self, stack: AsyncExitStack, script: Script) -> RawClient:
        """Begin a stream; it lasts as long as the stack."""
        self.fake.script(script)
        client = await stack.enter_async_context(await self.sluice.client())
        client.send(request(STREAM, path=CHAT_PATH))
        return client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    async with FakeProvider() as fake:
        env = {"OPENAI_API_KEY": "sk-c4n4ry", "OPENAI_BASE_URL": f"http://127.0.0.1:{fake.port}/v1"}
        async with Sluice(env=env) as sluice:
            yield Site(sluice, fake)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with started() as browser:
        yield browser


async def see(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/")
    await expect(page.locator("#state")).to_have_attribute("data-is", "live")
    await expect(page.locator("#where option")).not_to_have_count(0)


async def test_it_shows_streams_ends_targets_and_the_plan(site: Site, chromium: Chromium) -> None:
    async with AsyncExitStack() as stack:
        browsing = await stack.enter_async_context(chromium.visit(site.url, width=1280, height=900))
        page = browsing.page
        await see(page, site)
        for _ in range(3):
            await (await site.stream(stack, slow_script(600, 0.05))).read_until(HELLO)
        async with await site.sluice.client() as client:
            site.fake.script(Script(status=503, chunks=[b"{}"]))
            assert (await client.ask(request(CHAT, path=CHAT_PATH))).status == 503
        await expect(page.locator("#flights tbody tr")).to_have_count(3)
        await expect(page.locator("#in-flight")).to_have_text("3")
        await expect(page.locator("#flights tbody tr").first).to_contain_text("Streaming")
        await expect(page.locator("#ended .is.wrong").first).to_contain_text("upstream refused")
        await expect(page.locator("#health tbody")).to_contain_text("openai")
        await expect(page.locator(".chart")).to_have_count(6)
        line = page.locator(".chart .line:not(.second)").first
        await expect(line).to_have_attribute("d", re.compile(r"^M[\d.]+ [\d.]+L"))
        await page.get_by_role("button", name="Show it").click()
        await page.fill("#find", "credential")
        await expect(page.locator("#tree")).to_contain_text("***")
        assert "c4n4ry" not in await page.content()
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls one way only"
            await page.evaluate("scrollTo(0, 0)")
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                await browsing.shoot(f"live-{width}-{scheme}")


async def test_the_form_draws_each_gap_and_the_stall(site: Site, chromium: Chromium) -> None:
    pieces = [ROLE, Pause(0.3), HELLO, Pause(0.06), HELLO, Pause(1.11), HELLO, Pause(0.06), HELLO, STOP, DONE]
    sent = []  # the fake, in this process, may be late; the page has to tell what it did, not what it should have done

    def noted() -> Iterator[Item]:
        for piece in pieces:
            if piece is HELLO:
                sent.append(time.monotonic())
            yield piece

    async with chromium.visit(site.url) as browsing:
        page = browsing.page
        await see(page, site)
        site.fake.script(Script(chunks=noted()))
        await page.fill("#model", "gpt-4o-mini")
        await page.fill("#key", "sk-c4n4ry-typed")
        await page.click("#send")
        await expect(page.locator("#told")).to_have_text("completed")
        drawn = {name: await _strokes(page, name) for name in (".tick", ".gap:not(.slow)", ".gap.slow")}
        assert drawn == {".tick": 4, ".gap:not(.slow)": 2, ".gap.slow": 1}
        await expect(page.locator("#numbers")).to_contain_text("Stalls1")
        end = await _ended(site, least_s=1.5)
        assert end.ttft_s is not None
        assert await _number(page, "First token") == pytest.approx(end.ttft_s * 1000, abs=20)
        _, median, longest = sorted((later - sooner) * 1000 for sooner, later in pairwise(sent))
        assert await _number(page, "Longest gap") == pytest.approx(longest, abs=20)
        assert await _number(page, "Median gap") == pytest.approx(median, abs=20)
        assert await _number(page, "Took") == pytest.approx(end.duration_s * 1000, abs=30)
        await expect(page.locator("#answer")).to_have_text("HelloHelloHelloHello")
        await browsing.shoot("live-form")
        kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert "c4n4ry" not in kept
        await page.reload()
        assert await page.input_value("#key") == ""


async def test_a_stopped_form_ends_its_stream(site: Site, chromium: Chromium) -> None:
    async with chromium.visit(site.url) as browsing:
        page = browsing.page
        await see(page, site)
        site.fake.script(slow_script(600, 0.05))
        await page.fill("#model", "gpt-4o-mini")
        await page.click("#send")
        await expect(page.locator("#answer")).to_contain_text("HelloHello")
        await page.click("#stop")
        await expect(page.locator("#told")).to_have_text("stopped")
        await until(lambda: site.fake.open_streams == 0)


async def test_a_chart_leaves_out_the_time_that_nobody_counted(site: Site, chromium: Chromium) -> None:
    async with chromium.visit(site.url) as browsing:
        await see(browsing.page, site)
        assert await browsing.page.evaluate(_SLEPT) == ["M79", "L81", "M179", "L180"]


async def test_it_works_by_keyboard_and_stands_still_when_told_to(site: Site, chromium: Chromium) -> None:
    async with AsyncExitStack() as stack:
        browsing = await stack.enter_async_context(chromium.visit(site.url))
        page = browsing.page
        await see(page, site)
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("Space")
        await expect(page.locator("#hold")).to_have_attribute("aria-pressed", "true")
        before = await page.locator("#in-flight").text_content()
        await (await site.stream(stack, slow_script(600, 0.05))).read_until(HELLO)
        await expect(page.locator("#state")).to_have_attribute("data-is", "held")
        assert await page.locator("#in-flight").text_content() == before
        await page.locator("#hold").press("Enter")
        await expect(page.locator("#in-flight")).to_have_text("1")
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("/")
        await expect(page.locator("#find")).to_be_focused()


async def test_what_clients_and_providers_write_stays_text_and_moves_no_column(site: Site, chromium: Chromium) -> None:
    evil = "<img src=/x onerror=document.title='owned'>" + "W" * 300
    stream = STREAM.replace(b'"m"', json.dumps(evil).encode())
    async with AsyncExitStack() as stack:
        browsing = await stack.enter_async_context(chromium.visit(site.url, width=1280))
        page = browsing.page
        site.fake.script(slow_script(600, 0.05))
        client = await stack.enter_async_context(await site.sluice.client())
        client.send(request(stream, path=CHAT_PATH, headers=[f"x-request-id: {evil[:40]}"]))
        await client.read_until(HELLO)
        site.fake.script(whole(json.dumps({"error": {"message": evil, "code": evil}}).encode(), status=500))
        for asked, path in ((stream, CHAT_PATH), (CHAT, f"/{quote(evil, safe='<>=')}")):
            async with await site.sluice.client() as other:
                assert (await other.ask(request(asked, path=path))).status >= 400
        site.fake.script(
            Script(chunks=[ROLE, HELLO.replace(b"Hello", b"<img src=/x onerror=document.title=1>"), STOP, DONE])
        )
        await see(page, site)
        await page.fill("#model", evil)
        await page.click("#send")
        await expect(page.locator("#told")).to_have_text("completed")
        await expect(page.locator("#answer")).to_contain_text("<img src=/x")
        await expect(page.locator("#flights tbody tr").first).to_contain_text("<img src=/x")
        await expect(page.locator("#ended tbody tr")).to_contain_text(["<img src=/x"] * 2)
        assert await page.locator("main img").count() == 0
        assert await page.title() == "Sluice, live"
        for width in (1280, 768, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate(_HIDDEN_COLUMNS) == 0


async def test_a_page_of_another_port_can_do_nothing(site: Site, chromium: Chromium) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\nevil")
        writer.close()

    before = len(site.fake.sights)
    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        other = f"http://localhost:{server.sockets[0].getsockname()[1]}"
        async with chromium.visit(other) as browsing:
            await browsing.page.goto("/")
            wish = json.dumps({"port": site.sluice.port, "path": CHAT_PATH, "model": "m", "prompt": "hi"})
            done = await browsing.page.evaluate(_ATTACK, [site.url, wish])
            assert set(done.values()) == {"refused"}, done
            assert (framed := [frame.url for frame in browsing.page.frames[1:]])
            assert not [url for url in framed if url.startswith(site.url)], "it is in no frame"
            browsing.wrong.clear()  # the refusals
    assert len(site.fake.sights) == before
    assert (await site.sluice.ask("admin", "/logging")).json() == {"level": "info"}


async def test_with_two_thousand_streams_it_moves_each_second_and_they_notice_nothing(
    site: Site, chromium: Chromium
) -> None:
    """A probe stream of a token each 20 ms is measured without and with the page."""
    async with AsyncExitStack() as stack:
        for first in range(0, MANY, 200):
            clients = [await site.stream(stack, slow_script(1, 120.0)) for _ in range(first, first + 200)]
            await asyncio.gather(*(client.read_until(HELLO) for client in clients))
        alone = await _gaps(site, 40)
        browsing = await stack.enter_async_context(chromium.visit(site.url, width=1280))
        page = browsing.page
        await see(page, site)
        await expect(page.locator("#in-flight")).to_have_text(str(MANY))
        assert await page.locator("#flights tbody tr").count() == 200
        await expect(page.locator("#not-all")).to_contain_text("200 of 2000")
        watched = await _gaps(site, 40)
        assert watched[len(watched) // 2] < alone[len(alone) // 2] + 0.01, "the median gap"
        assert watched[int(len(watched) * 0.95)] < alone[int(len(alone) * 0.95)] + 0.05

        ages = page.locator("#flights tbody tr:first-child td:last-child")
        for _ in range(2):
            age = await ages.text_content() or ""
            began = time.monotonic()
            await expect(ages).not_to_have_text(age, timeout=2000)
            assert time.monotonic() - began < 2.0
        site.fake.script(slow_script(5, 0.02))
        await page.fill("#model", "gpt-4o-mini")
        await page.click("#send")
        await expect(page.locator("#told")).to_have_text("completed", timeout=3000)
        task_ms = await page.evaluate(_LONGEST_TASK)
        assert task_ms < 100, "the page answers while it draws"
        await page.evaluate("scrollTo(0, 0)")
        await browsing.shoot("live-2000")


async def _live(site: Site) -> View:
    return msgspec.json.decode((await site.sluice.ask("admin", "/api/live")).body, type=View)


async def _ended(site: Site, *, least_s: float) -> Ended:
    """The exchange that ended last, once it is one that took so long and was not left by its client."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for end in (await _live(site)).ended[:1]:
                if end.duration_s >= least_s and end.outcome == "completed":
                    return end
            await asyncio.sleep(0.05)


async def _strokes(page: Page, name: str) -> int:
    return (await page.locator(f"#timeline {name}").get_attribute("d") or "").count("M")


async def _number(page: Page, name: str) -> float:
    """Milliseconds."""
    text = await page.locator("#numbers div", has=page.get_by_text(name, exact=True)).locator("dd").text_content()
    value, unit = str(text).split()
    return float(value) * {"ms": 1, "s": 1000}[unit]


async def _gaps(site: Site, tokens: int) -> list[float]:
    """The gaps between the tokens of one more stream, sorted."""
    gaps = []
    async with AsyncExitStack() as stack:
        client = await site.stream(stack, slow_script(tokens, 0.02))
        await client.read_until(HELLO)
        last = time.monotonic()
        for _ in range(tokens):
            await client.read_until(HELLO)
            gaps.append(-last + (last := time.monotonic()))
    return sorted(gaps)


_SLEPT = """async () => {
  const { Chart } = await import("/assets/draw.js");
  const chart = new Chart("c", { values: (all) => [all.map((point) => point.value)], now: () => [] });
  chart.draw([1000, 1001, 1002, 1100, 1101].map((at) => ({ at, value: at === 1001 ? null : 1 })));
  return chart.line.getAttribute("d").match(/[ML][0-9.]+/g);
}"""
"""Where a chart draws five seconds; a laptop slept after the third."""

_ATTACK = Path(__file__).with_name("live_page_attack.js").read_text()

_HIDDEN_COLUMNS = """() => [...document.querySelectorAll("#flights, #ended, #health")]
  .filter((table) => table.offsetWidth > table.closest(".scroll").clientWidth).length"""
_LONGEST_TASK = """() => new Promise((done) => {
  let longest = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) longest = Math.max(longest, entry.duration);
  }).observe({ type: "longtask" });
  setTimeout(() => done(longest), 1500);
})"""
"""How long the page's one thread was taken at most, in milliseconds of 1.5 s; 0 = never for 50."""

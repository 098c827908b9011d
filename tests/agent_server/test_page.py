"""The chat page in a real browser: it streams, stops, goes on after a reload, and shows nothing that a model made up as
a part of the page."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.agent_server import page_agents
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.browser import Browsing, Chromium, started

DONE = '.turn.agent[aria-busy="false"]'


pytestmark = pytest.mark.asyncio(loop_scope="module")
"""One browser and one server for all of them: each test is another visitor."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[AgentSite]:
    tools, models = page_agents.tools()
    made = (page_agents.story(), page_agents.slow(), page_agents.order(), page_agents.broken(), page_agents.repeat())
    sites = AgentSites()
    try:
        yield await sites(*made, tools, models=models)
    finally:
        await sites.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with started() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def here(site: AgentSite, chromium: Chromium) -> AsyncIterator[Browsing]:
    async with chromium.visit(site.url) as browsing:
        await browsing.page.goto(f"{site.url}/")
        await expect(browsing.page.locator(".empty")).to_be_visible()
        yield browsing


async def tell(page: Page, agent: str, text: str) -> None:
    await page.select_option("#agent", agent)
    await page.fill("#say", text)
    await page.keyboard.press("Enter")


async def test_an_answer_streams_and_is_shown_as_what_it_is(here: Browsing) -> None:
    page = here.page
    await tell(page, "story", "Tell me a story")
    await page.wait_for_selector(DONE)
    answer = page.locator(".turn.agent")
    await expect(answer.locator("h2")).to_have_text("A short story")
    await expect(answer.locator("strong")).to_have_text(["stream", "5"])
    await expect(answer.locator("ol > li")).to_have_count(4)  # three of the list, and a source
    await expect(answer.locator("td a")).to_have_attribute("rel", re.compile("noopener"))
    await expect(answer.locator("pre code")).to_have_text("async for chunk in stream:\n    yield chunk")
    await expect(answer.locator("blockquote")).to_contain_text("<b>no HTML</b>")
    assert await answer.locator("img, b, script, a[href^=javascript]").count() == 0
    await expect(answer.locator(".steps li")).to_have_text("remember ✓")
    await expect(answer.locator(".numbers")).to_have_text(re.compile(r"first token .* · ~\d+ tokens · \d+ tokens/s"))
    await here.shoot("chat-light")
    await page.get_by_role("button", name="Like it").click()
    await expect(answer).to_contain_text("Thank you for liking 7")
    await expect(page.locator("#threads li").first).to_contain_text("Tell me a story")


async def test_escape_stops_the_run_and_not_only_the_page(here: Browsing, site: AgentSite) -> None:
    page = here.page
    await tell(page, "slow", "count")
    await expect(page.locator("#log")).to_contain_text("word20 ")
    (running,) = site.service.running.values()
    await page.keyboard.press("Escape")
    await page.wait_for_selector(DONE)
    await running.over
    assert running.run.status == "cancelled"
    await expect(page.locator("#log")).to_contain_text("Stopped.")


@pytest.mark.parametrize("socket", [False, True], ids=["sse", "websocket"])
async def test_a_reload_in_the_midst_of_an_answer_loses_and_repeats_nothing(
    here: Browsing, site: AgentSite, socket: bool
) -> None:
    page = here.page
    if socket:
        await page.check("#socket")
    await tell(page, "slow", "count")
    await expect(page.locator("#log")).to_contain_text("word20 ")
    await page.reload()
    await expect(page.locator("#log")).to_contain_text("word60 ")
    shown = re.findall(r"word(\d+)", await page.inner_text(".turn.agent"))
    assert [int(number) for number in shown] == list(range(len(shown)))
    assert len(site.service.running) == 1
    await page.click("#stop")
    await page.wait_for_selector(DONE)


async def test_a_question_is_answered_in_the_page(here: Browsing) -> None:
    page = here.page
    await tell(page, "order", "tea")
    await expect(page.locator(".card.ask")).to_contain_text("Shall I buy it?")
    await here.shoot("chat-question")
    await page.reload()  # it waits as long as it must
    await page.fill(".card.ask input", "yes, two")
    await page.keyboard.press("Enter")
    await expect(page.locator("#log")).to_contain_text("You said: yes, two")


async def test_a_tool_waits_for_its_approval_and_shows_what_it_did(here: Browsing) -> None:
    page = here.page
    await tell(page, "tools", "2 + 3?")
    await page.get_by_role("button", name="Allow", exact=True).click()
    await expect(page.locator("#log")).to_contain_text("The sum is 5.")
    await page.reload()
    for folded in await page.locator("details").all():
        await folded.locator("summary").click()
    await expect(page.locator("details.tool")).to_have_count(1)  # asked about in one run, carried out in the next
    await expect(page.locator("details.tool")).to_contain_text(["done"])
    await expect(page.locator("details.tool pre").last).to_have_text("5")
    await expect(page.locator("details.thought")).to_contain_text(["Two numbers."])
    await here.shoot("chat-tools")


async def test_a_failure_is_said_and_its_cause_is_not(here: Browsing) -> None:
    page = here.page
    await page.click("#theme")
    await tell(page, "broken", "go")
    await expect(page.get_by_role("alert")).to_have_text("the agent failed: ValueError")
    await expect(page.locator(".turn.agent .text")).to_have_text("So far so")
    assert "secret" not in await page.content()
    await here.shoot("chat-failure-dark")


async def test_regenerating_asks_again_in_place_of_the_old_answer(here: Browsing) -> None:
    page = here.page
    await page.set_input_files("#attach", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
    await expect(page.locator("#files li")).to_contain_text("a.txt")
    await tell(page, "repeat", "one")
    await expect(page.locator(".turn.agent")).to_contain_text("1: one (1 files)")
    await page.fill("#say", "two")
    await page.keyboard.press("Enter")
    await expect(page.locator(".turn.agent").last).to_contain_text("3: two (0 files)")
    await page.locator(".again").last.click()
    await expect(page.locator(".turn.agent")).to_have_count(2)
    await expect(page.locator(".turn.agent").last).to_contain_text("3: two (0 files)")
    await page.reload()
    await expect(page.locator(".turn")).to_have_count(4)
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.locator(".empty")).to_be_visible()


async def test_a_phone_has_the_conversations_behind_a_button(site: AgentSite, chromium: Chromium) -> None:
    async with chromium.visit(site.url, width=390, height=800, dark=True) as browser:
        page = browser.page
        await page.goto(f"{site.url}/")
        await tell(page, "repeat", "hello")
        await page.wait_for_selector(DONE)
        await expect(page.locator("#side")).to_be_hidden()
        wide = await page.locator("html").evaluate("node => node.scrollWidth - node.clientWidth")
        assert wide == 0
        await browser.shoot("chat-phone")
        await page.get_by_role("button", name="Show conversations").click()
        await expect(page.locator("#threads li").first).to_contain_text("hello")
        await page.wait_for_timeout(250)  # the list slides in
        await browser.shoot("chat-phone-list")


async def test_a_native_event_source_hears_a_run_and_goes_on_by_itself(here: Browsing) -> None:
    """EventSource can only GET and comes back by itself: the server tells it when it has all (204)."""
    page = here.page
    await tell(page, "repeat", "hi")
    await page.wait_for_selector(DONE)
    heard = await page.evaluate(
        """async () => {
            const thread = location.hash.slice(1);
            const [run] = await (await fetch(`/threads/${thread}/runs`)).json();
            const heard = [];
            const source = new EventSource(`/runs/${run.run_id}/stream`);
            for (const kind of ["run.started", "text.delta", "run.finished"])
                source.addEventListener(kind, (event) => heard.push([kind, event.lastEventId]));
            await new Promise((done) => {
                source.onerror = () => { if (source.readyState === EventSource.CLOSED) done(); };
            });
            return heard;
        }"""
    )
    assert [kind for kind, _ in heard] == ["run.started", "text.delta", "run.finished"]
    assert [int(place) for _, place in heard] == sorted(int(place) for _, place in heard)


async def test_what_does_not_ask_for_a_page_gets_none(site: AgentSite, chromium: Chromium) -> None:
    async with chromium.visit(site.url) as browser:
        page = browser.page
        answer = await page.request.get(f"{site.url}/", headers={"accept": "application/json"})
        assert (await answer.json())["agents"][0] == "story"
        missing = await page.request.get(f"{site.url}/assets/..%2Fapp.py")
        assert missing.status == 404
        policy = (await page.request.get(f"{site.url}/", headers={"accept": "text/html"})).headers
        assert "script-src 'self'" in policy["content-security-policy"]
        assert "unsafe" not in policy["content-security-policy"]

"""The chat page where things are not as they should be: lines that break, keys, many conversations, long answers; and
for those who have no mouse, see little, or nothing."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect
from starlette.requests import HTTPConnection

from sluice.agent_server.identity import LOCAL
from sluice.errors import Unauthenticated
from sluice.runs.records import Thread
from tests.agent_server import page_agents
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.browser import Browsing, Chromium, started

DONE = '.turn.agent[aria-busy="false"]'
pytestmark = pytest.mark.asyncio(loop_scope="module")


class OneKey:
    """Lets in who has the key."""

    async def principal(self, request: HTTPConnection) -> str:
        if request.headers.get("authorization") != "Bearer sk-right":
            raise Unauthenticated("no key, or a wrong one", reason="apiKey")
        return LOCAL


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sites() -> AsyncIterator[AgentSites]:
    made = AgentSites()
    try:
        yield made
    finally:
        await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(sites: AgentSites) -> AgentSite:
    sums, models = page_agents.sums()
    made = (page_agents.story(), page_agents.slow(), page_agents.order(), page_agents.repeat(), page_agents.survey())
    return await sites(*made, sums, models=models)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with started() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def here(site: AgentSite, chromium: Chromium) -> AsyncIterator[Browsing]:
    async with chromium.visit(site.url) as browsing:
        yield browsing


async def tell(page: Page, agent: str, text: str) -> None:
    await page.select_option("#agent", agent)
    await page.fill("#say", text)
    await page.keyboard.press("Enter")


# -- lines that break -------------------------------------------------------------------------------------------------


async def test_where_no_websocket_opens_the_answer_comes_without_and_the_page_says_so(here: Browsing) -> None:
    page = here.page
    await page.route_web_socket("**/ws", lambda line: line.close())
    await page.goto("/")
    await page.check("#socket")
    await tell(page, "repeat", "hello")
    await expect(page.locator(DONE)).to_contain_text("1: hello")
    await page.select_option("#agent", "slow")
    await tell(page, "slow", "count")
    await expect(page.locator("#link")).to_have_text("No WebSocket could be opened: read without")
    await page.keyboard.press("Escape")
    await expect(page.locator(DONE)).to_have_count(2)


CUT = """() => {
    const real = window.fetch;
    let cuts = 3;
    window.fetch = async (address, asked) => {
        const answer = await real(address, asked);
        if (!String(address).endsWith("/stream") || !cuts) return answer;
        cuts -= 1;
        let left = 3000;
        const short = new TransformStream({ transform(chunk, line) {
            if (chunk.length < left) { left -= chunk.length; line.enqueue(chunk); }
            else { line.enqueue(chunk.slice(0, left)); line.error(new TypeError("network error")); }
        } });
        return new Response(answer.body.pipeThrough(short), { status: answer.status, headers: answer.headers });
    };
}"""
"""The first three streams break off in the midst of a frame."""


async def test_a_line_that_breaks_loses_and_repeats_nothing(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    await page.evaluate(CUT)
    await tell(page, "slow", "count")
    await expect(page.locator("#link")).to_have_text("Connection lost, trying again…")
    await expect(page.locator("#log")).to_contain_text("word90 ")
    await expect(page.locator("#link")).to_have_text("")
    shown = re.findall(r"word(\d+)", await page.inner_text(".turn.agent"))
    assert [int(number) for number in shown] == list(range(len(shown)))
    await page.keyboard.press("Escape")
    await page.wait_for_selector(DONE)


async def test_what_could_not_be_sent_is_given_back(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    await page.route("**/threads/*/runs", lambda route: route.abort())
    await page.set_input_files("#attach", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
    await tell(page, "repeat", "a long thought")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("#say")).to_have_value("a long thought")
    await expect(page.locator("#files li")).to_contain_text("a.txt")
    await page.unroute("**/threads/*/runs")
    await page.keyboard.press("Enter")
    await expect(page.locator(DONE)).to_contain_text("1: a long thought (1 files)")
    await expect(page.locator("#threads li").first).to_contain_text("a long thought")
    assert [text for text in here.wrong if "ERR_FAILED" not in text] == []
    here.wrong.clear()


async def test_a_run_that_was_stopped_before_it_began_is_stopped(here: Browsing, site: AgentSite) -> None:
    page = here.page
    await page.goto("/")
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()
    await page.route("**/threads/*/runs", lambda route: held.set_result(route))
    await tell(page, "slow", "count")
    async with asyncio.timeout(5):
        route = await held
    await page.keyboard.press("Escape")
    await route.continue_()
    await expect(page.locator(DONE)).to_contain_text("Stopped.")
    assert not site.service.running


async def test_an_answer_that_begins_late_does_not_come_into_another_conversation(
    here: Browsing, site: AgentSite
) -> None:
    page = here.page
    await page.goto("/")
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()
    await page.route("**/threads/*/runs", lambda route: held.set_result(route))
    await tell(page, "repeat", "for the old one")
    async with asyncio.timeout(5):
        route = await held
    await page.get_by_role("button", name="New conversation").click()
    await route.continue_()
    await expect(page.locator("#threads li").first).to_contain_text("for the old one")
    await expect(page.locator(".turn")).to_have_count(0)
    await expect(page.locator(".empty")).to_be_visible()


# -- what comes back --------------------------------------------------------------------------------------------------


async def test_a_reload_after_the_end_has_the_buttons_the_sources_and_the_numbers(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    await tell(page, "story", "Tell me a story")
    await page.wait_for_selector(DONE)
    await page.reload()
    answer = page.locator(".turn.agent")
    await expect(answer.locator(".numbers")).to_have_text(re.compile(r"first token .* · ~\d+ tokens · \d+ tokens/s"))
    await expect(answer.locator(".sources a")).to_have_text("On streams")
    await page.get_by_role("button", name="Like it").click()
    await expect(answer).to_contain_text("Thank you for liking 7")
    await expect(answer.get_by_role("heading", name="A short story")).to_have_count(1)
    await expect(page.get_by_role("button", name="Regenerate")).to_have_count(1)


async def test_a_reload_shows_what_was_said_before_each_question(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    await tell(page, "survey", "hi")
    await page.get_by_label("Your name?").fill("Ann")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Your town?")).to_be_visible()
    await page.reload()
    await expect(page.locator(".turn.agent .text")).to_have_text(["Welcome.", "Hello Ann."])
    await page.get_by_label("Your town?").fill("Bern")
    await page.keyboard.press("Enter")
    await expect(page.locator("#log")).to_contain_text("word5 ")
    await page.reload()
    await expect(page.locator("#log")).to_contain_text("word5 ")
    texts = page.locator(".turn.agent .text")
    await expect(texts).to_have_text(["Welcome.", "Hello Ann.", re.compile("So, Bern. word0 ")])
    await page.keyboard.press("Escape")
    await page.wait_for_selector(DONE)


async def test_what_is_asked_at_once_is_answered_at_once(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/resume") else None)
    await tell(page, "sums", "go")
    await page.get_by_role("button", name="Allow", exact=True).first.press("Enter")
    await expect(page.get_by_role("button", name="Allow", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#log")).to_contain_text("Five and nine.")
    await expect(page.locator(".card.ask")).to_have_count(2)
    assert len(asked) == 1


async def test_a_server_that_wants_a_key_gets_it(sites: AgentSites, chromium: Chromium) -> None:
    guarded = await sites(page_agents.repeat(), principals=OneKey())
    async with chromium.visit(guarded.url) as browsing:
        page = browsing.page
        await page.goto("/")
        await page.get_by_label("Key", exact=True).fill("sk-wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("This key is not known here.")
        await page.get_by_label("Key", exact=True).fill("sk-right")
        await page.keyboard.press("Enter")
        for count, socket in ((1, False), (2, True)):
            await page.set_checked("#socket", socket)
            await tell(page, "repeat", f"hello {count}")
            await expect(page.locator(DONE)).to_have_count(count)
            await expect(page.locator(DONE).last).to_contain_text(f"hello {count}")
            await expect(page.locator("#link")).to_have_text("")
        await page.reload()
        await expect(page.locator(".turn.agent")).to_have_count(2)
        assert [text for text in browsing.wrong if "401" not in text] == []
        browsing.wrong.clear()


async def test_over_plain_http_from_another_machine_it_talks_and_copies(here: Browsing) -> None:
    """There a browser gives a page neither `crypto.randomUUID` nor a clipboard."""
    page = here.page
    await page.add_init_script(
        "delete Crypto.prototype.randomUUID; delete Navigator.prototype.clipboard;"
        "document.addEventListener('copy', () => { window.copied = String(document.activeElement.value); });"
    )
    await page.goto("/")
    await tell(page, "repeat", "hello")
    await page.wait_for_selector(DONE)
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_focused()
    assert await page.evaluate("window.copied") == "1: hello (0 files)"


async def test_a_pasted_picture_is_sent_and_shown(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    await page.focus("#say")
    await page.evaluate(
        """async () => {
            const canvas = document.createElement("canvas");
            const blob = await new Promise((done) => canvas.toBlob(done));
            const held = new DataTransfer();
            held.items.add(new File([blob], "image.png", { type: "image/png" }));
            const pasted = new ClipboardEvent("paste", { clipboardData: held, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(pasted);
        }"""
    )
    await expect(page.locator("#files img")).to_have_js_property("complete", True)
    await tell(page, "repeat", "what is it?")
    await expect(page.locator(DONE)).to_contain_text("1: what is it? (1 files)")
    await page.reload()
    assert await page.locator(".turn.user img").evaluate("picture => picture.decode().then(() => picture.naturalWidth)")


# -- much of it -------------------------------------------------------------------------------------------------------


async def test_three_hundred_conversations_can_all_be_reached_by_keyboard(
    sites: AgentSites, chromium: Chromium
) -> None:
    many = await sites(page_agents.repeat())
    for number in range(300):
        told = {"title": f"Talk {number}"}
        await many.service.store.create_thread(
            Thread(id=f"t{number}", owner=LOCAL, created=number + 1, updated=number + 1, metadata=told)
        )
    async with chromium.visit(many.url) as browsing:
        page = browsing.page
        await page.goto("/")
        shown = page.locator("#threads li")
        await expect(shown).to_have_count(50)
        for count in range(100, 301, 50):
            await page.get_by_role("button", name="Show more").press("Enter")
            await expect(shown).to_have_count(count)
        first = page.get_by_role("button", name="Talk 0", exact=True)
        await first.press("Enter")
        await expect(first).to_have_attribute("aria-current", "true")
        await expect(first).to_be_focused()
        await page.get_by_role("button", name="Show more").press("Enter")
        await expect(page.get_by_role("button", name="Show more")).to_be_hidden()


DRAWING = """async ({ piece, times }) => {
    const { Growing } = await import("./assets/markdown.js");
    const node = document.getElementById("log").appendChild(document.createElement("div"));
    const growing = new Growing(node);
    growing.add(piece.repeat(times));
    const draw = growing.draw.bind(growing);
    const begun = [];
    let spent = 0;
    growing.draw = () => {
        const began = performance.now();
        begun.push(began);
        draw();
        node.offsetHeight;
        if (begun.length < 3) spent += performance.now() - began;
    };
    let added = 0;
    while (begun.length < 3) {
        growing.add("word ");
        added += 1;
        await new Promise((done) => setTimeout(done, 4));
    }
    while (growing.waits) await new Promise((done) => setTimeout(done, 4));
    return [spent / (begun[2] - begun[0]), node.textContent.trim().endsWith("word ".repeat(added).trim())];
}"""


async def test_a_hundred_kilobytes_leave_the_page_most_of_its_time(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    for piece in ("A **sentence** with `code` in it. ", "A line.\n\n- an item\n\n"):
        share, whole = await page.evaluate(DRAWING, {"piece": piece, "times": 100_000 // len(piece)})
        assert share < 0.5, piece
        assert whole, piece


async def test_marks_that_are_never_closed_are_read_in_no_time(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    for piece in ("**a ", "[a"):
        spent = await page.evaluate(
            """async (text) => {
                const { inline } = await import("./assets/markdown.js");
                const began = performance.now();
                inline(text);
                return performance.now() - began;
            }""",
            piece * 60_000,
        )
        assert spent < 3000, piece


GROWN = """async (text) => {
    const { Growing, render } = await import("./assets/markdown.js");
    const whole = document.createElement("div");
    whole.append(...render(text));
    const node = document.createElement("div");
    const growing = new Growing(node);
    for (const letter of text) { growing.text += letter; growing.draw(); }
    return [node.innerHTML, whole.innerHTML];
}"""


async def test_a_text_that_grows_letter_by_letter_is_drawn_as_the_whole(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    for text in (
        page_agents.STORY,
        "a\n---b\n- c\n\n   d\n***\n1. x\n- y\n> q\nr\n| a | b |\n|---|---|\n| c | d |\ne",
        "t\n```py\n\nx\n````\n```\n~~~\n# h\n~~~\n# h #\n\n\n\n- - -\n- -\nend",
    ):
        grown, whole = await page.evaluate(GROWN, text)
        assert grown == whole


# -- for everybody ----------------------------------------------------------------------------------------------------


async def test_with_the_keyboard_alone_the_focus_is_never_lost(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    await tell(page, "slow", "count")
    await expect(page.locator("#log")).to_contain_text("word5 ")
    await page.get_by_role("button", name="Stop").press("Enter")
    await page.wait_for_selector(DONE)
    await expect(page.locator("#say")).to_be_focused()
    await tell(page, "order", "tea")
    await page.get_by_label("Shall I buy it?").press_sequentially("yes")
    await page.keyboard.press("Enter")
    await expect(page.locator("#log")).to_contain_text("You said: yes")
    await expect(page.locator("#say")).to_be_focused()
    await page.get_by_role("button", name="Regenerate").last.press("Enter")
    await expect(page.locator("#say")).to_be_focused()
    await expect(page.locator(".card.ask input")).to_be_visible()


async def test_an_answer_that_has_ended_stands_there_to_its_last_word_without_a_frame_drawn(here: Browsing) -> None:
    page = here.page
    await page.add_init_script("window.requestAnimationFrame = () => 0")  # as in a tab in the background
    await page.goto("/")
    await tell(page, "story", "Tell me a story")
    await page.wait_for_selector(DONE)
    turn = await page.locator(DONE).inner_html()
    for there in ("<h2>A short story</h2>", "<th>gateway</th>", "yield chunk", "&lt;b&gt;no HTML&lt;/b&gt;", "bad"):
        assert there in turn


async def test_a_text_that_no_page_can_draw_stands_there_as_it_was_written_and_ends(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    await tell(page, "repeat", f"deep\n{'>' * 3000} down here\n\n{'*a* ' * 100_000}\n\n## after it")
    turn = page.locator(DONE)
    await expect(turn.get_by_role("heading", name="after it")).to_be_visible()
    await expect(turn).to_contain_text("down here")
    assert await turn.locator("blockquote").count() == 16
    await expect(turn).to_contain_text("*a* *a*")
    await expect(turn.get_by_role("button", name="Regenerate")).to_be_visible()


async def test_a_screen_reader_is_told_what_is_what(here: Browsing) -> None:
    page = here.page
    await page.goto("/")
    await tell(page, "story", "Tell me a story")
    await page.wait_for_selector(DONE)
    await expect(page.locator("#told")).to_have_text("The answer has ended")
    await expect(page.get_by_role("progressbar", name="half way")).to_have_count(1)
    tree = await page.locator("main").aria_snapshot()
    for line in (
        '- combobox "Agent"',
        "- status: The answer has ended",
        '- log "Conversation":',
        '- article "You": Tell me a story',
        '- article "Agent":',
        '- list "Steps":',
        '- heading "A short story" [level=2]',
        '- columnheader "gateway"',
        '- list "Sources":',
        '- button "Like it"',
        '- textbox "Message"',
        '- button "Send"',
    ):
        assert line in tree, tree


async def test_zoomed_in_nothing_is_cut_off(site: AgentSite, chromium: Chromium) -> None:
    """A window of 1280 x 1024 has 320 x 256 at 400 % (WCAG 2.2, 1.4.10)."""
    async with chromium.visit(site.url, width=320, height=256) as browsing:
        page = browsing.page
        await page.goto("/")
        await tell(page, "story", "Tell me a story")
        await page.wait_for_selector(DONE)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await expect(page.locator("#say")).to_be_in_viewport(ratio=1)
        assert await page.evaluate("document.getElementById('log').clientHeight") >= 100
        await page.get_by_role("button", name="Show conversations").press("Enter")
        await expect(page.locator("main")).to_have_js_property("inert", True)
        await page.keyboard.press("Escape")
        await expect(page.locator("#open-side")).to_be_focused()

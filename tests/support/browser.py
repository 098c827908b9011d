"""A real Chromium of this machine, for tests of pages."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

SCREENS = Path(__file__).parents[2] / "build" / "screens"
"""Where tests put what they saw, for people to look at."""


def chromium() -> str:
    """Return the path of Chromium. Where there is none it is installed if that may be done; if not, the test is
    skipped, and fails in CI: what it proves is then not proven."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-q", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", *words], env=env, capture_output=True, check=False)
        found = shutil.which("chromium")
    if found is None:
        why = "NOT PROVEN: there is no Chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


class Browsing:
    """A page of a browser, and what went wrong in it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        """Errors of scripts, breaches of the page's policy, requests to other places."""
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: self._look(request.url, origin))

    def _look(self, url: str, origin: str) -> None:
        if not url.startswith((origin, "data:", "blob:")):
            self.wrong.append(f"a request to {url}")

    async def shoot(self, name: str) -> None:
        """Keep a picture of what is to be seen."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENS / f"{name}.png")


class Chromium:
    """A browser without a window. Each page is a visitor of its own: nothing is kept from one to the next."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextlib.asynccontextmanager
    async def visit(
        self, origin: str, *, width: int = 1180, height: int = 820, dark: bool = False
    ) -> AsyncIterator[Browsing]:
        """Open a page; nothing may go wrong in it, and nothing may be asked of another place."""
        context = await self._browser.new_context(
            base_url=origin,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        try:
            page = await context.new_page()
            page.set_default_timeout(10_000)
            browsing = Browsing(page, origin)
            yield browsing
            assert browsing.wrong == []
        finally:
            await context.close()


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[Chromium]:
    """Start a browser, which takes a second or two."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield Chromium(browser)
        finally:
            await browser.close()

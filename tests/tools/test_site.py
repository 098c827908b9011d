"""The built site: whole, readable from a folder, and asking nothing of another host."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tools.site import relinked

FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "form": "action"}
"""Tags for which a browser asks by itself, and where they say for what."""


class Fetches(HTMLParser):
    """The addresses that a page makes a browser ask."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("rel") != "canonical":
            self.found += [given.get(FETCHED[tag]) or ""] if tag in FETCHED else []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")  # every warning is an error
    return folder


def test_no_page_asks_anything_of_another_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 70
    for page in pages:
        fetched = Fetches(page.read_text(encoding="utf-8")).found
        assert len(fetched) > 3
        assert [address for address in fetched if re.match(r"(https?:)?//", address)] == [], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?(https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_what_is_searched_is_there_for_every_page(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert all(f'"{page}"' in index for page in ("quick-start.html", "troubleshoot.html", "contributing.html"))


@pytest.mark.parametrize(
    ("link", "becomes"),
    [
        ("[a](../../CONTRIBUTING.md)", "[a](../contributing.md)"),
        ("[a](../../examples/README.md#b)", "[a](../examples.md#b)"),
        ("[a](../../tools/site.py)", "a"),
        ("[a](../../nowhere.py)", "[a](../../nowhere.py)"),
        ("[a](b.md#c)", "[a](b.md#c)"),
        ("[a](../errors.md)", "[a](../errors.md)"),
        ("[a](https://example.com/x.md)", "[a](https://example.com/x.md)"),
        ("[a](#b)", "[a](#b)"),
        ("```text\n[a](../../tools/site.py)\n```", "```text\n[a](../../tools/site.py)\n```"),
    ],
)
def test_links_lead_to_pages_of_the_site_and_files_of_the_repository_are_words(link: str, becomes: str) -> None:
    assert relinked(link, "docs/agents/x.md", "agents/x.md", ROOT) == becomes


def test_a_page_from_outside_docs_finds_the_pages_inside() -> None:
    link = "[a](docs/agents/protocols.md), [b](LICENSE)"
    assert relinked(link, "CONTRIBUTING.md", "contributing.md", ROOT) == "[a](agents/protocols.md), b"

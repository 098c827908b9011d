"""The check of the pages: links, anchors and generated blocks, each broken once."""

from pathlib import Path

import pytest

from tools import docs


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(docs, "GENERATORS", {"bench": lambda: "| a |\n| --- |"})
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# A page\n\n## The chunk's journey\n\n## Twice\n\n## Twice\n")
    return tmp_path


def page(root: Path, text: str) -> list[str]:
    (root / "README.md").write_text(text, encoding="utf-8")
    return docs.faults(root)


@pytest.mark.parametrize(
    "text",
    [
        "[x](docs/other.md)",
        "[x](docs/)",
        "[x](docs/other.md#the-chunks-journey)",
        "[x](docs/other.md#twice-1)",
        '[x](docs/other.md "with a title")',
        "[x][y]\n\n[y]: docs/other.md",
        "# Here\n[x](#here)",
        "[x](https://example.org/nothing) and [y](mailto:a@example.org)",
        "`[x](nowhere.md)`",
        "```\n[x](nowhere.md)\n# [y](nowhere.md)\n```\n",
    ],
)
def test_accepts_links_that_lead_somewhere(root: Path, text: str) -> None:
    assert page(root, text + "\n") == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[x](nowhere.md)", 1),
        ("fine\n\n[x](docs/nowhere.md)", 3),
        ("![picture](docs/none.svg)", 1),
        ("[x][y]\n\n[y]: nowhere.md", 3),
        ("```\ncode\n```\n[x](nowhere.md)", 4),
    ],
)
def test_reports_a_link_that_leads_nowhere(root: Path, text: str, line: int) -> None:
    (found,) = page(root, text + "\n")
    assert found.startswith(f"README.md:{line}: the link `")
    assert found.endswith("leads nowhere")


@pytest.mark.parametrize("link", ["docs/other.md#no-such", "docs/other.md#twice-2", "#here", "docs/other.md#Twice"])
def test_reports_an_anchor_without_its_heading(root: Path, link: str) -> None:
    assert page(root, f"[x]({link})\n") == [f"README.md:1: the link `{link}` names a heading that is not there"]


def test_looks_at_pages_below_docs_from_where_they_stand(root: Path) -> None:
    (root / "docs" / "other.md").write_text("[up](../README.md) [wrong](README.md)\n")
    assert page(root, "x\n") == ["docs/other.md:1: the link `README.md` leads nowhere"]


def test_renews_a_stale_block_once_and_leaves_the_rest_alone(root: Path) -> None:
    before = "top\n<!-- generated:bench -->\nold\n<!-- /generated -->\nend\n"
    assert page(root, before) == ["README.md:2: the block `bench` is stale: run `make docs ARGS=--write`"]
    assert docs.renew(root) == [root / "README.md"]
    after = "top\n<!-- generated:bench -->\n| a |\n| --- |\n<!-- /generated -->\nend\n"
    assert (root / "README.md").read_text() == after
    assert docs.faults(root) == []
    assert docs.renew(root) == []


def test_reports_a_block_without_a_generator_and_never_writes_it(root: Path) -> None:
    text = "<!-- generated:weather -->\nsun\n<!-- /generated -->\n"
    (found,) = page(root, text)
    assert found.startswith("README.md:1: no generator is called `weather`")
    assert docs.renew(root) == []

"""docs/providers/: each page shows what its family needs, and vendors are asked where their own pages say."""

import re
from pathlib import Path

import pytest

from sluice.config import Source, load
from sluice.config.plan import AiBackend
from sluice.config.targets import providers
from sluice.config.virtual import backends_of
from sluice.standard import STANDARD
from tests.docs.pages import PROVIDER_PAGES, ROOT, Session, blocks, exports, sessions
from tests.docs.terminal import follow, terminal
from tests.docs.test_commands import ACCOUNT
from tests.support.waiting import until
from tools import docs, provider_reference

FAMILY_PAGES = [page for page in PROVIDER_PAGES if not page.endswith("README.md")]
VERTEX = "/v1/projects/my-project/locations"
ASKED = {
    "openai": [
        ["/v1/chat/completions", "/v1/responses", "/v1/chat/completions", "/v1/chat/completions"],
        ["/v1/chat/completions"],
        ["/v1/chat/completions"],
    ],
    "azure": [
        ["/openai/v1/chat/completions", "/openai/v1/responses", *["/openai/v1/chat/completions"] * 2],
        ["/openai/deployments/my-gpt-4o-deployment/chat/completions?api-version=2024-10-21"],
        ["/openai/v1/chat/completions", "/anthropic/v1/messages"],
    ],
    "anthropic": [["/v1/messages"] * 4, ["/v1/messages"], ["/v1/messages"]],
    "gemini": [
        [
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
            "/v1beta/models/gemini-2.5-flash:generateContent",
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            *["/v1beta/models/gemini-2.5-flash:generateContent"] * 2,
        ],
        ["/v1beta/models/gemini-2.5-flash:generateContent"],
        ["/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"],
    ],
    "vertex": [
        [
            f"{VERTEX}/europe-west1/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            f"{VERTEX}/europe-west1/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict",
            f"{VERTEX}/europe-west1/publishers/google/models/gemini-2.5-flash:generateContent",
            f"{VERTEX}/europe-west1/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ],
        [f"{VERTEX}/europe-west1/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"],
        [f"{VERTEX}/global/publishers/google/models/gemini-2.5-flash:generateContent"],
    ],
    "bedrock": [
        [
            "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
            "/model/amazon.nova-lite-v1%3A0/converse",
            "/model/amazon.nova-lite-v1%3A0/converse-stream",
            "/model/amazon.nova-lite-v1%3A0/converse",
        ],
        ["/model/amazon.nova-lite-v1%3A0/converse"],
        ["/model/amazon.nova-lite-v1%3A0/converse"],
    ],
    "custom": [
        ["/v1/chat/completions"] * 3,
        ["/v1/messages", "/v1/chat/completions", "/v1/chat/completions"],
        ["/v1/chat/completions", "/v1/chat/completions", "/v1/embeddings"],
    ],
    "presets": [
        ["/openai/v1/chat/completions", "/openai/v1/responses", "/openai/v1/chat/completions"],
        ["/openai/v1/chat/completions"],
        ["/openai/v1/chat/completions"] * 2,
    ],
}
"""Page -> what the vendor is asked in each of its sessions: the environment, the short form, the manifest. Written by
hand from the vendors' references, not from the rows."""
SESSIONS = [session for page in FAMILY_PAGES for session in sessions(page)]


def asked(session: Session) -> list[str]:
    mine = [other.place for other in SESSIONS if other.page == session.page]
    return ASKED[Path(session.page).stem][mine.index(session.place)]


def test_every_page_of_a_family_is_known_and_linked() -> None:
    assert {Path(page).stem for page in FAMILY_PAGES} == set(ASKED)
    assert set(provider_reference.PAGES.values()) == {Path(page).name for page in FAMILY_PAGES}
    assert {row.key for row in providers(STANDARD)} == {*provider_reference.PAGES, "fake"}


@pytest.mark.parametrize("page", FAMILY_PAGES)
def test_a_page_shows_the_environment_the_short_form_the_manifest_and_curls(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["The environment", "The short form", "The manifest", "What is special"]
    plain, short, manifest = sessions(page)
    files = {block.file: block.text for block in blocks(page) if block.language == "yaml"}
    assert (plain.args, short.args) == ([], ["-f", "llm.yaml"])
    assert files["llm.yaml"].startswith("# llm.yaml\nllm:")
    assert "kind: AgentgatewayBackend" in files[manifest.args[-1]]
    assert all(
        "curl localhost" in session.steps[0].command.text or 'curl "' in session.steps[0].command.text
        for session in (plain, short, manifest)
    )


@pytest.mark.parametrize("page", [page for page in FAMILY_PAGES if not page.endswith(("custom.md", "presets.md"))])
def test_a_page_is_asked_in_all_four_dialects(page: str) -> None:
    curls = "".join(step.command.text for step in sessions(page)[0].steps)
    for end in ("/chat/completions", "/messages", "/responses", "enerateContent"):
        assert end in curls


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.place)
async def test_the_page_prints_what_it_says_and_the_vendor_is_asked_where_it_wants_to_be(
    session: Session, tmp_path: Path
) -> None:
    async with terminal(session, tmp_path) as (sluice, vendors):
        await follow(session, tmp_path, sluice)
        assert vendors.asked == asked(session)
        await until(lambda: len(sluice.requests()) == len(vendors.asked))
        assert {line["http.status"] for line in sluice.requests()} == {200}


@pytest.mark.parametrize("page", FAMILY_PAGES)
def test_what_the_reader_sees_leads_to_the_vendor_and_not_here(page: str) -> None:
    """The overrides of the other tests are theirs alone."""
    said = {name: value for block in blocks(page) for name, value in exports(block.text).items()}
    for block in blocks(page):
        if block.language == "yaml":
            plan = load([Source(block.file, block.text)], said | ACCOUNT, STANDARD)
            entries = [entry for listener in plan.listeners for entry in listener.entries]
            backends = [weighted.backend for entry in entries for weighted in entry.rule.backends]
            backends += [backend for route in plan.models for backend in backends_of(route)]
            targets = [t for b in backends if isinstance(b, AiBackend) for group in b.groups for t in group]
            assert all(isinstance(backend, AiBackend) for backend in backends)
            assert targets
            for target in targets:
                local = page.endswith("custom.md")
                assert (target.endpoint.host == "localhost") is local
                assert (target.endpoint.tls is None) is local


def test_the_tables_have_a_row_for_every_provider() -> None:
    shown = re.findall(r"^\| \[(\w+)\]", provider_reference.provider_table(), re.MULTILINE)
    assert shown == list(provider_reference.PAGES)
    assert provider_reference.preset_table().count("\n") == 14
    assert set(provider_reference.GENERATORS) <= set(docs.GENERATORS)

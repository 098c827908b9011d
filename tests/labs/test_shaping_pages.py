"""The pages about shaping: every manifest on them is one that loads."""

import pytest

from sluice.policies.shaping import NO_SHAPING
from tests.docs.pages import blocks
from tests.labs.shaping_manifests import lab

PAGES = (
    *("cors", "csrf", "headers", "rewrites", "redirects", "direct-response", "mirroring", "transformations"),
    *("fault-injection", "prompt-caching"),
)
MANIFESTS = [
    (f"docs/policies/{page}.md", block.file, block.text)
    for page in PAGES
    for block in blocks(f"docs/policies/{page}.md")
    if block.language == "yaml" and "kind:" in block.text
]


@pytest.mark.parametrize(("page", "file", "text"), MANIFESTS, ids=[file for _, file, _ in MANIFESTS])
def test_a_manifest_of_a_page_says_what_it_is_there_for(page: str, file: str, text: str) -> None:
    found = lab(text.replace("    phase: PreRouting\n", ""))
    says = found.shaping != NO_SHAPING or found.transformations or found.caching is not None
    assert says or "RequestMirror" in text
    assert file

"""Graph types: `company.name::x.y.z` read, written and resolved as agents.md B2 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.agents.agent import Agent
from sluice.agents.catalogue import Catalogue, precedence
from sluice.agents.versions import GraphType, resolve
from sluice.errors import BadRequest, NotFound

_WORD = st.text("abcXYZ019_-", min_size=1, max_size=12)
_NUMBER = st.integers(0, 30).map(str)
_MARK = st.lists(st.one_of(_NUMBER, st.sampled_from(["alpha", "rc", "x-1"])), min_size=1, max_size=3).map(".".join)
_VERSION = st.builds(
    lambda major, minor, patch, mark: f"{major}.{minor}.{patch}" + (f"-{mark}" if mark else ""),
    *[_NUMBER] * 3,
    st.one_of(st.just(""), _MARK),
)
_TYPE = st.builds(GraphType, _WORD, st.one_of(st.just(""), _WORD), st.one_of(st.just(""), _VERSION))


@given(_TYPE)
def test_a_type_written_and_read_is_the_same(graph_type: GraphType) -> None:
    assert GraphType.read(str(graph_type)) == graph_type


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("streaming-chat", ("streaming-chat", "", "")),
        ("streaming-chat::1.0.0", ("streaming-chat", "", "1.0.0")),
        ("flutch.simple::1.0.0", ("simple", "flutch", "1.0.0")),
        ("acme.support::2.1.0-rc.1+build.7", ("support", "acme", "2.1.0-rc.1+build.7")),
    ],
)
def test_each_form_is_taken_apart(text: str, parts: tuple[str, str, str]) -> None:
    assert GraphType.read(text) == GraphType(*parts)


@pytest.mark.parametrize(
    "text", ["", "a b", "a::", "a::1", "a::1.0", "a::v1.0.0", "a.b.c::1.0.0", "a::1.0.0::2.0.0", "::1.0.0", "a" * 65]
)
def test_what_is_no_type_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        GraphType.read(text)
    assert refused.value.param == "graphType"


def _catalogue(*types: str) -> Catalogue:
    split = [text.split("::") for text in types]
    return Catalogue([Agent(name, version=version) for name, version in split])


def _resolved(catalogue: Catalogue, text: str, *, strict: bool = False) -> str:
    agent = resolve(catalogue, GraphType.read(text), strict=strict)
    return f"{agent.name}::{agent.version}"


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("chat::1.1.0", "chat::1.1.0"),  # exact
        ("chat::1.0.5", "chat::1.2.0"),  # newest of its major
        ("chat::1.9.0", "chat::1.2.0"),  # the same, though it is older
        ("chat::7.0.0", "chat::2.0.0"),  # default
        ("chat", "chat::2.0.0"),  # default: no pre-release
        ("chat::3.0.0", "chat::3.0.0-beta.2"),  # nothing else of that major
        ("chat::3.0.0-beta.1", "chat::3.0.0-beta.1"),
    ],
)
def test_exact_then_newest_compatible_then_default(wanted: str, got: str) -> None:
    catalogue = _catalogue(
        "chat::1.1.0", "chat::2.0.0", "chat::1.2.0", "chat::3.0.0-beta.1", "chat::3.0.0-beta.2", "other::9.0.0"
    )
    assert _resolved(catalogue, wanted) == got


def test_strictly_no_other_version_will_do() -> None:
    catalogue = _catalogue("chat::1.1.0", "chat::1.2.0")
    assert _resolved(catalogue, "chat::1.1.0", strict=True) == "chat::1.1.0"
    with pytest.raises(NotFound, match=r"no version 1\.0\.0; it has 1\.1\.0, 1\.2\.0"):
        _resolved(catalogue, "chat::1.0.0", strict=True)


def test_the_short_form_finds_the_one_company_that_has_the_name() -> None:
    catalogue = _catalogue("acme.chat::1.0.0", "acme.mail::1.0.0", "globex.mail::1.0.0")
    assert _resolved(catalogue, "chat::1.0.0") == "acme.chat::1.0.0"
    with pytest.raises(NotFound, match=r"could be acme\.mail, globex\.mail"):
        _resolved(catalogue, "mail")


@pytest.mark.parametrize("wanted", ["globex.chat::1.0.0", "nothing", "acme.nothing::1.0.0"])
def test_another_companys_type_is_not_taken_instead(wanted: str) -> None:
    with pytest.raises(NotFound, match="not found"):
        _resolved(_catalogue("acme.chat::1.0.0"), wanted)


@given(st.lists(_VERSION, min_size=1, max_size=6, unique_by=precedence), _VERSION)
def test_whatever_is_asked_one_answers_and_never_one_of_another_major_without_need(have: list[str], asked: str) -> None:
    catalogue = _catalogue(*(f"chat::{version}" for version in have))
    got = _resolved(catalogue, f"chat::{asked}").removeprefix("chat::")
    majors = {precedence(version)[0] for version in have}
    assert got in have
    assert asked not in have or got == asked
    assert precedence(asked)[0] not in majors or precedence(got)[0] == precedence(asked)[0]

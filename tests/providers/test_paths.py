"""providers/provider: which row of a provider serves a model, and paths that no name of a model can leave."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import BadRequest
from sluice.providers.provider import Provider, Served, Variant, below, chosen, filled, fits, path_of, served

CHAT = Served(dialect="dialect.a", path="/chat", not_models=("own-*",))
OWN = Served(dialect="dialect.b", path="/{model}/own", models=("own-*", "*-exp"))
SAFE = set(string.ascii_letters + string.digits + "-._~%@")


@pytest.mark.parametrize(
    ("client", "model", "expected"),
    [
        ("dialect.a", "x", CHAT),
        ("dialect.b", "x", CHAT),
        ("dialect.a", "own-1", OWN),
        ("dialect.b", "own-1", OWN),
        ("dialect.a", "x-exp", CHAT),
        ("dialect.b", "x-exp", OWN),
        ("dialect.c", "x-exp", CHAT),
        ("dialect.a", "", CHAT),
    ],
)
def test_the_clients_own_dialect_is_preferred_where_the_model_is_served_in_it(
    client: str, model: str, expected: Served
) -> None:
    assert served((CHAT, OWN), client, model) is expected


def test_a_model_may_not_be_served_at_all() -> None:
    assert served((OWN,), "dialect.b", "x") is None
    assert served((), "dialect.b", "x") is None


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [("*", "", True), ("a*", "abc", True), ("*c", "abc", True), ("abc", "abc", True), ("ab", "abc", False)],
)
def test_patterns(pattern: str, name: str, expected: bool) -> None:
    assert fits(pattern, name) is expected


def test_variants_change_a_row_in_their_order() -> None:
    row = Provider(
        key="p",
        telemetry_name="p",
        serves=(CHAT,),
        host="h",
        variants=(
            Variant(when={"v": ("1*",)}, host="one", query="q={v}"),
            Variant(when={"v": ("1*",), "w": ("*",)}, host="both"),
        ),
    )
    assert chosen(row, {}) is row
    assert chosen(row, {"v": "2"}) is row
    assert (chosen(row, {"v": "10"}).host, chosen(row, {"v": "10"}).query) == ("one", "q={v}")
    assert chosen(row, {"v": "10", "w": ""}).host == "one"
    assert chosen(row, {"v": "10", "w": "x"}).host == "both"


def test_a_path_stands_below_the_base_or_at_the_root() -> None:
    assert path_of(CHAT, "m", stream=False, variables={}, base="/v1") == "/v1/chat"
    assert below("/v1", "//elsewhere/{model}", {"model": "m"}) == "/elsewhere/m"
    assert below("/v1", "/x", {}) == "/v1/x"


def test_values_are_encoded_whole_and_names_that_are_none_stay() -> None:
    assert filled("/{a}/{b}/{a}", {"a": "x/y:z?&#%", "c": "1"}) == "/x%2Fy%3Az%3F%26%23%25/{b}/x%2Fy%3Az%3F%26%23%25"
    assert filled("/{a}", {"a": "{b}", "b": "no"}) == "/%7Bb%7D"


@pytest.mark.parametrize("model", ["", ".", "..", "..."])
@pytest.mark.parametrize("name", ["", "google", "tuned", "vertex_anthropic"])
def test_a_name_that_a_path_would_swallow_is_refused(model: str, name: str) -> None:
    row = Served(dialect="d", path="/model/{model}/converse", model_name=name)
    with pytest.raises(BadRequest) as caught:
        path_of(row, model, stream=False, variables={})
    assert caught.value.param == "model"


def test_what_is_left_of_a_name_is_looked_at_too() -> None:
    row = Served(dialect="d", path="/m/{model}/x", model_name="google")
    with pytest.raises(BadRequest):
        path_of(row, "models/..", stream=False, variables={})


def test_a_model_that_is_not_in_the_path_may_be_anything() -> None:
    assert path_of(CHAT, "..", stream=False, variables={}, base="") == "/chat"


@given(st.text(st.characters(codec=None)))
def test_no_name_leaves_its_segment(model: str) -> None:
    """Lone surrogates, NULs and slashes included: one segment of unreserved characters, or a refusal."""
    row = Served(dialect="d", path="/m/{model}:verb")
    try:
        path = path_of(row, model, stream=False, variables={})
    except BadRequest:
        assert not model.strip(".")
        return
    segment = path.removeprefix("/m/").removesuffix(":verb")
    assert set(segment) <= SAFE
    assert segment

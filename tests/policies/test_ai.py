"""policies.ai: whose word counts, which name a model has, what becomes of a body, which type a path has."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from sluice.policies.ai import AiPolicy, aliased, merged, patched, route_type

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


def raw(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


def body(**values: object) -> dict[str, Raw]:
    return {name: raw(value) for name, value in values.items()}


ONE = (("t", raw(1)),)


def plain(fields: dict[str, Raw]) -> dict[str, object]:
    return {name: msgspec.json.decode(value) for name, value in fields.items()}


def test_each_member_is_taken_whole_from_the_strongest_that_has_it() -> None:
    strong = AiPolicy(aliases=(("a", "1"),), prepend=(("system", "x"),))
    weak = AiPolicy(
        aliases=(("b", "2"),), append=(("user", "y"),), routes=(("*", "detect"),), defaults=(("t", raw(1)),)
    )
    found = merged(strong, AiPolicy(), weak)
    assert found == AiPolicy(aliases=(("a", "1"),), prepend=(("system", "x"),), routes=(("*", "detect"),), defaults=ONE)
    assert merged(AiPolicy(overrides=(("m", raw(0)),)), weak).append == (("user", "y"),)


def test_layers_that_say_nothing_cost_no_copy() -> None:
    one = AiPolicy(aliases=(("a", "1"),))
    assert merged(AiPolicy(), one, AiPolicy()) is one
    assert merged() == merged(AiPolicy(), AiPolicy()) == AiPolicy()


ALIASES = (("*", "any"), ("gpt-*", "long"), ("*-mini", "end"), ("gpt-*-x", "both"), ("gpt-4", "exact"), ("a*a", "in"))


@pytest.mark.parametrize(
    ("model", "used"),
    [
        ("gpt-4", "exact"),
        ("gpt-5", "long"),
        ("o4-mini", "end"),
        ("gpt-4-mini", "end"),  # longer than `gpt-*`
        ("gpt-4-x", "both"),
        ("claude", "any"),
        ("aa", "in"),
        ("a", "any"),  # head and tail of a pattern do not share a letter
    ],
)
def test_an_exact_alias_wins_then_the_longest_pattern(model: str, used: str) -> None:
    assert aliased(AiPolicy(aliases=ALIASES), model) == used
    assert aliased(AiPolicy(aliases=ALIASES[::-1]), model) == used


def test_a_model_without_an_alias_keeps_its_name() -> None:
    assert aliased(AiPolicy(aliases=(("b", "c"),)), "a") == "a"
    assert aliased(AiPolicy(), "") == ""


def test_overrides_are_set_in_any_case_and_defaults_where_the_client_sent_none() -> None:
    policy = AiPolicy(
        overrides=(("seed", raw(7)), ("new", raw([1]))), defaults=(("temperature", raw(0)), ("user", raw("u")))
    )
    found = patched(policy, body(seed=1, temperature=None, other=True))
    assert plain(found) == {"seed": 7, "temperature": None, "other": True, "new": [1], "user": "u"}


def test_a_body_that_is_right_already_is_returned_as_it_is() -> None:
    fields = body(a={"b": 1}, c=2)
    assert patched(AiPolicy(), fields) is fields
    assert patched(AiPolicy(overrides=(("c", raw(2)),), defaults=(("a.b", raw(9)),)), fields) is fields


BODY = st.dictionaries(st.text("ab", max_size=2), JSON)
WAY = st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4)


def test_what_nobody_mentions_stays_byte_for_byte() -> None:
    fields = {"a": Raw(b'{ "x" : 1e2 }'), "b": Raw(b'{"k": [ 1 ], "m": "\\u0041"}')}
    found = patched(AiPolicy(overrides=(("b.n", raw(1)),)), fields)
    assert bytes(found["a"]) == b'{ "x" : 1e2 }'
    assert bytes(found["b"]) == b'{"k":[ 1 ],"m":"\\u0041","n":1}'
    assert "n" not in msgspec.json.decode(fields["b"])


@pytest.mark.parametrize(
    ("before", "override", "default"),
    [
        ({}, {"g": {"t": {"u": 1}}}, {"g": {"t": {"u": 1}}}),
        ({"g": {"t": {"u": 0, "v": 2}}}, {"g": {"t": {"u": 1, "v": 2}}}, {"g": {"t": {"u": 0, "v": 2}}}),
        ({"g": {"s": 1}}, {"g": {"s": 1, "t": {"u": 1}}}, {"g": {"s": 1, "t": {"u": 1}}}),
        ({"g": "text"}, {"g": {"t": {"u": 1}}}, {"g": "text"}),
        ({"g": {"t": None}}, {"g": {"t": {"u": 1}}}, {"g": {"t": None}}),
        ({"g": [1]}, {"g": {"t": {"u": 1}}}, {"g": [1]}),
    ],
)
def test_a_dotted_name_leads_into_objects(
    before: dict[str, object], override: dict[str, object], default: dict[str, object]
) -> None:
    assert plain(patched(AiPolicy(overrides=(("g.t.u", raw(1)),)), body(**before))) == override
    assert plain(patched(AiPolicy(defaults=(("g.t.u", raw(1)),)), body(**before))) == default


def test_later_settings_see_earlier_ones() -> None:
    policy = AiPolicy(overrides=(("a", raw({"x": 1})), ("a.y", raw(2))), defaults=(("a.x", raw(9)), ("a.z", raw(3))))
    assert plain(patched(policy, {})) == {"a": {"x": 1, "y": 2, "z": 3}}


def test_an_object_nested_too_deeply_is_no_object() -> None:
    deep = Raw(b'{"a":' * 5000 + b"1" + b"}" * 5000)
    fields = {"a": deep}
    assert patched(AiPolicy(defaults=(("a.b", raw(1)),)), fields) is fields
    assert plain(patched(AiPolicy(overrides=(("a.b", raw(1)),)), fields)) == {"a": {"b": 1}}


@given(
    st.dictionaries(st.text("ab", max_size=2), JSON), st.lists(st.text("ab", min_size=1, max_size=2), min_size=1), JSON
)
def test_after_an_override_the_value_is_there_and_a_second_time_changes_nothing(
    before: dict[str, object], way: list[str], value: object
) -> None:
    policy = AiPolicy(overrides=((".".join(way), raw(value)),))
    once = patched(policy, body(**before))
    here: object = plain(once)
    for step in way:
        assert isinstance(here, dict)
        here = here[step]
    assert here == value
    assert patched(policy, once) is once
    assert {k: v for k, v in plain(once).items() if k != way[0]} == {k: v for k, v in before.items() if k != way[0]}


@given(BODY, WAY)
def test_a_default_never_changes_what_the_client_sent(before: dict[str, object], way: list[str]) -> None:
    after = plain(patched(AiPolicy(defaults=((".".join(way), raw("d")),)), body(**before)))
    assert _holds(after, before)


def _holds(after: object, before: object) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return all(key in after and _holds(after[key], value) for key, value in before.items())
    return after == before


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/chat/completions", "completions"),
        ("/x/v1/messages", "messages"),
        ("/v1/messages/count_tokens", "passthrough"),
        ("/completions", "responses"),
    ],
)
def test_the_longest_suffix_that_fits_gives_the_type(path: str, kind: str) -> None:
    routes = (
        ("*", "passthrough"),
        ("/completions", "responses"),
        ("/v1/chat/completions", "completions"),
        ("/messages", "messages"),
    )
    assert route_type(AiPolicy(routes=routes), path) == kind  # type: ignore[arg-type]
    assert route_type(AiPolicy(routes=routes[::-1]), path) == kind  # type: ignore[arg-type]


def test_without_a_suffix_that_fits_there_is_no_type() -> None:
    assert route_type(AiPolicy(), "/v1/messages") is None
    assert route_type(AiPolicy(routes=(("/a", "messages"),)), "/b") is None

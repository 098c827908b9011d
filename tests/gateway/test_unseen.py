"""Credentials of both sides, taken out of whatever is shown."""

import contextlib
import time
from collections.abc import Iterator

import msgspec
import pytest

from sluice.config import Source, load
from sluice.gateway.ports import Request
from sluice.gateway.unseen import HIDDEN, Unseen, shareable, shareable_query, streamed, within
from sluice.providers.credential import Secret
from sluice.standard import STANDARD

KEYED = """
llm:
  models: [{name: m, provider: fake}]
  policies:
    apiKey: {keys: [{key: sk-a}], location: {header: {name: x-vanity}}}
"""
REQUEST = Request(
    method="GET",
    path="/",
    query="key=query-secret&sort=up",
    headers=((b"authorization", b"Bearer bearer-secret"), (b"x-vanity", b"vanity-secret"), (b"api-key", b"short")),
    body=b"",
    http_version="HTTP/1.1",
    peer="127.0.0.1:1",
    port=80,
    received_at=0.0,
)


def unseen() -> Unseen:
    return Unseen.of(load([Source("a.yaml", KEYED)], {}, STANDARD))


def test_what_the_client_sent_and_the_provider_got_is_known_the_longest_first() -> None:
    found = unseen().secrets(REQUEST, Secret("taken-off-secret"), ("sk-operator", "tiny"))
    assert found == ("taken-off-secret", "bearer-secret", "vanity-secret", "query-secret", "sk-operator")


def test_what_a_name_alone_tells_is_known_if_it_is_too_long_to_be_a_word() -> None:
    request = msgspec.structs.replace(
        REQUEST,
        headers=(
            (b"x-auth-token", b"a-long-token"),
            (b"x-my-secret", b"bearer"),
            (b"cookie", b'a="of-some-length"; consent=accepted'),
            (b"x-ratelimit-limit-tokens", b"100000000000"),
        ),
        query="sig=signed-by-somebody&key=first-of-two&key=second-of-two",
    )
    found = unseen().secrets(request, None, ())
    assert set(found) == {"a-long-token", "of-some-length", "signed-by-somebody", "first-of-two", "second-of-two"}


@pytest.mark.parametrize(
    "written",
    [
        'ab/cd+e"f==',
        'ab\\/cd+e\\"f==',
        "ab%2Fcd%2Be%22f%3D%3D",
        'ab/cd+e\\"f\\u003d\\u003d',
    ],
)
def test_it_is_known_in_every_form_in_which_bodies_write_it(written: str) -> None:
    found = unseen().secrets(REQUEST, Secret('ab/cd+e"f=='), ())
    assert "cd" not in str(within(f"<{written}>", found))


def test_the_password_of_a_basic_credential_is_one_too() -> None:
    request = msgspec.structs.replace(REQUEST, headers=((b"authorization", b"Basic YWxpY2U6aHVudGVyMjI="),), query="")
    assert "hunter22" in unseen().secrets(request, None, ())


def test_a_header_in_which_a_policy_looks_for_a_key_is_named() -> None:
    assert {"x-vanity", "authorization", "x-api-key"} <= unseen().names


def test_of_two_credentials_that_let_nobody_in_neither_is_shown() -> None:
    headers = ((b"authorization", b"Bearer one-secret"), (b"authorization", b"Bearer other-secret"))
    request = msgspec.structs.replace(REQUEST, headers=headers, query="")
    assert unseen().secrets(request, None, ()) == ("other-secret", "one-secret")


def test_who_sent_none_has_none() -> None:
    assert unseen().secrets(msgspec.structs.replace(REQUEST, headers=(), query=""), None, ()) == ()


def test_texts_are_cleared_however_deep_they_stand_and_names_too() -> None:
    value = {"a secret-1 b": ["secret-1", {"x": "secret-12"}], "n": 1, "none": None}
    hidden = "<redacted>"
    assert within(value, ("secret-12", "secret-1")) == {
        f"a {hidden} b": [hidden, {"x": hidden}],
        "n": 1,
        "none": None,
    }


@pytest.mark.parametrize("kept", range(6, 12))
def test_of_a_text_that_was_cut_off_the_beginning_of_a_secret_is_not_shown(kept: int) -> None:
    assert within(f"say {'sk-secret-12'[:kept]}…", ("sk-secret-12",)) == f"say {HIDDEN}…"


def test_a_text_that_was_cut_off_elsewhere_stays_as_it_is() -> None:
    assert within("sk-secret and more…", ("sk-secret-12",)) == "sk-secret and more…"


# -- by name ----------------------------------------------------------------------------------------------------------

JWT = b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        (b"x-goog-iap-jwt-assertion", b"canary", b"<redacted>"),
        (b"x-hub-signature", b"canary", b"<redacted>"),
        (b"x-amzn-oidc-data", b"canary", b"<redacted>"),
        (b"x-auth", b"canary", b"<redacted>"),
        (b"x-own", b"canary", b"<redacted>"),
        (b"x-who", b"it is " + JWT + b", really", b"it is <redacted>, really"),
        (b"referer", b"https://a.b/c?x=1&access_token=canary#f", b"https://a.b/c?x=1&access_token=<redacted>#f"),
        (b"x-original-url", b"/v1?key=canary&sort=up", b"/v1?key=<redacted>&sort=up"),
        (b"location", b"https://me:canary@a.b/", b"https://<redacted>@a.b/"),
        (b"x-ratelimit-remaining-tokens", b"12", b"12"),
        (b"anthropic-ratelimit-tokens-limit", b"12", b"12"),
        (b"x-author", b"alice", b"alice"),
        (b"user-agent", b"a/1 (b; c=d)", b"a/1 (b; c=d)"),
    ],
)
def test_values_of_headers_are_hidden_by_what_tells_that_they_are_credentials(
    name: bytes, value: bytes, shown: bytes
) -> None:
    assert shareable([(name, value)], frozenset({"x-own"})) == ((name, shown),)


def test_parameters_are_hidden_by_their_names_and_too_many_altogether() -> None:
    query = "sig=a&X-Amz-Credential=b&code=c&sort=up"
    hidden = "%3Credacted%3E"
    assert shareable_query(query) == f"sig={hidden}&X-Amz-Credential={hidden}&code={hidden}&sort=up"
    assert shareable_query("&".join(["a=b"] * 1001)) == ""


# -- piece by piece ---------------------------------------------------------------------------------------------------


def frames(*words: str, last: str = "") -> str:
    told = (msgspec.json.encode({"choices": [{"index": 0, "delta": {"content": word}}]}).decode() for word in words)
    return "".join(f"data: {frame}\n\n" for frame in told) + last


@pytest.mark.parametrize("last", ["", "data: [DONE]\n\n", 'data: {"choices":[{"delta":{"content":"cut…'])
@pytest.mark.parametrize("words", [("my sk-se", "cret-", "12 is"), tuple("sk-secret-12")])
def test_a_stream_that_tells_a_secret_piece_by_piece_is_not_shown(words: tuple[str, ...], last: str) -> None:
    assert streamed(frames(*words, last=last), ("sk-secret-12",)) == HIDDEN


def test_of_a_list_of_answers_the_same_holds() -> None:
    body = '[{"parts":[{"text":"sk-se"}]}\n,{"parts":[{"text":"cret-12"}]}]'
    assert streamed(body, ("sk-secret-12",)) == HIDDEN


@pytest.mark.parametrize(
    "body", [frames("sk-se", "crets"), frames("my sk-secret-12 is"), '{"a":"sk-se","a":"cret-12"}', frames('"\\')]
)
def test_any_other_answer_is(body: str) -> None:
    assert streamed(body, ("sk-secret-12",)) == body


@pytest.mark.timed
@pytest.mark.parametrize("hostile", ['\\"', '"', "eyJ", "\\", '"a":"'])
def test_what_is_looked_for_takes_no_longer_whatever_a_provider_says(hostile: str) -> None:
    body = f'data: {{"content":"{hostile * (1 << 20)}'
    with at_most(2.0):
        assert streamed(body, ("sk-secret-12",)) == body


@pytest.mark.timed
def test_what_is_hidden_takes_no_longer_whatever_a_client_says() -> None:
    values = [b"eyJ" * 20_000, b"eyJ." * 15_000, b"?a=?" * 15_000, b"://a" * 15_000]
    names = [b"ratelimit" * 7_000 + b"token", b"-auth" * 12_000]
    with at_most(2.0):
        shown = shareable([*((b"x-a", value) for value in values), *((name, b"b") for name in names)], frozenset())
    assert [value for _, value in shown[:4]] == values


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """What grows with the square of these sizes takes minutes."""
    began = time.perf_counter()
    yield
    assert time.perf_counter() - began < seconds

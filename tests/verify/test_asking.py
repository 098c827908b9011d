"""Requests are what each dialect's clients send, and the prescription in them reaches the fake whole."""

import msgspec
import pytest

from sluice.testing.fake_fault import At, Fault
from sluice.verify.asking import Gateway, Wish, prompt, request
from sluice.verify.facts import CLIENTS, Client
from tests.verify.answers import laid_out

GATEWAY = Gateway(
    host="gateway.test",
    port=8080,
    prefix="/llm",
    headers=(("Authorization", "Bearer x"), ("Accept-Encoding", "gzip")),
    models={"chat": "org/gpt ü"},
)


def parted(wish: Wish, gateway: Gateway = GATEWAY) -> tuple[str, dict[str, str], dict[str, object]]:
    head, _, body = request(gateway, wish).partition(b"\r\n\r\n")
    line, *rows = head.decode("latin-1").split("\r\n")
    headers = dict(row.split(": ", 1) for row in rows)
    assert int(headers["content-length"]) == len(body)
    return line, headers, msgspec.json.decode(body)


def wish(client: Client, **more: object) -> Wish:
    return msgspec.structs.replace(Wish(client=client, provider="chat", content="hi", tag="t1"), **more)


@pytest.mark.parametrize(
    ("client", "path"),
    [
        ("chat", "/llm/v1/chat/completions"),
        ("responses", "/llm/v1/responses"),
        ("messages", "/llm/v1/messages"),
        ("gemini", "/llm/v1beta/models/org%2Fgpt%20%C3%BC:streamGenerateContent?alt=sse"),
    ],
)
def test_each_client_asks_at_its_own_address_with_the_operators_headers(client: Client, path: str) -> None:
    line, headers, body = parted(wish(client))
    assert line == f"POST {path} HTTP/1.1"
    assert (headers["authorization"], headers["accept-encoding"]) == ("Bearer x", "gzip")
    assert headers["host"] == "gateway.test:8080"
    if client != "gemini":
        assert (body["model"], body["stream"]) == ("org/gpt ü", True)


def test_a_whole_answer_is_asked_for_in_each_dialects_way() -> None:
    assert parted(wish("gemini", stream=False))[0].endswith(":generateContent HTTP/1.1")
    assert parted(wish("chat", stream=False))[2]["stream"] is False


def test_only_chat_asks_for_usage_and_only_in_streams() -> None:
    assert parted(wish("chat", shows_usage=True))[2]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in parted(wish("chat"))[2]
    assert "stream_options" not in parted(wish("chat", shows_usage=True, stream=False))[2]


def test_a_model_that_nobody_named_is_called_after_its_dialect() -> None:
    assert parted(wish("chat"), Gateway(host="h", port=80))[2]["model"] == "verify-chat"
    assert parted(wish("chat"), Gateway(host="h", port=80))[1]["host"] == "h"


@pytest.mark.parametrize("client", CLIENTS)
def test_the_fake_reads_what_is_prescribed(client: Client) -> None:
    asked = msgspec.structs.replace(wish(client), provider=client, content='Grüße ]] [[ "x"')
    body = request(Gateway(host="h", port=1), asked).partition(b"\r\n\r\n")[2]
    assert "".join(laid_out(client, body).texts) == 'Grüße ]] [[ "x"'


def test_the_fault_stands_in_the_prompt_with_the_tag() -> None:
    text = prompt(wish("chat", fault=Fault(at=At(event=3), end="rst")))
    assert '"fault":{"at":{"event":3},"end":"rst","tag":"t1"}' in text

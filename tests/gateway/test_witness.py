"""gateway.witness: what is kept because somebody names it, no more than its bound, and nothing is changed by it."""

import msgspec
import pytest

from sluice.gateway.exchange import Exchange
from sluice.gateway.ports import ClientObserver
from sluice.gateway.witness import MAX_BYTES, Witness, prefix_of, wanted
from sluice.policies.deadlines import Deadlines
from sluice.policies.observing import Logging, Observing
from sluice.wire.http1 import Header
from tests.gateway.test_no_cycles import PROVIDERS
from tests.support.cycles import found_in_circles
from tests.support.plans import to_provider
from tests.support.raw_client import STREAM, request
from tests.support.raw_upstream import Play
from tests.support.world import World


class Client:
    """A client's answer that remembers the calls."""

    def __init__(self) -> None:
        self.observer: ClientObserver | None = None
        self.calls: list[tuple[object, ...]] = []

    def start(self, status: int, headers: object, length: int | None) -> None:
        self.calls.append(("start", status, headers, length))

    def write(self, data: bytes) -> None:
        self.calls.append(("write", data))

    def finish(self, data: bytes = b"") -> bool:
        self.calls.append(("finish", data))
        return False

    def unread(self) -> int:
        return 7

    def abort(self) -> None:
        self.calls.append(("abort",))


class Observer:
    def client_gone(self) -> None: ...

    def client_paused(self) -> None: ...

    def client_resumed(self) -> None: ...


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("request.path", set()),
        ("llm.inputTokens + llm.outputTokens", set()),
        ("llmRequest.completion", set()),
        ("response.code >= 400", set()),
        ("exchange.outcome", set()),
        ("response.body", {"reply"}),
        ('response.headers["x"]', {"reply"}),
        ("llm.serviceTier", {"reply"}),
        ("llm.countTokens", {"reply"}),
        ("llm.completion[0]", {"transcript"}),
        ("default(llm . toolCalls, [])", {"transcript"}),
        ("llm", {"reply", "transcript"}),
        ('response["body"]', {"reply"}),
        ("toJson([llm.completion, response.bodyPrefix])", {"reply", "transcript"}),
    ],
)
def test_only_what_an_expression_names_is_kept(text: str, wants: set[str]) -> None:
    assert wanted(["request.method", text]) == wants


def test_a_client_that_nobody_watches_is_left_as_it_is() -> None:
    client = Client()
    witness = Witness(frozenset(["transcript"]))
    assert witness.watches(client) is client
    assert witness.listens() is not None
    assert Witness(frozenset(["reply"])).listens() is None


def test_a_watched_client_gets_what_it_would_have_got() -> None:
    client, witness, observer = Client(), Witness(frozenset(["reply"])), Observer()
    watched, headers = witness.watches(client), ((b"a", b"b"),)
    watched.observer = observer
    assert client.observer is observer is watched.observer
    watched.start(200, headers, None)
    watched.write(b"one ")
    assert watched.finish(b"two") is False
    watched.abort()
    assert watched.unread() == 7
    assert client.calls == [("start", 200, headers, None), ("write", b"one "), ("finish", b"two"), ("abort",)]
    assert (witness.headers, witness.text()) == (headers, "one two")


@pytest.mark.parametrize("size", [1, 1000, MAX_BYTES, 10 << 20])
@pytest.mark.parametrize("letter", ["x", "é", "🎉"])
def test_of_ten_mebibytes_the_beginning_is_kept_and_marked(size: int, letter: str) -> None:
    witness = Witness(frozenset(["reply"]))
    watched = witness.watches(Client())
    body = (letter * (MAX_BYTES + 9)).encode() if size < 10 << 20 else letter.encode() * (10 << 20)
    for at in range(0, len(body), size):
        watched.write(body[at : at + size])
    text = witness.text()
    assert text == letter * (MAX_BYTES // len(letter.encode())) + "…"


def test_a_body_that_just_fits_has_no_mark() -> None:
    witness = Witness(frozenset(["reply"]))
    watched = witness.watches(Client())
    watched.write(b"x" * MAX_BYTES)
    watched.finish()
    assert witness.text() == "x" * MAX_BYTES == prefix_of(b"x" * MAX_BYTES)


@pytest.mark.parametrize("body", [b"\xff", b"ok \xc3", b"\xff" + b"x" * (2 * MAX_BYTES)])
def test_what_is_no_text_says_so(body: bytes) -> None:
    with pytest.raises(ValueError, match="utf-8"):
        prefix_of(body)


def test_the_header_list_is_the_one_that_was_sent() -> None:
    witness = Witness(frozenset(["reply"]))
    assert witness.headers is None
    sent: list[Header] = [(b"x-a", b"1")]
    witness.watches(Client()).start(200, sent, 0)
    assert witness.headers == sent


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
async def test_an_exchange_that_is_watched_leaves_no_circle_of_objects(world: World, provider: Play) -> None:
    upstream = await world.upstream(provider)
    seen = Observing(logging=Logging(add=(("said", "llm.completion"), ("body", "response.body"))))
    whole = to_provider(upstream.port, deadlines=Deadlines(total_s=0.1))
    serving = await world.gateway(msgspec.structs.replace(whole, observing=seen))
    client = await world.client(serving)
    with found_in_circles(Exchange, Witness) as found:
        await client.ask(request(STREAM))
        await serving.record()
        assert not found()

"""One request of the form: it lasts so long and no longer, and what it holds is given back however it ends."""

import json
from collections.abc import Callable

import pytest

from sluice.admin import trial
from sluice.admin.plan_map import Front
from sluice.admin.trial import Trial, Wish
from sluice.config.plan import Endpoint
from sluice.gateway.ports import BodyReceiver, UpstreamHead

WISH = Wish(port=1, path="/v1/chat/completions", prompt="hi")
FRONT = Front(port=1, address="127.0.0.1", tls=False, host="localhost")


class Silent:
    """A front door that answers with a head and then says nothing."""

    def __init__(self) -> None:
        self.head = UpstreamHead(status=200, headers=((b"content-type", b"text/event-stream"),), length=None)
        self.connect_s: float | None = None
        self.in_line = False
        self.closed = 0

    async def open(
        self,
        endpoint: Endpoint,
        request: bytes,
        *,
        expects_body: bool,
        connect_s: float,
        headers_s: float,
        sent: Callable[[bool], object] | None = None,
    ) -> "Silent":
        return self

    def attach(self, receiver: BodyReceiver) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def close(self, *, complete: bool) -> None:
        self.closed += 1


async def test_a_stream_that_goes_on_and_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "MAX_S", 0.05)
    door = Silent()
    one = Trial(door, WISH, FRONT)
    said = [json.loads(line) async for lines in one.lines() for line in lines.splitlines()]
    assert [line["kind"] for line in said] == ["head", "end"]
    assert said[1]["outcome"] == "failed"
    assert "longer than" in said[1]["error"]
    one.close()
    assert door.closed == 1

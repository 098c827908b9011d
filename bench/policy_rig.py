"""A gateway in this process whose clients and providers are objects, for measuring what its policies cost.

No socket is opened: what is measured is what the event loop's thread does for an exchange, from the whole request to
the record of it. Requests come one after the other.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from sluice.config.plan import Endpoint, Plan
from sluice.gateway.gateway import Gateway
from sluice.gateway.ports import BodyReceiver, ClientObserver, Request, UpstreamHead
from sluice.net.services import PolicyServices
from sluice.net.signing import CloudSigner
from sluice.policies.cost import Prices
from sluice.standard import STANDARD
from sluice.stores.ledger_sqlite import SqliteLedger
from sluice.stores.limits_memory import MemoryCounters
from sluice.stores.prices import load_prices
from sluice.telemetry.access_log import AccessLog
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.report import Report
from sluice.wire.http1 import Header


class Reply(msgspec.Struct, frozen=True):
    """What somebody who is asked answers: the body comes in these pieces, one read each."""

    content_type: bytes
    pieces: Sequence[bytes]


class Answering:
    """Implements `ports.UpstreamStream`: everything is here at once."""

    connect_s: float | None = None
    in_line = False

    def __init__(self, reply: Reply) -> None:
        self.head = UpstreamHead(200, ((b"content-type", reply.content_type),), None)
        self._pieces = reply.pieces

    def attach(self, receiver: BodyReceiver) -> None:
        for piece in self._pieces:
            receiver.body(piece)
        receiver.eof()

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def close(self, *, complete: bool) -> None: ...


class Everyone:
    """Implements `ports.Upstream`: whoever is asked answers at once. `provider` is what any host says that is not in
    `others`."""

    def __init__(self, others: dict[str, Reply]) -> None:
        self.provider = Reply(b"application/json", ())
        self._others = others

    async def open(
        self,
        endpoint: Endpoint,
        request: bytes,
        *,
        expects_body: bool,
        connect_s: float,
        headers_s: float,
        sent: Callable[[bool], object] | None = None,
    ) -> Answering:
        return Answering(self._others.get(endpoint.host, self.provider))


class Client:
    """Implements `ports.ClientStream`: takes all there is, and keeps its status and size."""

    observer: ClientObserver | None = None

    def __init__(self) -> None:
        self.over = asyncio.get_running_loop().create_future()
        self.status = 0
        self.bytes = 0

    def start(self, status: int, headers: Sequence[Header], length: int | None) -> None:
        self.status = status

    def write(self, data: bytes) -> None:
        self.bytes += len(data)

    def finish(self, data: bytes = b"") -> bool:
        self.bytes += len(data)
        self.over.set_result(None)
        return True

    def unread(self) -> int:
        return 0

    def abort(self) -> None:
        self.over.set_result(None)


class Failed(Exception):
    """An exchange did not end as it has to; the words say how."""


class Rig:
    """One gateway with one plan. `open` first, `close` last."""

    def __init__(self, plan: Plan, everyone: Everyone, ledger: Path | None) -> None:
        """`ledger`: a file; None = there is none."""
        loop = asyncio.get_running_loop()
        self._plan = plan
        self.everyone = everyone
        self.books = None if ledger is None else SqliteLedger(str(ledger))
        metrics, log = Metrics("agentgateway_", "bench"), ProcessLog(_nowhere, "json")
        self._report = report = Report(AccessLog(_nowhere, "json"), metrics, log, loop.call_soon)
        signer = CloudSigner(time.time)
        self._policies = PolicyServices(
            upstream=everyone,
            signer=signer,
            counters=MemoryCounters(),
            store=None,
            books=self.books,
            report=report,
            log=log,
        )
        self._gateway = Gateway(
            plan,
            prices=Prices(load_prices(plan.prices, STANDARD)),
            upstream=everyone,
            signer=signer,
            services=self._policies.services,
            telemetry=report,
            registry=STANDARD,
            clock=time.monotonic,
            wall=time.time,
        )

    async def open(self) -> None:
        await self._policies.open(self._plan)

    async def close(self) -> None:
        self._report.flush()
        await self._policies.finish()
        self._policies.close()

    async def ask(self, body: bytes, headers: Sequence[Header]) -> Client:
        """One exchange, from the whole request to its record."""
        client = Client()
        request = Request(
            method="POST",
            path="/v1/chat/completions",
            query="",
            headers=((b"host", b"gateway"), (b"content-type", b"application/json"), *headers),
            body=body,
            http_version="HTTP/1.1",
            peer="127.0.0.1:40000",
            port=8080,
            received_at=time.monotonic(),
        )
        self._gateway.handle(request, client)
        await client.over
        return client


def _nowhere(line: bytes) -> None:
    """What a log line costs is measured; where it goes is not."""

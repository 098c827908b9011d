"""The processes of a soak together, and what the gateway and the load tell of each request.

`sluice fake` twice, once as a wall that lets nobody in; `sluice serve` on a processor of its own; the load.
"""

import http.client
import socket
import threading
import time
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bench.soak import gateway
from bench.soak.gateway import Edition, Ports
from bench.soak.ledger import Ledger, Record
from bench.soak.load import Settings
from bench.soak.processes import SLUICE, Process, SoakError, rewrite
from bench.soak.samples import GAUGES, TASKS, Sample, sample
from bench.soak.told import Answered
from sluice.relay.outcome import OutcomeKind

SETTLE_S = 30.0
"""Until nothing is under way any more: longer than any clock of the gateway, and its pool's."""
LOOK_S = 0.1
EDITIONS: tuple[Edition, ...] = ("drain", "broken", "cancel")
"""What the reloads bring, in turn."""
RELOADED, REFUSED = "configuration reloaded", "configuration refused, the old one stays"


class _Line(msgspec.Struct, kw_only=True, frozen=True, rename={"trace": "trace.id", "outcome": "stream.outcome"}):
    """What is read of a line of the gateway's stdout: of a record, or of a message of its own."""

    level: str
    trace: str = ""
    outcome: OutcomeKind | None = None
    attempt: int = msgspec.field(default=0, name="retry.attempt")
    message: str = ""
    error: str = ""


def _record(line: _Line) -> Record:
    assert line.outcome is not None
    return Record(id=line.trace, outcome=line.outcome, attempts=line.attempt + 1, error=line.error)


class Scene:
    """Stands while its block runs."""

    def __init__(self, folder: Path, *, ours: int, theirs: int) -> None:
        """`ours` is the gateway's processor, `theirs` everybody else's."""
        self.ledger = Ledger()
        self.reloaded = self.refused = 0
        """As the gateway says."""
        self.good = self.bad = 0
        """Reloads that were asked for."""
        self.faults: list[str] = []
        """Errors in the gateway's own log, but for refused configurations."""
        self._folder = folder
        self._ours, self._theirs = self.processors = ours, theirs
        self._file = folder / "gateway.yaml"
        self._editions = cycle(EDITIONS)
        self._lock = threading.Lock()
        self._line = msgspec.json.Decoder(_Line)
        self._answered = msgspec.json.Decoder(Answered)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            fake, self._inspection = self._fake(stack)
            wall = self._process(stack, "wall", (*SLUICE, "fake", "--port", "0", "--never-accept"))
            closed = stack.enter_context(socket.socket())
            closed.bind(("127.0.0.1", 0))  # and never listens
            self._ports = Ports(fake=fake, wall=wall.port("provider at"), closed=closed.getsockname()[1])
            rewrite(self._file, gateway.configuration(self._ports))
            self._serve(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _fake(self, stack: ExitStack) -> tuple[int, int]:
        """Start the provider; return its port and that of its inspection."""
        rules = self._folder / "faults.json"
        rules.write_bytes(msgspec.json.encode(gateway.rules()))
        command = (*SLUICE, "fake", "--port", "0", "--faults", str(rules), "--inspect", "127.0.0.1:0")
        fake = self._process(stack, "fake", command)
        return fake.port("provider at"), fake.port("inspection at")

    def _serve(self, stack: ExitStack) -> None:
        command = (*SLUICE, "serve", "-f", str(self._file), "--port", "0", "--log-format", "json")
        doors = {"ADMIN_ADDR": "off", "READINESS_ADDR": "off", "STATS_ADDR": "127.0.0.1:0"}
        self.gateway = stack.enter_context(
            Process("the gateway", command, processor=self._ours, env=doors, told=self._gateway_said)
        )
        self._port = self.gateway.port("is ready")
        self._stats_port = self.gateway.port("stats ")

    def _process(self, stack: ExitStack, name: str, command: tuple[str, ...]) -> Process:
        return stack.enter_context(Process(name, command, processor=self._theirs))

    # -- what is told, each in the thread of its pipe ------------------------------------------------------------------

    def _gateway_said(self, data: bytes) -> None:
        line = self._line.decode(data)
        with self._lock:
            if line.outcome is not None:
                self.ledger.record(_record(line))
            elif line.message == RELOADED:
                self.reloaded += 1
            elif line.message == REFUSED:
                self.refused += 1
            elif line.level == "error":
                self.faults.append(f"{line.message}: {line.error}" if line.error else line.message)

    def _load_said(self, data: bytes) -> None:
        answered = self._answered.decode(data)
        with self._lock:
            self.ledger.saw(answered)

    # -- orders --------------------------------------------------------------------------------------------------------

    def begin(self, settings: Settings) -> Process:
        """Start the load; it ends by itself."""
        told = msgspec.json.encode(msgspec.structs.replace(settings, port=self._port)).decode()
        command = (SLUICE[0], "-m", "bench.soak.load", told)
        return self._stack.enter_context(Process("the load", command, processor=self._theirs, told=self._load_said))

    def reload(self) -> None:
        """Write the configuration's next edition."""
        edition = next(self._editions)
        rewrite(self._file, gateway.configuration(self._ports, edition))
        if edition == "broken":
            self.bad += 1
        else:
            self.good += 1

    # -- questions -----------------------------------------------------------------------------------------------------

    def look(self) -> Sample:
        """Look at the gateway now.

        Raises:
            SoakError: it is gone.
        """
        try:
            return sample(self.gateway.pid, self._ours, self._stats_port)
        except (OSError, http.client.HTTPException) as error:
            raise SoakError(f"the gateway is gone or does not answer ({error}): {self.gateway.last_words()}") from error

    def at_rest(self) -> Sample:
        """Return what the gateway is before the first request; the second look, since the first may load code."""
        self.look()
        return self.look()

    def settle(self, before: Sample) -> Sample:
        """Wait until the gateway is as it was before, SETTLE_S at most, and return what it is then."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            now = self.look()
            values = now.numbers.values
            idle = not any(values[name] for name in GAUGES)
            same = now.files <= before.files and values[TASKS] <= before.numbers.values[TASKS]
            if (idle and same and not self.heard()) or time.monotonic() > deadline:
                return now
            time.sleep(LOOK_S)

    def heard(self) -> int:
        """Return how many connections the provider has open.

        Raises:
            SoakError: it does not say so.
        """
        door = http.client.HTTPConnection("127.0.0.1", self._inspection, timeout=SETTLE_S)
        try:
            door.request("GET", "/connections", headers={"Connection": "close"})
            found = msgspec.json.decode(door.getresponse().read(), type=list[_Connection])
        except (OSError, http.client.HTTPException) as error:
            raise SoakError(f"the provider does not answer: {error}") from error
        finally:
            door.close()
        return sum(each.closed is None for each in found)


class _Connection(msgspec.Struct):
    """What is read of one connection at the provider."""

    closed: str | None

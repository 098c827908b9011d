"""The ports of a process: those that its plan listens on, and those that a reload removed."""

import asyncio
import time
from collections.abc import Callable

from sluice.config.exposure import Exposure
from sluice.config.plan import Plan
from sluice.config.rewire import with_port
from sluice.gateway.ports import Handler
from sluice.net.listener import Port
from sluice.net.place import Place
from sluice.telemetry.metrics import Metrics

LAST_CALL_S = 0.1
"""How long a drain waits for handshakes that are under way: a round trip to far clients. Who wants in meanwhile has to
try again, a second later: not longer than it has to be."""
GRACE_S = 0.5
"""How long a drain takes requests from whoever is in: they may be on their way. Half of what an end may take
(stream-life 10.11)."""
_LAST_TURNS = 3
"""Of the event loop, for what came in the last moment: in one it is read."""
_LOOK_S = 0.005
_SLOW_LOOK_S = 0.05
"""How often the end of the last connections is looked at: in the first second, and for those who take longer."""


class Ports:
    """Listen where the plan says and nowhere else. `number` replaces the port of the plan's only listener; 0 = the one
    that was free at the start."""

    def __init__(self, exposure: Exposure, number: int | None, place: Place, metrics: Metrics) -> None:
        self._exposure = exposure
        self._number = number
        self._place = place
        self._metrics = metrics
        self._open: dict[int, Port] = {}
        self._leaving: list[Port] = []
        """Ports that a reload removed, until their last connection has ended."""

    def moved(self, plan: Plan) -> Plan:
        """The plan on the port that the command line names.

        Raises:
            ConfigError: it listens on several.
        """
        return plan if self._number is None else with_port(plan, self._number)

    async def use(self, plan: Plan, handler: Handler) -> Plan:
        """Open what is new, let go what is gone; return the plan with the port that was free for port 0. Ports that
        stay keep their connections.

        Raises:
            ConfigError: an address cannot be bound, a certificate cannot be used, or somebody from outside could ask
                without a credential; the ports are as before.
        """
        places = self._exposure.places(plan)
        wanted = {
            listener.port: [other for other in plan.listeners if other.port == listener.port]
            for listener in plan.listeners
        }
        stay = wanted.keys() & self._open.keys()
        self._exposure.stay(plan, {number: self._open[number].hosts for number in stay})
        changes = [self._open[number].prepare(wanted[number], plan.limits) for number in stay]
        opened = {n: Port(n, handler, self._metrics, time.monotonic) for n in wanted if n not in stay}
        for number, port in opened.items():
            port.use(wanted[number], plan.limits)
        try:
            for number, port in opened.items():
                await self._place.reserve(number, places[number])
                await port.open(places[number], reuse_port=self._place.shared)
        except BaseException:
            for port in opened.values():
                port.close()
            raise
        for change in changes:
            change()
        self._open |= {port.number: port for port in opened.values()}
        if 0 in opened:
            self._number = opened[0].number
            plan = with_port(plan, self._number)
        for number in self._open.keys() - {listener.port for listener in plan.listeners}:
            leaving = self._open.pop(number)
            leaving.drain()
            self._leaving.append(leaving)
        self._place.serves(self._open)
        return plan

    def sweep(self, now: float) -> None:
        """Expire connections whose deadline has passed, forget ports without any. O(connections)."""
        self._leaving = [port for port in self._leaving if port.connections]
        for port in self._all():
            port.sweep(now)

    async def drain(self, deadline: Callable[[], float]) -> None:
        """Let nobody else in, at once. Serve whoever is in, and asks before the grace or the `deadline` is over (see
        `flushed`); then take no request any more: connections at rest close, the others after the answer under way."""
        began = time.monotonic()

        def before(end_s: float) -> bool:
            return time.monotonic() < min(began + end_s, deadline())

        for _ in range(2):  # in the second turn those are connections too who had just been accepted
            for port in self._all():
                port.last_call()
            await asyncio.sleep(0)
        await _while(lambda: before(LAST_CALL_S))
        for port in self._all():
            await port.close_door()
        await _while(lambda: before(GRACE_S) and any(port.occupied for port in self._all()))
        for _ in range(_LAST_TURNS):
            if not any(port.unheard for port in self._all()):
                break
            await asyncio.sleep(0)
        for port in self._all():
            port.drain()

    async def flushed(self, grace_s: float, deadline: Callable[[], float]) -> None:
        """Wait until every connection has closed. After `grace_s` only clients are waited for that have not taken all
        that they were given (who takes nothing is cut by the sweep), and none after the `deadline`, a monotonic second
        that may come nearer."""
        grace = time.monotonic() + grace_s
        while any(port.connections for port in self._all()):
            now = time.monotonic()
            if now >= grace and (now >= deadline() or not any(port.owes for port in self._all())):
                return
            await asyncio.sleep(_LOOK_S if now < grace else _SLOW_LOOK_S)

    def close(self) -> None:
        """Cut everything."""
        for port in self._all():
            port.close()

    async def cut(self) -> None:
        """Cut everything, and see to it that whoever serves it has heard of it."""
        self.close()
        for _ in range(_LAST_TURNS):
            if not any(port.connections for port in self._all()):
                break
            await asyncio.sleep(0)

    def _all(self) -> list[Port]:
        return [*self._open.values(), *self._leaving]


async def _while(holds: Callable[[], bool]) -> None:
    """Wait until something holds no longer."""
    while True:
        if not holds():
            return
        await asyncio.sleep(_LOOK_S)

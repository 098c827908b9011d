"""File descriptors: each client and each provider's connection takes one, and a process has only so many.

When none is left, libuv accepts a client and closes it at once, and tells nobody (uv__emfile_trick, libuv 1.48): so it
is looked at from here. The limit that counts is the soft one; what the system allows is the hard one (getrlimit(2)).
"""

import resource
import socket

from sluice.config.plan import Plan
from sluice.telemetry.process_log import ProcessLog

PER_EXCHANGE = 2
"""Its client's and its provider's."""
SILENCE_S = 60.0
"""How long nothing more is said of the same trouble."""


class Descriptors:
    """The limit of this process. Call `look` about once a second."""

    def __init__(self, log: ProcessLog) -> None:
        self._log = log
        self._silent_until = 0.0

    def raise_limit(self, plan: Plan) -> None:
        """Take all that the system allows, and say so if that is less than the plan's exchanges need."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
                soft = hard
            except (OSError, ValueError):  # some systems have a bound below `unlimited`
                pass
        exchanges = plan.admission.max_concurrent  # 0 = no bound, and so nothing to compare with
        room = soft // PER_EXCHANGE
        if soft != resource.RLIM_INFINITY and room < exchanges:
            self._log.warn("few file descriptors", limit=soft, exchanges=room, admitted=exchanges)

    def look(self, now: float) -> None:
        """Say that none is left, at most once a minute."""
        if now < self._silent_until or has_descriptors():
            return
        self._silent_until = now + SILENCE_S
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._log.error("out of file descriptors, clients are refused", limit=limit)


def has_descriptors() -> bool:
    """Whether one could be had now."""
    try:
        socket.socket().close()
    except OSError:
        return False
    return True

"""What is served beside the gateway, in the same loop on a listener of its own: the agent server."""

from typing import Protocol


class Guest(Protocol):
    """What is served beside the gateway, in the same loop on a listener of its own."""

    port: int

    async def serve(self) -> None: ...

    async def started(self) -> None: ...

    async def drain(self, timeout_s: float) -> None:
        """Take no new work, and let what is under way end."""
        ...

    def close(self) -> None: ...

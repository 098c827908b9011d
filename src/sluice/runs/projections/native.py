"""The native protocol: each event as it is. The `id` of a frame is the event's number. agents.md D.3."""

from typing import ClassVar

from sluice.runs.events import Codec, Event, type_of
from sluice.runs.projection import Frame


class Native:
    """The log itself."""

    name: ClassVar[str] = "native"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = False

    def step(self, event: Event) -> list[Frame]:
        return [Frame(Codec.encode(event), type_of(event), str(event.seq))]

    def end(self) -> list[Frame]:
        return []

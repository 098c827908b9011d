"""How the streams of the corpus are framed."""

from sluice.wire.event_stream import CONTENT_TYPE, EventStreamDecoder
from sluice.wire.frames import FrameDecoder
from sluice.wire.json_array import JsonArrayDecoder
from sluice.wire.sse import SseDecoder
from tools.golden_cases import Case


def wire(case: Case) -> FrameDecoder:
    if case.content_type == CONTENT_TYPE.decode():
        return EventStreamDecoder()
    return JsonArrayDecoder() if case.array else SseDecoder()

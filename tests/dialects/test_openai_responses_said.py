"""What providers say on the wire: events of a stream of this API, for the tests that decode them."""

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Reported,
    Started,
)
from sluice.chat.usage import Usage
from tests.dialects.test_openai_responses_kit import (
    Row,
)

OWN = "dialect.openai_responses"
HEAD: Row = {"id": "resp_1", "object": "response", "created_at": 7, "model": "m", "status": "in_progress", "output": []}
STARTED = Started("resp_1", "m", 7)
USAGE = {
    "input_tokens": 10,
    "output_tokens": 20,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 30,
}
COUNTED = Usage(input_tokens=10, output_tokens=20, cache_read_tokens=3, cache_write_tokens=2, reasoning_tokens=5)
STOP = [ChoiceFinished(0, "stop", "completed"), Reported(COUNTED), Ended()]


def ev(kind: str, **members: object) -> Row:
    return {"type": kind if kind == "error" else f"response.{kind}", **members}


def created() -> Row:
    return ev("created", response=HEAD)


def completed(*output: object, **members: object) -> Row:
    return ev("completed", response=HEAD | {"status": "completed", "output": list(output), "usage": USAGE} | members)


def added(index: int, **item: object) -> Row:
    return ev("output_item.added", output_index=index, item=item)


def done(index: int, **item: object) -> Row:
    return ev("output_item.done", output_index=index, item=item)


def text_delta(text: str, index: int = 0, part: int = 0) -> Row:
    return ev("output_text.delta", output_index=index, content_index=part, item_id="msg_1", delta=text, logprobs=[])


def message(text: str, **part: object) -> Row:
    content = [{"type": "output_text", "text": text, "annotations": [], **part}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def call(arguments: str, **more: object) -> Row:
    return {"type": "function_call", "id": "fc_1", "call_id": "t", "name": "f", "arguments": arguments} | more


def summary(text: str, part: int, index: int = 0) -> Row:
    return ev("reasoning_summary_text.delta", output_index=index, item_id="rs_1", summary_index=part, delta=text)


def reasoning(*texts: str, **more: object) -> Row:
    return {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": t} for t in texts]} | more

"""openai_chat: what the official client makes of our bytes, whole and streamed, without a network."""

from collections.abc import Iterable

import httpx2
import openai
import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Failed,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Reasoning, Seal
from sluice.chat.usage import Usage
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import InBandFailure, Refused, SluiceError, Truncated
from tests.dialects.asked import read
from tests.dialects.chunks import encode, fold

ANSWER: list[Event] = [
    Started("c1", "m", 7),
    TextDelta(0, "reasoning", "hm"),
    Sealed(0, Seal("dialect.x", "reasoning", "proof==")),
    TextDelta(0, "text", "Let me "),
    TextDelta(0, "text", "see."),
    ToolCallStarted(0, 0, "t", "f"),
    ToolCallStarted(0, 1, "u", "g"),
    ToolCallDelta(0, 0, '{"a":'),
    ToolCallDelta(0, 1, '{"b":2}'),
    ToolCallDelta(0, 0, "1}"),
    Reported(Usage(input_tokens=3, output_tokens=4, cache_read_tokens=1)),
    ChoiceFinished(0, "tool_calls", "tool_use"),
    Ended(),
]


def client(body: bytes, *, status: int = 200, kind: str = "text/event-stream") -> openai.OpenAI:
    """A client whose every request is answered with this."""
    answer = httpx2.MockTransport(lambda _: httpx2.Response(status, content=body, headers={"content-type": kind}))
    return openai.OpenAI(api_key="x", max_retries=0, http_client=httpx2.Client(transport=answer))


def streamed(events: Iterable[Event]) -> openai.types.chat.ChatCompletion:
    with client(encode(events)).chat.completions.stream(
        model="m", messages=[{"role": "user", "content": "x"}], stream_options={"include_usage": True}
    ) as stream:
        return stream.get_final_completion()


def test_the_clients_streaming_helper_gives_what_the_whole_answer_gives() -> None:
    whole = client(OPENAI_CHAT.write_answer(fold(ANSWER), ChatRequest()), kind="application/json")
    asked = whole.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    got = streamed(ANSWER)
    for completion in (asked, got):
        message = completion.choices[0].message
        assert (completion.id, completion.model, message.content) == ("c1", "m", "Let me see.")
        assert completion.choices[0].finish_reason == "tool_calls"
        assert completion.usage is not None
        assert completion.usage.total_tokens == 7
        assert [(call.type, call.function.arguments) for call in message.tool_calls or ()] == [  # type: ignore[union-attr]
            ("function", '{"a":1}'),
            ("function", '{"b":2}'),
        ]
    first, second = (completion.choices[0].message.tool_calls or [] for completion in (asked, got))
    assert [call.id for call in first] == [call.id for call in second]


def test_a_proof_of_reasoning_survives_the_clients_own_memory() -> None:
    message = streamed(ANSWER).choices[0].message
    calls = message.tool_calls or []
    results = [{"role": "tool", "tool_call_id": call.id, "content": "42"} for call in calls]
    echoed = message.model_dump(exclude={"parsed": True})
    conversation = read({"role": "user", "content": "x"}, echoed, *results)
    assert conversation.messages[1].parts[0] == Reasoning("hm", Seal("dialect.x", "reasoning", "proof=="))
    assert [part.call_id for m in conversation.messages[2:] for part in m.parts] == ["t", "u"]  # type: ignore[union-attr]


@pytest.mark.parametrize("error", [InBandFailure("no", status=429), Truncated("no")])
@pytest.mark.parametrize("seen", range(len(ANSWER) - 1))
def test_an_error_inside_the_stream_is_raised_wherever_it_comes(error: InBandFailure | Truncated, seen: int) -> None:
    with pytest.raises(openai.APIError, match="no"):
        streamed([*ANSWER[:seen], Failed(error)])
    decoder = OPENAI_CHAT.decoder(keep_leftovers=False)
    mirrored = encode(ANSWER[:seen]) + decoder.failure(error)
    with pytest.raises(openai.APIError, match="no"):
        list(client(mirrored).chat.completions.create(model="m", messages=[], stream=True))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Refused("no", status=400), openai.BadRequestError),
        (Refused("no", status=401), openai.AuthenticationError),
        (Refused("no", status=404), openai.NotFoundError),
        (Refused("no", status=429), openai.RateLimitError),
        (Refused("no", status=529, type="overloaded_error"), openai.InternalServerError),
    ],
)
def test_an_error_with_a_status_is_the_clients_own_kind(error: SluiceError, kind: type[openai.APIStatusError]) -> None:
    body, status = OPENAI_CHAT.write_error(error), OPENAI_CHAT.error_status(error)
    with pytest.raises(kind) as caught:
        client(body, status=status, kind="application/json").chat.completions.create(model="m", messages=[])
    assert (caught.value.code, caught.value.status_code) == (error.code, status)

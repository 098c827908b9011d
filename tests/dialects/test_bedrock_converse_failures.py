"""bedrock_converse/decode.py and errors.py: exceptions in a stream, and what is no ConverseStream at all."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.events import (
    Failed,
    TextDelta,
)
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.dialects.dialect import Dialect
from sluice.errors import InBandFailure, ProtocolError, SluiceError, Truncated, Unavailable
from sluice.wire.event_stream import encode
from sluice.wire.sse import Frame
from tests.dialects import converse as c

DIALECT: Dialect = BEDROCK_CONVERSE


@pytest.mark.parametrize(
    ("exception", "status"),
    [
        ("validationException", 400),
        ("throttlingException", 429),
        ("modelStreamErrorException", 502),
        ("internalServerException", 500),
        ("serviceUnavailableException", 503),
        ("modelTimeoutException", 504),
        ("somethingNewException", 502),
    ],
)
def test_exceptions_are_failures(exception: str, status: int) -> None:
    (failed,) = c.decode(encode(exception, b'{"message":"no"}', "exception"))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, InBandFailure)
    assert (str(failed.error), failed.error.status, failed.error.code) == ("no", status, exception)


def test_exceptions_have_the_statuses_of_the_api() -> None:
    operation = c.service().operation_model("ConverseStream")
    assert operation.output_shape is not None
    stream = operation.output_shape.members["stream"]
    exceptions = {name: member for name, member in stream.members.items() if member.metadata.get("exception")}
    assert len(exceptions) >= 5
    for name, member in exceptions.items():
        (failed,) = c.decode(encode(name, b"{}", "exception"))
        assert isinstance(failed, Failed)
        official = member.metadata["error"]["httpStatusCode"]
        assert failed.error.status == (502 if official == 424 else official)


def test_an_error_message_is_a_failure_too() -> None:
    (failed,) = c.decode(encode("InternalError", b"oh", "error"))
    assert isinstance(failed, Failed)
    assert (str(failed.error), failed.error.status, failed.error.code) == ("oh", 502, "InternalError")


KINDS = ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]


@pytest.mark.parametrize(
    ("kind", "payload"),
    [(kind, payload) for kind in KINDS for payload in (b"", b"[]", b"{", b'{"a":' + b"[" * 100_000)]
    + [
        ("messageStart", b'{"role":1}'),
        ("contentBlockStart", b'{"start":{"toolUse":{"name":1}}}'),
        ("contentBlockDelta", b'{"delta":{"text":1}}'),
        ("contentBlockDelta", b'{"delta":{"text":"\xff"}}'),
        ("contentBlockStop", b'{"contentBlockIndex":"0"}'),
        ("messageStop", b'{"stopReason":{}}'),
        ("metadata", b'{"usage":{"inputTokens":"many"}}'),
    ],
)
def test_what_is_not_of_the_api_breaks_the_protocol_and_the_decoder_goes_on(kind: str, payload: bytes) -> None:
    decoder = DIALECT.decoder(keep_leftovers=False)
    with pytest.raises(ProtocolError, match="ConverseStream"):
        decoder.decode(Frame(b"", payload, kind))
    assert decoder.decode(c.frames_of(c.delta(0, text="a"))[0]) == [TextDelta(0, "text", "a")]


@pytest.mark.parametrize(
    ("error", "exception"),
    [
        (Truncated("cut"), "modelStreamErrorException"),
        (Unavailable("\ud800"), "serviceUnavailableException"),
        (InBandFailure("x", status=429), "throttlingException"),
        (SluiceError("x"), "internalServerException"),
    ],
)
def test_an_error_is_a_legal_continuation(error: SluiceError, exception: str) -> None:
    decoder = DIALECT.decoder(keep_leftovers=False)
    (frame,) = c.frames_of(decoder.failure(error))
    assert frame.event == f"exception:{exception}"
    (failed,) = decoder.decode(frame)
    assert isinstance(failed, Failed)
    assert str(failed.error) in (str(error), "?")


_names = st.sampled_from(["p", "text", "input", "signature", "location", "url", "type", "name", "toolUseId"]) | (
    st.sampled_from(["delta", "start", "toolUse", "reasoningContent", "redactedContent", "citation", "image", "web"])
    | st.sampled_from(["contentBlockIndex", "stopReason", "usage", "inputTokens", "additionalModelResponseFields"])
)
_kinds = st.sampled_from([*KINDS, "exception:x", "y"])
_values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.tuples(_kinds, st.dictionaries(_names, _values, max_size=4) | _values), max_size=6))
def test_any_json_gives_events_or_a_protocol_error(messages: list[tuple[str, object]]) -> None:
    decoder = DIALECT.decoder(keep_leftovers=True)
    for kind, value in messages:
        data = msgspec.json.encode(value)
        with contextlib.suppress(ProtocolError):
            decoder.decode(Frame(data, data, kind))
    assert len(decoder.finish()) <= 1

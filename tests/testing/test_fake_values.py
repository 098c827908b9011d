"""The fake reads as many values as it can without holding up whoever else is in its process, and no more."""

import time

import msgspec
import pytest

from sluice.testing.fake_desk import MAX_VALUES
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_request import read
from tests.support.measuring import slowness, undisturbed
from tests.testing.spoken import ASK, DIALECTS, SPOKEN, Json, accepted, refused

CALLS = 4000
FUNCTION: Json = {"name": "f", "arguments": "{}"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_too_many_values_are_refused_in_the_vendors_shape(dialect: str) -> None:
    body = SPOKEN[dialect].ask(ASK)
    accepted(dialect, body | {"fake": {"content": "x"}})
    assert f"at most {MAX_VALUES} elements and members" in refused(dialect, body | {"x": [{}] * MAX_VALUES})


def asked(order: int = 1) -> bytes:
    """An assistant's message with many calls, and their results in this order."""
    numbers = range(CALLS)
    calls = [{"id": f"c{number}", "type": "function", "function": FUNCTION} for number in numbers]
    results = [{"role": "tool", "tool_call_id": f"c{number}", "content": "r"} for number in numbers[::order]]
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": calls}, *results]
    return msgspec.json.encode({"model": "m", "messages": messages})


def test_results_belong_to_the_calls_of_the_message_before_them() -> None:
    assert read(asked()).steps == read(asked(-1)).steps == 1
    with pytest.raises(Refusal, match="must be a response to a preceeding message"):
        read(asked().replace(b'"tool_call_id":"c1"', b'"tool_call_id":"d1"'))
    with pytest.raises(Refusal, match="did not have response messages: c1"):
        read(asked().replace(b'{"role":"tool","tool_call_id":"c1","content":"r"},', b""))


@pytest.mark.timed
@pytest.mark.parametrize("order", [1, -1])
def test_thousands_of_calls_are_looked_up(order: int) -> None:
    body = asked(order)
    with undisturbed():
        bound, began = 0.25 * slowness(), time.thread_time()
        read(body)
        assert time.thread_time() - began < bound

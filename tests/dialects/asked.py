"""A chat completion request, read whole: shared by the tests of the dialect."""

import json

import pytest

from sluice.chat.content import Part
from sluice.chat.conversation import Conversation
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import BadRequest

USER = {"role": "user", "content": "hi"}


def read(*messages: object, **members: object) -> Conversation:
    body = {"model": "m", "messages": list(messages) or [USER]} | members
    return OPENAI_CHAT.read_conversation(OPENAI_CHAT.read_request(json.dumps(body).encode()))


def parts_of(message: object) -> tuple[Part, ...]:
    """The parts of one message."""
    return read(message).messages[0].parts


def refusal_of(*messages: object, **members: object) -> BadRequest:
    """What this request is refused with."""
    with pytest.raises(BadRequest) as caught:
        read(*messages, **members)
    assert caught.value.status == 400
    return caught.value

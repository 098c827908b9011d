"""What every translation of an operation is: the client's body in, bodies for the provider and a way back out.

An operation is asked in one or more requests: some providers take one text at a time. Their answers belong together.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from sluice.chat.usage import Usage
from sluice.dialects.dialect import Field
from sluice.dialects.reading import UNREADABLE, explain
from sluice.errors import BadRequest, ProtocolError
from sluice.wire.http1 import Header

Headers = Sequence[Header]


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for the client, and what the record says of it. `usage` None = the provider did not say."""

    body: bytes
    model: str = ""
    usage: Usage | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A client's request in the provider's words."""

    bodies: tuple[bytes, ...]
    """One or more, each a request of its own to the same address."""
    read: Callable[[Sequence[bytes], Headers], Answered]
    """Takes the bodies of their answers in the same order, and the headers of all of them.

    Raises:
        ProtocolError: they are not what the API answers.
    """


Translation = Callable[[bytes, str, Mapping[str, str]], Asked]
"""From the client's body, the provider's name of the model, and the target's variables (`region` ...).

Raises:
    BadRequest: the body is not what the client's API asks for, or holds what the provider cannot be asked.
"""


def read_known(body: bytes, known: Mapping[str, Field], api: str) -> None:
    """Refuse members that no row of the table speaks of; `api` is the provider's, in the sentence.

    Raises:
        BadRequest: there is one, or the body is no JSON object.
    """
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except UNREADABLE as error:
        raise explain(error, body) from None
    for name in members:
        if name not in known:
            raise BadRequest(f"'{name}' cannot be sent to {api}: it has no such parameter.", param=name)


def not_an_answer(api: str) -> ProtocolError:
    """The error for an answer that cannot be read."""
    return ProtocolError(f"the provider's answer is not one of {api}")


def counted(headers: Headers, name: bytes) -> int | None:
    """Return the sum of a header that counts something; None if it is nowhere."""
    found = [int(value) for key, value in headers if key == name and value.isdigit() and len(value) < 12]
    return sum(found) if found else None

"""Reads pieces of a body and says where one is wrong, from the body's top: `input[3].content[0].text`."""

import re
from typing import TypeVar

import msgspec

from sluice.dialects.reading import UNREADABLE, explain
from sluice.errors import BadRequest

T = TypeVar("T")


def read_at(raw: msgspec.Raw, decoder: msgspec.json.Decoder[T], place: str) -> T:
    """Read the value that stands at `place` of the body.

    Raises:
        BadRequest: it is not what the API allows; `param` is the place within it.
    """
    try:
        return decoder.decode(raw)
    except UNREADABLE as error:
        said = explain(error, bytes(raw))
    if said.param is None:
        what = re.sub(r"^The body is not a valid request: ", "", str(said))
        raise BadRequest(f"Invalid value for '{place}': {what}", param=place)
    joint = "" if said.param.startswith("[") else "."
    param = f"{place}{joint}{said.param}" if place else said.param
    raise BadRequest(str(said).replace(f"'{said.param}'", f"'{param}'", 1), param=param)

"""What A2A clients send, in any version, read into our own words. Names may be in camelCase or, as ProtoJSON allows, in
snake_case; fields that we do not know are left alone."""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import msgspec

from sluice.agents.ids import name
from sluice.errors import BadRequest
from sluice.runs.messages import DataPart, FilePart, Message, Part, TextPart
from sluice.runs.projections.a2a_03 import WRAPPED
from sluice.runs.projections.a2a_parts import OPAQUE

MAX_ID = 256
"""Characters of an identifier that a client chose."""
_UNDERSCORE = re.compile(r"_([a-z])")
_BESIDE = ("extensions", "referenceTaskIds", "security")


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was sent, and how its answer is wanted."""

    message: Message
    context_id: str = ""
    task_id: str = ""
    at_once: bool = False
    """Whether the task is wanted as it is right after the start: `blocking: false`, `returnImmediately`."""
    push: bool = False
    """Whether notifications were asked for."""
    history_length: int | None = None
    metadata: dict[str, Any] = {}


class Fields:
    """An object of a request. `place`: where it stands, for errors."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise BadRequest(f"`{place}` is an object", param=place)
        self.place = place
        self._fields: Mapping[str, Any] = {_camel(key): field for key, field in value.items()}

    def __contains__(self, key: str) -> bool:
        return self._fields.get(key) is not None

    def at(self, key: str) -> str:
        return f"{self.place}.{key}"

    def raw(self, *keys: str) -> Any:
        """Return the first of these fields that is there; None if none is."""
        return next((self._fields[key] for key in keys if self._fields.get(key) is not None), None)

    def of(self, *keys: str) -> "Fields":
        """
        Raises:
            BadRequest: it is no object.
        """
        return Fields(self.raw(*keys) if self.raw(*keys) is not None else {}, self.at(keys[0]))

    def text(self, key: str, most: int = 0) -> str:
        """Return a text; empty if it is not there.

        Raises:
            BadRequest: it is no text, or longer than `most`.
        """
        value = self.raw(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise BadRequest(f"`{self.at(key)}` is a string", param=self.at(key))
        if most and len(value) > most:
            raise BadRequest(f"`{self.at(key)}` is longer than {most} characters", param=self.at(key))
        return value

    def flag(self, key: str) -> bool | None:
        """
        Raises:
            BadRequest: it is neither true nor false.
        """
        value = self.raw(key)
        if value is None or isinstance(value, bool):
            return value
        raise BadRequest(f"`{self.at(key)}` is true or false", param=self.at(key))

    def number(self, key: str, most: int = 1_000_000) -> int | None:
        """Return a whole number from 0 to `most`; also one in quotes, as the query of a URL has them.

        Raises:
            BadRequest: it is none.
        """
        value = self.raw(key)
        if isinstance(value, str) and value.isdecimal() and len(value) < 10:
            value = int(value)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most):
            return value
        raise BadRequest(f"`{self.at(key)}` is a whole number from 0 to {most}", param=self.at(key))

    def mapping(self, key: str) -> dict[str, Any]:
        """
        Raises:
            BadRequest: it is no object.
        """
        value = self.raw(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise BadRequest(f"`{self.at(key)}` is an object", param=self.at(key))
        return value


def _camel(key: str) -> str:
    return _UNDERSCORE.sub(lambda found: found[1].upper(), key)


def read_sent(params: object, place: str = "params", *, nested: bool = False) -> Sent:
    """Read the parameters of sending a message. `nested`: data and bytes are wrapped, as 0.3 has them over REST.

    Raises:
        BadRequest: names the field that is wrong.
    """
    fields = Fields(params, place)
    raw = fields.raw("message", "request")
    if raw is None:
        raise BadRequest(f"`{fields.at('message')}` is missing", param=fields.at("message"))
    said = Fields(raw, fields.at("message"))
    how = fields.of("configuration")
    return Sent(
        message=read_message(said, nested=nested),
        context_id=said.text("contextId", MAX_ID),
        task_id=said.text("taskId", MAX_ID),
        at_once=how.flag("blocking") is False or how.flag("returnImmediately") is True,
        push=any(key in how for key in ("pushNotificationConfig", "pushNotification", "taskPushNotificationConfig")),
        history_length=how.number("historyLength"),
        metadata=fields.mapping("metadata"),
    )


def read_message(said: Fields, *, nested: bool = False) -> Message:
    """Read a message of a client.

    Raises:
        BadRequest: names the field that is wrong.
    """
    role = said.raw("role")
    if role not in ("user", "ROLE_USER", 1):
        raise BadRequest(f"`{said.at('role')}` of what a client sends is user", param=said.at("role"))
    place = said.at("parts" if "parts" in said else "content")
    parts = said.raw("parts", "content")
    if not isinstance(parts, list) or not parts:
        raise BadRequest(f"`{place}` is a list of at least one part", param=place)
    metadata = said.mapping("metadata")
    beside = {key: said.raw(key) for key in _BESIDE if key in said}
    return Message(
        role="user",
        parts=tuple(_part(Fields(part, f"{place}[{number}]"), nested) for number, part in enumerate(parts)),
        id=said.text("messageId", MAX_ID) or name("msg"),
        metadata=metadata | ({OPAQUE: beside} if beside else {}),
    )


def _part(part: Fields, nested: bool) -> Part:
    if "text" in part:
        return TextPart(text=part.text("text"))
    if "file" in part:
        return _file(part.of("file"), held=("bytes", "fileWithBytes"), url=("uri", "fileWithUri"), nested=nested)
    if "raw" in part or "url" in part:
        return _file(part, held=("raw",), url=("url",))
    if "data" in part:
        return _data(part, nested)
    raise BadRequest(f"`{part.place}` has neither text nor file nor data", param=part.place)


def _file(file: Fields, *, held: tuple[str, ...], url: tuple[str, ...], nested: bool = False) -> FilePart:
    media_type = file.text("mimeType") or file.text("mediaType") or "application/octet-stream"
    called = file.text("name") or file.text("filename")
    for key in held:
        if key in file:
            body = _base64(file.text(key), file.at(key), nested)
            return FilePart(url=f"data:{media_type};base64,{body}", media_type=media_type, name=called)
    for key in url:
        if key in file:
            return FilePart(url=file.text(key), media_type=media_type, name=called)
    raise BadRequest(f"`{file.place}` has neither bytes nor a URL", param=file.place)


def _base64(body: str, place: str, nested: bool) -> str:
    """Return the base64 of what is meant; with `nested` it may stand in base64 once more, as a2a-sdk 0.3 sends it."""
    try:
        inner = b64decode(body, validate=True)
    except ValueError:
        raise BadRequest(f"`{place}` is no base64", param=place) from None
    if nested:
        try:
            b64decode(inner, validate=True)
            return inner.decode("ascii")
        except ValueError:
            return body
    return body


def _data(part: Fields, nested: bool) -> DataPart:
    data = part.of("data").raw("data") if nested else part.raw("data")
    about = part.mapping("metadata")
    if about.get(WRAPPED) is True and isinstance(data, dict):
        data = data.get("value")
    called = about.get("name")
    return DataPart(data=data, name=called if isinstance(called, str) else "")

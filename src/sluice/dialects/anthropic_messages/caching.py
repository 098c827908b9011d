"""Cache marks in a client's own body, for a provider of the same dialect: `cache_control` on tools, system, messages.

Guarantee: marks of the client stay and count, there are `MAX_MARKS` at most, and of the body nothing changes but the
blocks that are marked; a body that is not as expected stays as it is, for the provider to judge.
Source: platform.claude.com/docs/en/build-with-claude/prompt-caching, read 2026-11-21: a mark may stand on tools, and on
blocks of every kind but thinking and empty text.
"""

from typing import Final

import msgspec

from sluice.chat.caching import MAX_MARKS, PromptCaching
from sluice.chat.request import ChatRequest
from sluice.dialects.reading import NULL, UNREADABLE
from sluice.dialects.writing import to_json

_Object = dict[str, object]

_MARK: Final = msgspec.Raw(b'{"type":"ephemeral"}')
_NAME: Final = "cache_control"
_BEARS: Final = frozenset({"text", "image", "document", "search_result", "tool_use", "tool_result"})

_read_objects = msgspec.json.Decoder(list[_Object] | None).decode
_read_content = msgspec.json.Decoder(str | list[_Object] | None).decode
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def mark(chat: ChatRequest, caching: PromptCaching) -> ChatRequest:
    """Return the request with its marks; the same object if none is added."""
    try:
        fields = _marked(chat.fields, caching)
    except UNREADABLE:
        return chat
    return chat if fields is None else msgspec.structs.replace(chat, fields=fields)


def _marked(fields: dict[str, msgspec.Raw], caching: PromptCaching) -> dict[str, msgspec.Raw] | None:
    tools = _read_objects(fields.get("tools", NULL)) or []
    messages = _read_objects(fields.get("messages", NULL)) or []
    system = _read_content(fields.get("system", NULL))
    left = MAX_MARKS - (_NAME in fields)
    if any(_NAME.encode() in bytes(fields.get(name, NULL)) for name in ("tools", "system", "messages")):
        left -= _marks(tools) + _marks(system) + _marks(messages)
    changed: dict[str, msgspec.Raw] = {}
    words = _words(tools)
    if caching.tools and tools and left > 0 and caching.worth(words) and _NAME not in tools[-1]:
        raws = _read_list(fields["tools"])
        changed["tools"] = _array([*raws[:-1], _with_mark(raws[-1])])
        left -= 1
    words += _words(system)
    if caching.system and system and left > 0 and caching.worth(words) and (new := _content(fields["system"])):
        changed["system"] = new
        left -= 1
    place = caching.place(len(messages))
    if (
        place is not None
        and left > 0
        and (caching.worth(words) or caching.worth(words + _words(messages[: place + 1])))
    ):
        raws = _read_list(fields["messages"])
        members = _read_members(raws[place])
        if new := _content(members.get("content", NULL)):
            raws[place] = msgspec.Raw(to_json(members | {"content": new}))
            changed["messages"] = _array(raws)
    return fields | changed if changed else None


def _content(raw: msgspec.Raw) -> msgspec.Raw | None:
    """Return content with a mark on its last block that can bear one; None if there is none, or one is marked."""
    content = _read_content(raw)
    if isinstance(content, str):
        block = {"type": "text", "text": raw, _NAME: _MARK}
        return msgspec.Raw(to_json([block])) if content.strip() else None
    if content is None or _marks(content):
        return None
    blocks = _read_list(raw)
    place = next((i for i in reversed(range(len(blocks))) if _bears(content[i])), None)
    if place is None:
        return None
    blocks[place] = _with_mark(blocks[place])
    return _array(blocks)


def _bears(block: _Object) -> bool:
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in _BEARS:
        return False
    return kind != "text" or bool(str(block.get("text", "")).strip())


def _with_mark(raw: msgspec.Raw) -> msgspec.Raw:
    return msgspec.Raw(to_json(_read_members(raw) | {_NAME: _MARK}))


def _array(items: list[msgspec.Raw]) -> msgspec.Raw:
    return msgspec.Raw(b"[%b]" % b",".join(bytes(item) for item in items))


def _marks(value: object) -> int:
    """Marks at any depth: a block inside a tool's result may bear one."""
    if isinstance(value, dict):
        return (value.get(_NAME) is not None) + sum(map(_marks, value.values()))
    return sum(map(_marks, value)) if isinstance(value, list) else 0


def _words(value: object) -> int:
    """Words of all texts, at any depth; what a picture or a file holds is none."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, dict):
        return sum(_words(member) for name, member in value.items() if name not in ("data", "type"))
    return sum(map(_words, value)) if isinstance(value, list) else 0

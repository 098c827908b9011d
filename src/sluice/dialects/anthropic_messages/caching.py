"""Cache marks in a client's own body, for a provider of the same dialect: `cache_control` on tools, system, messages.

Guarantee: marks of the client stay and count, there are `MAX_MARKS` at most, and of the body nothing changes but the
blocks that are marked; a body that is not as expected stays as it is, for the provider to judge. No mark makes a body
wrong: none stands on a tool that is deferred, and none before a mark of the client's that lasts longer.
Source, read 2026-11-21: platform.claude.com/docs/en/build-with-claude/prompt-caching: a mark may stand on tools, and on
blocks of every kind but thinking and empty text; of two, the one that lasts longer comes first, in the order tools,
system, messages. The same, /agents-and-tools/tool-use/tool-use-with-prompt-caching: a deferred tool is no part of the
prompt's beginning (and with a mark it is refused).
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


class _Lasting(msgspec.Struct, frozen=True):
    """Where the client's last marks stand that last longer than ours, which may come after them only; -1 = nowhere."""

    tools: int = -1
    system: int = -1
    messages: int = -1


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
    lasting = _Lasting()
    if any(_NAME.encode() in bytes(fields.get(name, NULL)) for name in ("tools", "system", "messages")):
        left -= _marks(tools) + _marks(system) + _marks(messages)
        lasting = _Lasting(_last(tools), 0 if _lasts(system) else -1, _last(messages))
    if _NAME in fields and _lasts({_NAME: msgspec.json.decode(fields[_NAME])}):
        return None  # it stands behind everything
    changed: dict[str, msgspec.Raw] = {}
    at = max((i for i, tool in enumerate(tools) if not _is_deferred(tool)), default=-1)
    words = _words([tool for tool in tools if not _is_deferred(tool)])
    free = lasting.tools <= at and lasting.system < 0 and lasting.messages < 0
    if caching.tools and at >= 0 and free and left > 0 and caching.worth(words) and _NAME not in tools[at]:
        raws = _read_list(fields["tools"])
        raws[at] = _with_mark(raws[at])
        changed["tools"] = _array(raws)
        left -= 1
    words += _words(system)
    free = lasting.messages < 0
    if caching.system and system and free and left > 0 and caching.worth(words) and (new := _content(fields["system"])):
        changed["system"] = new
        left -= 1
    place = caching.place(len(messages))
    if (
        place is not None
        and lasting.messages <= place
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


def _lasts(value: object) -> bool:
    """Whether a mark in it, at any depth, lasts longer than one of ours, which last as long as the provider's own."""
    if isinstance(value, dict):
        mark = value.get(_NAME)
        ttl = mark.get("ttl") if isinstance(mark, dict) else None
        return ttl not in (None, "", "5m") or any(map(_lasts, value.values()))
    return isinstance(value, list) and any(map(_lasts, value))


def _last(items: list[_Object]) -> int:
    """The last with such a mark; -1 = none."""
    return max((i for i, item in enumerate(items) if _lasts(item)), default=-1)


def _is_deferred(tool: _Object) -> bool:
    """Whether a tool, or one of a set, is looked for only when it is needed."""
    if tool.get("defer_loading") is True:
        return True
    config, configs = tool.get("default_config"), tool.get("configs")
    named = configs.values() if isinstance(configs, dict) else ()
    return any(isinstance(each, dict) and each.get("defer_loading") is True for each in (config, *named))


def _words(value: object) -> int:
    """Words of all texts, at any depth; what a picture or a file holds is none."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, dict):
        return sum(_words(member) for name, member in value.items() if name not in ("data", "type"))
    return sum(map(_words, value)) if isinstance(value, list) else 0

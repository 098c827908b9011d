"""What can be said in one dialect and perhaps not in another: the features of a request, and the one place that judges
them.

Every dialect that providers speak has a table: feature -> `CARRIED`, `dropped(why)` or `refused(why)`. `fit` applies
it: a request is never made poorer in silence. docs/reference/translation.md is generated from these tables.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from sluice.chat.content import Media, Message, Part, Refusal, Text, ToolResult
from sluice.chat.conversation import Conversation, Thinking, Tool
from sluice.chat.seal import Reasoning
from sluice.errors import BadRequest

Carrying = Literal["carried", "dropped", "refused"]


class Carry(msgspec.Struct, frozen=True):
    """What becomes of a feature, and why; the reason is a clause for the table and the error."""

    how: Carrying
    why: str = ""


CARRIED = Carry("carried")


def carried(how: str) -> Carry:
    """Carried, with a remark on the form it takes."""
    return Carry("carried", how)


def dropped(why: str) -> Carry:
    return Carry("dropped", why)


def refused(why: str) -> Carry:
    return Carry("refused", why)


class Feature(msgspec.Struct, frozen=True):
    """Something that a request may ask for. `without` returns the request that does not."""

    title: str
    asked: Callable[[Conversation], bool]
    without: Callable[[Conversation], Conversation]


def fit(conversation: Conversation, table: Mapping[str, Carry], provider: str) -> Conversation:
    """Return the request as this table lets it pass. `provider` names the API in errors.

    Raises:
        BadRequest: it asks for something that is refused; `param` is the client's own word for it.
    """
    for name, feature in FEATURES.items():
        carry = table[name]
        if carry.how == "carried" or not feature.asked(conversation):
            continue
        if carry.how == "refused":
            word = conversation.words.get(name, name)
            raise BadRequest(f"'{word}' cannot be sent to {provider}: {carry.why}.", param=word)
        conversation = feature.without(conversation)
    return conversation


# -- the features -----------------------------------------------------------------------------------------------------

_DEFAULTS = Conversation(messages=())


def _parameter(title: str, *names: str) -> Feature:
    """One or more members of the request that differ from what they are when nobody asks."""
    plain = {name: getattr(_DEFAULTS, name) for name in names}
    return Feature(
        title,
        lambda c: any(getattr(c, name) != value for name, value in plain.items()),
        lambda c: msgspec.structs.replace(c, **plain),
    )


def _part(title: str, meant: Callable[[Part], bool], *, within_results: bool = False) -> Feature:
    """Parts of messages, and of tool results if `within_results`. Dropped ones leave; an empty message leaves too."""

    def inside(part: Part) -> bool:
        return within_results and isinstance(part, ToolResult) and any(map(meant, part.parts))

    def asked(c: Conversation) -> bool:
        return any(meant(part) or inside(part) for message in c.messages for part in message.parts)

    def kept(part: Part) -> Part:
        if not inside(part) or not isinstance(part, ToolResult):
            return part
        return msgspec.structs.replace(part, parts=tuple(p for p in part.parts if not meant(p)))

    def without(c: Conversation) -> Conversation:
        messages = []
        for message in c.messages:
            parts = tuple(kept(part) for part in message.parts if not meant(part))
            if parts or not message.parts:
                messages.append(msgspec.structs.replace(message, parts=parts))
        return msgspec.structs.replace(c, messages=tuple(messages))

    return Feature(title, asked, without)


def _media(kind: str, source: str) -> Callable[[Part], bool]:
    return lambda part: isinstance(part, Media) and part.kind == kind and bool(getattr(part, source))


def feature_of(media: Media) -> str:
    """Return the name of the feature that this image, file, sound or video asks for."""
    if media.kind in ("audio", "video"):
        return media.kind
    return f"{media.kind}_{'data' if media.data else 'url' if media.url else 'id'}"


def _detailed(part: Part) -> bool:
    """`auto` is what a provider does anyway."""
    inner = part.parts if isinstance(part, ToolResult) else ()
    return getattr(part, "detail", "") not in ("", "auto") or any(map(_detailed, inner))


def _plainly(part: Part) -> Part:
    if isinstance(part, ToolResult):
        return msgspec.structs.replace(part, parts=tuple(map(_plainly, part.parts)))
    return msgspec.structs.replace(part, detail="") if isinstance(part, Media) else part


def _each_message(change: Callable[[Message], Message]) -> Callable[[Conversation], Conversation]:
    return lambda c: msgspec.structs.replace(c, messages=tuple(map(change, c.messages)))


def _loose(c: Conversation) -> Conversation:
    return msgspec.structs.replace(c, tools=tuple(msgspec.structs.replace(tool, strict=None) for tool in c.tools))


def _mode(title: str, mode: str) -> Feature:
    return Feature(
        title,
        lambda c: c.tool_choice is not None and c.tool_choice.mode == mode,
        lambda c: msgspec.structs.replace(c, tool_choice=None),
    )


def _thinks(thinking: Thinking | None) -> bool:
    return thinking is not None and not thinking.off


def _marked(part: Part | Tool) -> bool:
    inner = part.parts if isinstance(part, ToolResult) else ()
    return getattr(part, "cache", None) is not None or any(map(_marked, inner))


def _unmarked(part: Part) -> Part:
    if not _marked(part):
        return part
    if isinstance(part, ToolResult):
        inner = tuple(msgspec.structs.replace(p, cache=None) for p in part.parts)
        return msgspec.structs.replace(part, cache=None, parts=inner)
    return msgspec.structs.replace(part, cache=None)


def _has_marks(c: Conversation) -> bool:
    return (
        c.cache is not None
        or any(map(_marked, c.tools))
        or any(_marked(part) for message in c.messages for part in message.parts)
    )


def _without_marks(c: Conversation) -> Conversation:
    tools = tuple(msgspec.structs.replace(tool, cache=None) for tool in c.tools)
    messages = tuple(msgspec.structs.replace(m, parts=tuple(map(_unmarked, m.parts))) for m in c.messages)
    return msgspec.structs.replace(c, tools=tools, messages=messages, cache=None)


FEATURES: dict[str, Feature] = {
    # parameters, by their names in the vocabulary
    "choices": _parameter("several choices", "choices"),
    "max_tokens": _parameter("a bound on the output", "max_tokens"),
    "temperature": _parameter("temperature", "temperature"),
    "top_p": _parameter("nucleus sampling (top-p)", "top_p"),
    "top_k": _parameter("top-k sampling", "top_k"),
    "stop": _parameter("stop sequences", "stop"),
    "seed": _parameter("a seed", "seed"),
    "frequency_penalty": _parameter("frequency penalty", "frequency_penalty"),
    "presence_penalty": _parameter("presence penalty", "presence_penalty"),
    "logit_bias": _parameter("logit bias", "logit_bias"),
    "logprobs": _parameter("log probabilities", "logprobs", "top_logprobs"),
    "verbosity": _parameter("verbosity", "verbosity"),
    "user": _parameter("the end user's id", "user"),
    "thinking": Feature(
        "reasoning: effort or budget",
        lambda c: _thinks(c.thinking),
        lambda c: msgspec.structs.replace(c, thinking=None),
    ),
    "output_json": Feature(
        "JSON output of any shape",
        lambda c: c.output is not None and c.output.schema is None,
        lambda c: msgspec.structs.replace(c, output=None),
    ),
    "output_schema": Feature(
        "JSON output by a schema",
        lambda c: c.output is not None and c.output.schema is not None,
        lambda c: msgspec.structs.replace(c, output=None),
    ),
    # tools
    "tools": Feature(
        "tools", lambda c: bool(c.tools), lambda c: msgspec.structs.replace(c, tools=(), tool_choice=None)
    ),
    "tool_strict": Feature("strict schemas of tools", lambda c: any(tool.strict for tool in c.tools), _loose),
    "tool_choice_none": _mode("tool choice: none", "none"),
    "tool_choice_required": _mode("tool choice: any tool", "required"),
    "tool_choice_named": _mode("tool choice: one tool", "named"),
    "parallel_tool_calls": Feature(
        "one tool call at a time (parallel tool calls: off)",
        lambda c: c.parallel_tool_calls is False,
        lambda c: msgspec.structs.replace(c, parallel_tool_calls=None),
    ),
    "tool_error": Feature(
        "a tool's result marked as an error",
        lambda c: any(isinstance(p, ToolResult) and p.is_error for m in c.messages for p in m.parts),
        _each_message(
            lambda m: msgspec.structs.replace(
                m,
                parts=tuple(
                    msgspec.structs.replace(p, is_error=False) if isinstance(p, ToolResult) else p for p in m.parts
                ),
            )
        ),
    ),
    # content; first where media stand, then which they are: what is dropped is not refused
    "tool_media": Feature(
        "images and files in tools' results",
        lambda c: any(isinstance(q, Media) for m in c.messages for p in m.parts for q in getattr(p, "parts", ())),
        _each_message(
            lambda m: msgspec.structs.replace(
                m,
                parts=tuple(
                    msgspec.structs.replace(p, parts=tuple(q for q in p.parts if isinstance(q, Text)))
                    if isinstance(p, ToolResult)
                    else p
                    for p in m.parts
                ),
            )
        ),
    ),
    "image_data": _part("images, inline", _media("image", "data"), within_results=True),
    "image_url": _part("images, by URL", _media("image", "url"), within_results=True),
    "image_id": _part("images, by file id", _media("image", "file_id"), within_results=True),
    "file_data": _part("files, inline", _media("file", "data"), within_results=True),
    "file_url": _part("files, by URL", _media("file", "url"), within_results=True),
    "file_id": _part("files, by id", _media("file", "file_id"), within_results=True),
    "image_detail": Feature(
        "how closely to look at an image (`detail`)",
        lambda c: any(_detailed(p) for m in c.messages for p in m.parts),
        _each_message(lambda m: msgspec.structs.replace(m, parts=tuple(map(_plainly, m.parts)))),
    ),
    "audio": _part("sound", lambda p: isinstance(p, Media) and p.kind == "audio", within_results=True),
    "video": _part("video", lambda p: isinstance(p, Media) and p.kind == "video", within_results=True),
    "refusals": _part("refusals in the history", lambda p: isinstance(p, Refusal)),
    "reasoning_text": _part(
        "reasoning in the history, without a seal", lambda p: isinstance(p, Reasoning) and p.seal is None
    ),
    "citations": Feature(
        "citations in the history",
        lambda c: any(isinstance(p, Text) and p.citations for m in c.messages for p in m.parts),
        _each_message(
            lambda m: msgspec.structs.replace(
                m,
                parts=tuple(msgspec.structs.replace(p, citations=()) if isinstance(p, Text) else p for p in m.parts),
            )
        ),
    ),
    "participant": Feature(
        "names of participants",
        lambda c: any(m.name for m in c.messages),
        _each_message(lambda m: msgspec.structs.replace(m, name="")),
    ),
    "cache": Feature("cache marks", _has_marks, _without_marks),
}
"""Every feature, in the order of the table. A dialect's table names them all (a test holds it to that)."""


def own_seals(message: Message, origin: str) -> tuple[Part, ...]:
    """Return a message's parts without the seals of other providers: they mean nothing to this one. The text of
    foreign reasoning stays, unsealed."""
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, Reasoning) and part.seal is not None and part.seal.origin != origin:
            if part.text:
                parts.append(Reasoning(part.text))
        else:
            parts.append(part)
    return tuple(parts)

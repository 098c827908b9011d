"""How many tokens a conversation has, roughly, for providers that cannot be asked.

No tokenizer is asked either: each model has its own, and none may be fetched. What the counts rest on is in the
constants below; they lean to more rather than less, for clients use them to stay within a bound. Expect 15 % for
English and code, 30 % for other scripts, and more where images and files are all there is.

Cost: O(n) up to SAMPLED_CHARS of one text; a longer one is judged by samples of it, and counts for no less than its
length allows, whatever stands where the samples are. Deterministic.
"""

import math
import re

import msgspec

from sluice.chat.content import Media, Message, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, Tool
from sluice.chat.seal import Reasoning
from sluice.dialects.reading import UNREADABLE
from sluice.operations.media_size import pixels
from sluice.wire.json_values import at_most_values, count_values

PER_REQUEST = 3
PER_MESSAGE = 4
"""A role and the marks around it."""
PER_TOOL = 10
"""The words around a tool's name, description and schema."""
PER_CALL = 8
"""The marks around a tool call or its result."""
PER_LETTER = 0.4
"""Tokens of a letter that is not ASCII: Cyrillic, Greek, Arabic, accents."""
PER_IDEOGRAPH = 1.1
"""Tokens of a character of Chinese, Japanese or Korean."""
PER_SYMBOL = 2.0
"""Tokens of an arrow, a box or an emoji."""

PIXELS_PER_TOKEN = 750
MAX_IMAGE = 1600
"""Tokens of an image: its pixels, shrunk first as Anthropic does (docs.claude.com/en/docs/build-with-claude/vision,
read 2026-11-21). An image whose size cannot be seen, as one by URL, counts for the most."""
LOW_DETAIL = 85
PDF_BYTES_PER_TOKEN = 30
"""Of base64. Pages cannot be seen without unpacking them: some 75 KB and 2,000 to 3,000 tokens each."""
AUDIO_BYTES_PER_TOKEN = 650
"""Of base64: 32 tokens a second, at 128 kbit/s."""
VIDEO_BYTES_PER_TOKEN = 650
UNSEEN = 1600
"""A file by URL or by id, of any size."""

SAMPLED_CHARS = 1 << 16
"""A longer text is judged by SAMPLES pieces of it that are as long together."""
SAMPLES = 64
BYTES_PER_TOKEN = 6
"""At most, of a long text's UTF-8 without blanks: the most that a token has where it is looked at (`_ASCII`)."""
BLANKS = b" \t\r\n"
BLANKS_PER_TOKEN = 16

MAX_VALUES = 50_000
"""A member of the body that holds more is judged as one text, or if there is none in it, as so many tokens: what is
given for embeddings may be lists of them."""

_ASCII = re.compile(
    r"[A-Za-z]{1,6}|[0-9]{1,3}|[!-/:-@\[-`{-~]{1,2}|(?:\r?\n){1,16}[ \t]{0,16}|[ \t]{2,16}|[\x00-\t\v-\x1f\x7f]"
)
"""Each match is a token: common words are one, long ones several, `();` two; a single space belongs to the word after
it, a run of them is one, and so is a line's end with what the next one is indented by."""
_BASE64 = re.compile(r"(?:data:[^,]{0,256},)?[A-Za-z0-9+/_-]+={0,2}\s*")
DATA_CHARS = 4096
_OF_TEXTS = frozenset(
    ["text", "content", "input", "output", "instructions", "system", "prompt", "arguments", "thinking"]
)
"""Members that models read as they are: base64 there is a text like any other."""
_IDEOGRAPHS = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_SYMBOLS = re.compile(r"[\u2190-\u2bff\U0001f000-\U0001faff]")


def text_tokens(text: str) -> int:
    """Return a text's tokens, roughly; 0 for an empty one."""
    if len(text) <= SAMPLED_CHARS:
        return math.ceil(_judge(text))
    size = SAMPLED_CHARS // SAMPLES
    step = (len(text) - size) / (SAMPLES - 1)
    seen = sum(_judge(text[int(at * step) : int(at * step) + size]) for at in range(SAMPLES))
    return max(math.ceil(seen * len(text) / (size * SAMPLES)), _least(text))


def _least(text: str) -> int:
    """How few tokens a text of this length may have. Where the samples are is known: they may say nothing."""
    data = text.encode("utf-8", "surrogatepass")
    inked = len(data.translate(None, BLANKS))
    return inked // BYTES_PER_TOKEN + (len(data) - inked) // BLANKS_PER_TOKEN


def _judge(text: str) -> float:
    tokens = float(len(_ASCII.findall(text)))
    if text.isascii():
        return tokens
    others = len(text) - len(text.encode("ascii", "ignore"))
    ideographs, symbols = len(_IDEOGRAPHS.findall(text)), len(_SYMBOLS.findall(text))
    letters = others - ideographs - symbols
    return tokens + ideographs * PER_IDEOGRAPH + symbols * PER_SYMBOL + letters * PER_LETTER


def conversation_tokens(conversation: Conversation) -> int:
    """Return a request's tokens, roughly: messages, tools, and the schema of the answer."""
    tokens = PER_REQUEST + sum(map(_message, conversation.messages)) + sum(map(_tool, conversation.tools))
    if conversation.output is not None and conversation.output.schema is not None:
        tokens += _json(conversation.output.schema)
    return tokens


def members_tokens(members: dict[str, msgspec.Raw]) -> int:
    """Return the tokens of a request that only its provider understands: of all its texts, names and numbers.

    Long base64 is taken for data, and counts as an image, unless it stands where texts do.
    """
    return PER_REQUEST + sum(_value(name, raw) for name, raw in members.items())


def _message(message: Message) -> int:
    return PER_MESSAGE + sum(map(_part, message.parts)) + text_tokens(message.name)


def _part(part: Part) -> int:
    match part:
        case Text() | Refusal() | Reasoning():
            return text_tokens(part.text)
        case Media():
            return _media(part)
        case ToolUse():
            return PER_CALL + text_tokens(part.name) + text_tokens(part.arguments)
        case ToolResult():
            return PER_CALL + sum(map(_part, part.parts))


def _tool(tool: Tool) -> int:
    schema = 0 if tool.parameters is None else _json(tool.parameters)
    return PER_TOOL + text_tokens(tool.name) + text_tokens(tool.description) + schema


def _json(raw: msgspec.Raw) -> int:
    return text_tokens(bytes(raw).decode("utf-8", "replace"))


def _media(media: Media) -> int:
    size = len(media.data)
    match media.kind:
        case "image":
            if media.detail == "low":
                return LOW_DETAIL
            return _image(pixels(media.data)) if media.data else MAX_IMAGE
        case "audio":
            return -(-size // AUDIO_BYTES_PER_TOKEN) if size else UNSEEN
        case "video":
            return -(-size // VIDEO_BYTES_PER_TOKEN) if size else UNSEEN
        case "file":
            if media.media_type.startswith("text/"):
                return -(-size // 5)  # base64 of texts: 4 characters for 3, some 4 to a token
            return -(-size // PDF_BYTES_PER_TOKEN) if size else UNSEEN


def _image(size: tuple[int, int] | None) -> int:
    if size is None:
        return MAX_IMAGE
    width, height = size
    shrink = min(1.0, 1568 / max(width, height, 1))
    return max(1, min(MAX_IMAGE, math.ceil(width * height * shrink * shrink / PIXELS_PER_TOKEN)))


def _value(name: str, raw: msgspec.Raw) -> int:
    if not at_most_values(bytes(raw), MAX_VALUES) and count_values(bytes(raw), MAX_VALUES) > MAX_VALUES:
        return _json(raw) if b'"' in bytes(raw) else bytes(raw).count(b",") + 1
    try:
        found: object = msgspec.json.decode(raw)
    except UNREADABLE:
        return _json(raw)
    tokens, left = 0, [(name, found)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            tokens += sum(map(text_tokens, value))
            left += value.items()
        elif isinstance(value, list):
            left += [(place, each) for each in value]
        elif isinstance(value, str):
            tokens += MAX_IMAGE if _is_data(place, value) else text_tokens(value)
        elif value is not None:
            tokens += 1
    return tokens


def _is_data(place: str, text: str) -> bool:
    return len(text) > DATA_CHARS and place not in _OF_TEXTS and _BASE64.fullmatch(text) is not None

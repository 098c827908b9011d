"""The JSON of Bedrock's Converse and ConverseStream, as far as Sluice reads it. Unknown members are skipped.

Source: the service's own model, `bedrock-runtime` 2023-09-30, as botocore ships it (read 2026-11-21).
"""

import msgspec

from sluice.chat.content import Citation
from sluice.chat.usage import Usage, believed
from sluice.dialects.reading import ABSENT

MODULE_ID = "dialect.bedrock_converse"
"""Also the origin of the seals that come from here: Bedrock's signatures are not those of the model's own vendor."""


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    """A JSON object of the API."""


class ToolUseDelta(_Wire):
    input: str | None = None


class ReasoningDelta(_Wire):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None
    """Base64."""


class Words(_Wire):
    """An element of `sourceContent`, or of a `citationsContent`."""

    text: str | None = None


class WebLocation(_Wire):
    url: str | None = None


class DocumentLocation(_Wire):
    """By characters, pages or chunks: Sluice only asks which document."""

    document_index: int | None = None


class Location(_Wire):
    web: WebLocation | None = None
    document_char: DocumentLocation | None = None
    document_page: DocumentLocation | None = None
    document_chunk: DocumentLocation | None = None


class WireCitation(_Wire):
    title: str | None = None
    source: str | None = None
    source_content: list[Words] | None = None
    location: Location | None = None


class Delta(_Wire):
    """A union: one member is there."""

    text: str | None = None
    tool_use: ToolUseDelta | None = None
    reasoning_content: ReasoningDelta | None = None
    citation: WireCitation | None = None


class BlockDelta(_Wire):
    """`contentBlockDelta`."""

    content_block_index: int = 0
    delta: Delta | None = None


class RawBlockDelta(_Wire):
    """The same, for the name of a member that `Delta` does not have."""

    delta: dict[str, msgspec.Raw] | None = None


class ToolUse(_Wire):
    """`start.toolUse`, where there is no input yet, and a whole block of an answer."""

    tool_use_id: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT
    type: str | None = None
    """`server_tool_use` for a tool that the provider runs itself."""


class MessageStart(_Wire):
    role: str | None = None


class BlockStart(_Wire):
    """`contentBlockStart`. Blocks of text have none."""

    content_block_index: int = 0
    start: dict[str, msgspec.Raw] | None = None


class BlockStop(_Wire):
    content_block_index: int = 0


class ModelFields(_Wire, rename=None):
    """`additionalModelResponseFields`: what `request` asked for of the model's own answer."""

    stop_sequence: str | None = None


class MessageStop(_Wire):
    stop_reason: str | None = None
    additional_model_response_fields: ModelFields | None = None


class WireUsage(_Wire):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None


class Metadata(_Wire):
    usage: WireUsage | None = None


class ReasoningText(_Wire):
    text: str | None = None
    signature: str | None = None


class ReasoningBlock(_Wire):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class CitationsBlock(_Wire):
    content: list[Words] | None = None
    citations: list[WireCitation] | None = None


class WholeMessage(_Wire):
    content: list[dict[str, msgspec.Raw]]
    """Unions: each block has one member, named like its kind."""


class Output(_Wire):
    message: WholeMessage | None = None


class Whole(MessageStop):
    """The body of an answer that was not streamed, or of an error that came with status 200."""

    output: Output | None = None
    usage: WireUsage | None = None


def read_usage(usage: WireUsage) -> Usage:
    """Bedrock counts cached tokens apart from the input."""
    read, written = usage.cache_read_input_tokens or 0, usage.cache_write_input_tokens or 0
    return believed(
        Usage(
            input_tokens=(usage.input_tokens or 0) + read + written,
            output_tokens=usage.output_tokens or 0,
            cache_read_tokens=read,
            cache_write_tokens=written,
        )
    )


def read_citation(wire: WireCitation) -> Citation:
    """The positions that Bedrock tells are those in the source, which the vocabulary does not ask for."""
    place = wire.location or Location()
    document = place.document_char or place.document_page or place.document_chunk or DocumentLocation()
    source = wire.source or ""
    url = (place.web.url if place.web else None) or (source if source.startswith(("http://", "https://")) else "")
    return Citation(
        url=url,
        title=wire.title or "",
        quote="".join(words.text or "" for words in wire.source_content or ()),
        document=-1 if document.document_index is None else document.document_index,
    )

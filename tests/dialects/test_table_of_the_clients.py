"""The dialects' tables against the official clients' types: what a client can be made to send has a row."""

import importlib
from collections.abc import Iterator

import pytest

from sluice.dialects.dialect import Dialect
from sluice.standard import STANDARD

_MESSAGES = "anthropic.types.beta"
_RESPONSES = "openai.types.responses"
_ITEMS = "openai.types.responses.response_input_param"
_CHAT = "openai.types.chat"
_SHARED = "openai.types.shared_params"

TYPES = {
    "anthropic_messages": {
        "messages[].content[]": (
            _MESSAGES,
            (
                "BetaTextBlockParam BetaImageBlockParam BetaRequestDocumentBlockParam BetaSearchResultBlockParam "
                "BetaThinkingBlockParam BetaRedactedThinkingBlockParam BetaToolUseBlockParam BetaToolResultBlockParam "
                "BetaToolReferenceBlockParam BetaCompactionBlockParam"
            ),
        ),
        "messages[].content[].source": (
            _MESSAGES,
            (
                "BetaBase64ImageSourceParam BetaURLImageSourceParam BetaPlainTextSourceParam "
                "BetaContentBlockSourceParam BetaBase64PDFSourceParam BetaURLPDFSourceParam "
                "BetaFileDocumentSourceParam BetaFileImageSourceParam"
            ),
        ),
        "messages[]": (_MESSAGES, "BetaUserMessageParam BetaSystemMessageParam"),
        "tools[]": (_MESSAGES, "BetaToolParam"),
        "tool_choice": (_MESSAGES, "BetaToolChoiceToolParam BetaToolChoiceAutoParam BetaToolChoiceNoneParam"),
        "thinking": (_MESSAGES, "BetaThinkingConfigEnabledParam BetaThinkingConfigAdaptiveParam"),
        "output_config": (_MESSAGES, "BetaOutputConfigParam"),
        "output_config.format": (_MESSAGES, "BetaJSONOutputFormatParam"),
        "metadata": (_MESSAGES, "BetaMetadataParam"),
        "cache_control": (_MESSAGES, "BetaCacheControlEphemeralParam"),
    },
    "openai_responses": {
        "input[]": (_RESPONSES, "EasyInputMessageParam ResponseCustomToolCallOutputParam"),
        "input[].content[]": (
            _RESPONSES,
            (
                "ResponseInputTextParam ResponseInputImageParam ResponseInputFileParam ResponseOutputTextParam "
                "ResponseOutputRefusalParam ResponseComputerToolCallOutputScreenshotParam"
            ),
        ),
        "tools[]": (_RESPONSES, "FunctionToolParam CustomToolParam NamespaceToolParam"),
        "text": (_RESPONSES, "ResponseTextConfigParam"),
        "text.format": (_RESPONSES, "ResponseFormatTextJSONSchemaConfigParam"),
        "reasoning": (_SHARED, "Reasoning"),
    },
    "openai_chat": {
        "messages[]": (
            _CHAT,
            (
                "ChatCompletionUserMessageParam ChatCompletionSystemMessageParam ChatCompletionDeveloperMessageParam "
                "ChatCompletionAssistantMessageParam ChatCompletionToolMessageParam ChatCompletionFunctionMessageParam"
            ),
        ),
        "messages[].content[]": (
            _CHAT,
            (
                "ChatCompletionContentPartTextParam ChatCompletionContentPartImageParam "
                "ChatCompletionContentPartInputAudioParam ChatCompletionContentPartRefusalParam"
            ),
        ),
        "tools[]": (_CHAT, "ChatCompletionFunctionToolParam"),
        "tools[].function": (_SHARED, "FunctionDefinition"),
        "response_format": (_SHARED, "ResponseFormatJSONSchema"),
        "tool_choice": (_CHAT, "ChatCompletionNamedToolChoiceParam ChatCompletionAllowedToolChoiceParam"),
        "stream_options": (_CHAT, "ChatCompletionStreamOptionsParam"),
    },
}


def rows() -> Iterator[tuple[str, str, str, str]]:
    for dialect, places in TYPES.items():
        for row, (module, names) in places.items():
            yield from ((dialect, row, module, name) for name in names.split())


def items() -> Iterator[tuple[str, str, str, str]]:
    for kind in ("FunctionCall", "ComputerCall", "LocalShellCall", "ShellCall", "ApplyPatchCall"):
        yield "openai_responses", "input[]", _ITEMS, f"{kind}Output"


@pytest.mark.parametrize(("dialect", "row", "module", "name"), [*rows(), *items()])
def test_every_member_that_the_official_client_knows_has_a_row(dialect: str, row: str, module: str, name: str) -> None:
    fields = STANDARD.get(f"dialect.{dialect}", Dialect).facts.fields  # type: ignore[type-abstract]
    members = getattr(importlib.import_module(module), name).__annotations__
    assert members
    assert [member for member in members if f"{row}.{member}" not in fields] == []

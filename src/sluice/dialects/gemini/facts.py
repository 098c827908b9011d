"""The tables of the Gemini dialect: what becomes of each member of a client's request, and what a Gemini model can be
asked by clients of other dialects."""

from sluice.chat.carry import CARRIED, Carry, carried, dropped, refused
from sluice.dialects.dialect import Facts, Field, Shape
from sluice.dialects.gemini.schema import FINISH_READ, FINISH_WRITTEN


def _read(feature: str = "", why: str = "") -> Field:
    return Field("read", why, feature)


def _dropped(why: str) -> Field:
    return Field("dropped", why)


def _refused(why: str) -> Field:
    return Field("refused", why)


_GOOGLES = "a tool that Google runs itself; no other provider can"
_TOOLS = (
    "googleSearch",
    "googleSearchRetrieval",
    "googleMaps",
    "codeExecution",
    "urlContext",
    "enterpriseWebSearch",
    "retrieval",
    "fileSearch",
    "computerUse",
    "mcpServers",
    "parallelAiSearch",
    "exaAiSearch",
)
_TOPS = {
    "contents": _read(),
    "systemInstruction": _read(),
    "tools": _read("tools"),
    "toolConfig": _read(),
    "generationConfig": _read(),
    "safetySettings": _dropped("other providers have no thresholds to set"),
    "labels": _dropped("billing labels of Google's"),
    "serviceTier": _dropped("a service class of Google's"),
    "store": _dropped("Google's own storage"),
    "model": _dropped("the address names the model"),
    "stream": _dropped("the address says whether to stream"),
    "cachedContent": _refused("it is a prefix of the prompt that only Google holds"),
    "modelArmorConfig": _refused("guards of Google's cannot be had elsewhere"),
}
_GENERATION = {
    "temperature": _read("temperature"),
    "topP": _read("top_p"),
    "topK": _read("top_k"),
    "maxOutputTokens": _read("max_tokens"),
    "stopSequences": _read("stop"),
    "candidateCount": _read("choices"),
    "seed": _read("seed"),
    "presencePenalty": _read("presence_penalty"),
    "frequencyPenalty": _read("frequency_penalty"),
    "responseMimeType": _read("output_json", "`application/json` or `text/plain`; others are refused"),
    "responseSchema": _read("output_schema", "as a JSON schema"),
    "responseJsonSchema": _read("output_schema"),
    "responseLogprobs": _read("logprobs"),
    "logprobs": _read("logprobs"),
    "thinkingConfig": _read("thinking"),
    "responseModalities": _read("", "`TEXT`; others are refused"),
    "mediaResolution": _dropped("other providers choose the resolution themselves"),
    "audioTimestamp": _dropped("a detail of how Google reads sound"),
    "routingConfig": _dropped("Google's own choice of models"),
    "modelSelectionConfig": _dropped("Google's own choice of models"),
    "enableEnhancedCivicAnswers": _dropped("a feature of Google's"),
    "enableAffectiveDialog": _dropped("a feature of Google's live API"),
    "speechConfig": _refused("the vocabulary has no spoken answers"),
    "imageConfig": _refused("the vocabulary has no drawn answers"),
    "responseFormat": _refused("use responseMimeType and responseJsonSchema"),
    "translationConfig": _refused("a task of Google's own"),
    "audioTranscriptionConfig": _refused("a task of Google's own"),
    "continuationToken": _refused("it is an answer that only Google holds"),
}
_PARTS = {
    "text": _read(),
    "thought": _read("reasoning_text"),
    "thoughtSignature": _read(),
    "inlineData": _read("image_data"),
    "fileData": _read("image_url"),
    "inlineData.displayName": _read("file_data", "the name of a file; that of anything else is left out"),
    "fileData.displayName": _read("file_url", "the name of a file; that of anything else is left out"),
    "functionCall": _read(),
    "functionResponse": _read(),
    "executableCode": _dropped(_GOOGLES),
    "codeExecutionResult": _dropped(_GOOGLES),
    "toolCall": _dropped(_GOOGLES),
    "toolResponse": _dropped(_GOOGLES),
    "videoMetadata": _dropped("other providers take no clip of a video"),
    "mediaResolution": _dropped("other providers choose the resolution themselves"),
    "mediaProcessing": _dropped("other providers choose the processing themselves"),
    "partMetadata": _dropped("the client's own remark"),
    "audioTranscription": _dropped("written by Google"),
    "speechMetadata": _dropped("a detail of Google's speech"),
    "documentMetadata": _dropped("a detail of how Google reads documents"),
    "spreadsheetMetadata": _dropped("a detail of how Google reads documents"),
    "audioMetadata": _dropped("a detail of how Google reads sound"),
}
_DECLARATION = {
    "name": _read(),
    "description": _read(),
    "parameters": _read("tools", "as a JSON schema"),
    "parametersJsonSchema": _read("tools"),
    "response": _dropped("other providers take no schema of a tool's results"),
    "responseJsonSchema": _dropped("other providers take no schema of a tool's results"),
    "behavior": _dropped("of Google's live API"),
}
_CALLING = {
    "mode": _read("tool_choice_required", "`VALIDATED` counts as `AUTO`"),
    "allowedFunctionNames": _read("tool_choice_named", "several names leave the other tools out"),
    "streamFunctionCallArguments": _dropped("calls are written whole"),
}

FIELDS = {
    **_TOPS,
    **{f"generationConfig.{name}": field for name, field in _GENERATION.items()},
    **{f"contents[].parts[].{name}": field for name, field in _PARTS.items()},
    "tools[].functionDeclarations": _read("tools"),
    **{f"tools[].functionDeclarations[].{name}": field for name, field in _DECLARATION.items()},
    **{f"tools[].{name}": _dropped(_GOOGLES) for name in _TOOLS},
    "toolConfig.functionCallingConfig": _read(),
    **{f"toolConfig.functionCallingConfig.{name}": field for name, field in _CALLING.items()},
    "toolConfig.retrievalConfig": _dropped(_GOOGLES),
    "toolConfig.includeServerSideToolInvocations": _dropped(_GOOGLES),
}
"""A dotted name is a member of a member; `[]` stands for each element of a list."""

CARRIES: dict[str, Carry] = {
    "choices": carried("as `candidateCount`"),
    "max_tokens": carried("as `maxOutputTokens`"),
    "temperature": CARRIED,
    "top_p": CARRIED,
    "top_k": CARRIED,
    "stop": carried("as `stopSequences`; more than five are refused"),
    "seed": CARRIED,
    "frequency_penalty": CARRIED,
    "presence_penalty": CARRIED,
    "logit_bias": refused("Gemini cannot bias single tokens"),
    "logprobs": carried("as `responseLogprobs` and `logprobs`"),
    "verbosity": dropped("Gemini has no such setting"),
    "user": dropped("Gemini has no such member"),
    "thinking": carried("as `thinkingBudget`; as `thinkingLevel` `low` or `high` for gemini-3 and later"),
    "output_json": carried("as `responseMimeType`"),
    "output_schema": carried("as `responseJsonSchema`; the schema's `name`, `description` and `strict` are left out"),
    "tools": carried("as `parametersJsonSchema`"),
    "tool_strict": dropped("Gemini has no such mark"),
    "tool_choice_none": carried("mode `NONE`"),
    "tool_choice_required": carried("mode `ANY`"),
    "tool_choice_named": carried("mode `ANY` and `allowedFunctionNames`"),
    "parallel_tool_calls": dropped("Gemini decides for itself"),
    "tool_error": carried('as `{"error": ...}`'),
    "image_data": carried("as `inlineData`"),
    "image_url": carried("as `fileData`: Google fetches it; its type is told by the end of its path, if at all"),
    "image_id": carried("as `fileData`, if the id is a `gs://` or `files/` name"),
    "file_data": carried("as `inlineData`, without its name"),
    "file_url": carried(
        "as `fileData`, without its name: Google fetches it; its type is told by the end of its path, if at all"
    ),
    "file_id": carried("as `fileData`, without its name, if the id is a `gs://` or `files/` name"),
    "image_detail": dropped("Gemini has a scale of its own; the model decides"),
    "audio": carried("as `inlineData` or `fileData`"),
    "video": carried("as `inlineData` or `fileData`"),
    "tool_media": carried("in `functionResponse.parts` for gemini-3 and later, beside the result for others"),
    "refusals": carried("as text"),
    "reasoning_text": dropped("Gemini takes back no reasoning but its own, with its signature"),
    "citations": dropped("Gemini takes none back"),
    "participant": dropped("Gemini has no names of participants"),
    "cache": dropped("Gemini caches prefixes by itself"),
}

FACTS = Facts(
    title="Gemini generateContent",
    source="ai.google.dev/api/generate-content, cloud.google.com/vertex-ai/docs/reference/rest (GenerateContent) "
    "and the types of google-genai 3.4, read 2026-11-21",
    fields=FIELDS,
    carries=CARRIES,
    finish_read=FINISH_READ,
    finish_written=FINISH_WRITTEN,
    shape=Shape(refusals_are_text=True),
    keep_alive=b"\n",
)

WORDS: dict[str, str] = {
    **{field.feature: name for name, field in reversed(FIELDS.items()) if field.feature},
    "tool_choice_none": "toolConfig.functionCallingConfig.mode",
    "tool_error": "contents[].parts[].functionResponse",
    "tool_media": "contents[].parts[].functionResponse.parts",
    "image_id": "contents[].parts[].fileData",
    "file_data": "contents[].parts[].inlineData",
    "file_url": "contents[].parts[].fileData",
    "file_id": "contents[].parts[].fileData",
    "audio": "contents[].parts[].inlineData",
    "video": "contents[].parts[].inlineData",
}
"""What Gemini's clients call a feature."""

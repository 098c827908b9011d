"""Which address of the fake provider is which vendor's, in which form, and which key it demands. Pure.

A prefix does not matter where the end of the path says enough, for OpenAI-compatible vendors have many: `/v1`,
`/openai/v1`, `/inference/v1`, `/v1beta/openai`, `/v1/projects/.../endpoints/openapi`. Sources, read 2026-11-21: the
vendors' API references and the paths that their official clients call.
"""

import hmac
import re
from typing import Literal
from urllib.parse import parse_qs, unquote

import msgspec

from sluice.gateway.ports import Request
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_voice import Form

Vendor = Literal["openai", "messages", "responses", "gemini", "converse"]
DIALECTS: dict[Vendor, str] = {
    "openai": "chat",
    "messages": "messages",
    "responses": "responses",
    "gemini": "gemini",
    "converse": "converse",
}
"""What those who look on call them."""
Action = Literal["generate", "count", "models", "model", "embeddings", "rerank", "none"]


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """One address."""

    vendor: Vendor
    """Whose errors it gives."""
    action: Action
    model: str = ""
    """As the path names it; empty = the body does."""
    stream: bool | None = None
    """As the path says; None = the body does."""
    form: Form = ""
    call: str = ""
    """The method's name in the path, for what has several (`:embedContent`, `:predict`)."""

    @property
    def method(self) -> str:
        return "GET" if self.action in ("models", "model") else "POST"


_CONVERSE = re.compile(r"^.*/model/(?P<model>[^/]+)/(?P<call>converse|converse-stream|count-tokens|invoke)$")
_CLAUDE = re.compile(r"^.*/publishers/anthropic/models/(?P<model>[^/:]+):(?P<call>rawPredict|streamRawPredict)$")
_GEMINI = re.compile(
    r"^(?P<root>.*)/(?:models|tunedModels|endpoints)/(?P<model>[^/:]+):(?P<call>generateContent|streamGenerateContent"
    r"|countTokens|embedContent|batchEmbedContents|predict)$"
)
_DEPLOYMENT = re.compile(r"^.*/openai/deployments/(?P<model>[^/]+)/(?P<call>chat/completions|embeddings)$")
_RANK = re.compile(r"^.*/rankingConfigs/[^/:]+:rank$")
_MODELS = re.compile(r"^(?P<root>.*)/models(?:/(?P<model>[^:]+))?$")
_ENDINGS: tuple[tuple[str, Vendor, Action], ...] = (
    ("/chat/completions", "openai", "generate"),
    ("/responses", "responses", "generate"),
    ("/responses/input_tokens", "responses", "count"),
    ("/messages", "messages", "generate"),
    ("/messages/count_tokens", "messages", "count"),
    ("/embeddings", "openai", "embeddings"),
    ("/rerank", "openai", "rerank"),
)
_GEMINI_ACTIONS: dict[str, Action] = {
    "generateContent": "generate",
    "streamGenerateContent": "generate",
    "countTokens": "count",
}
_CONVERSE_ACTIONS: dict[str, Action] = {"count-tokens": "count", "invoke": "embeddings"}


def find(request: Request) -> Door:
    """Return the door that a request has come to; its action is `none` if there is nothing behind it."""
    path = request.path
    if match := _CONVERSE.match(path):
        call = match["call"]
        model = unquote(match["model"])
        action = _CONVERSE_ACTIONS.get(call, "generate")
        return Door(vendor="converse", action=action, model=model, stream=call == "converse-stream", call=call)
    if match := _CLAUDE.match(path):
        if match["model"] == "count-tokens":
            return Door(vendor="messages", action="count", form="vertex")
        streams = match["call"] == "streamRawPredict"
        return Door(vendor="messages", action="generate", model=unquote(match["model"]), stream=streams, form="vertex")
    if match := _GEMINI.match(path):
        return _gemini(match, request)
    if match := _DEPLOYMENT.match(path):
        action = "embeddings" if match["call"] == "embeddings" else "generate"
        return Door(vendor="openai", action=action, model=unquote(match["model"]), form="azure")
    if _RANK.match(path):
        return Door(vendor="gemini", action="rerank", form="vertex")
    if path == "/rerank" and b'"rerankingConfiguration"' in request.body:
        return Door(vendor="converse", action="rerank")
    for ending, vendor, action in _ENDINGS:
        if path.endswith(ending):
            return Door(vendor=vendor, action=action)
    if match := _MODELS.match(path):
        vendor = _lister(match["root"], request)
        return Door(vendor=vendor, action="model" if match["model"] else "models", model=unquote(match["model"] or ""))
    return Door(vendor=_stranger(request), action="none")


def dialect_of(request: Request) -> str:
    """Return what those who look on call the dialect of an address."""
    return DIALECTS[find(request).vendor]


def _gemini(match: re.Match[str], request: Request) -> Door:
    call = match["call"]
    vertex = "/publishers/" in match["root"] + "/" or "/projects/" in match["root"]
    streams = call == "streamGenerateContent"
    array = streams and "sse" not in parse_qs(request.query).get("alt", [])
    return Door(
        vendor="gemini",
        action=_GEMINI_ACTIONS.get(call, "embeddings"),
        model=unquote(match["model"]),
        stream=streams,
        form="array" if array else "vertex" if vertex else "",
        call=call,
    )


def _lister(root: str, request: Request) -> Vendor:
    """Whose list of models is asked for: the path says it, or the headers of the vendor's client do."""
    if root.endswith("/openai") or "/openai/" in root:
        return "openai"
    if root.endswith(("/v1beta", "/v1beta1", "/publishers/google")) or request.header(b"x-goog-api-key") is not None:
        return "gemini"
    return "messages" if request.header(b"anthropic-version") is not None else "openai"


def _stranger(request: Request) -> Vendor:
    """Who says that there is nothing here."""
    if request.path.startswith("/model/"):
        return "converse"
    if request.header(b"anthropic-version") is not None:
        return "messages"
    return "gemini" if request.path.startswith(("/v1beta/", "/v1beta1/")) else "openai"


# -- keys -------------------------------------------------------------------------------------------------------------


def check_key(request: Request, door: Door, key: str) -> None:
    """Check that the request has the key, in a header of the vendor's.

    Raises:
        Refusal: 401, 403, or 400 where the vendor says so; there is none, or another one.
    """
    if not key:
        return
    if door.vendor == "converse" and _is_signed(request):
        return  # whose signature it is cannot be seen without the secret
    given = _given(request, door)
    if not given:
        raise _no_key(request, door)
    if not hmac.compare_digest(given.encode(), key.encode()):
        raise _wrong_key(door, given)


_HEADERS: dict[Vendor, tuple[bytes, ...]] = {"messages": (b"x-api-key",), "gemini": (b"x-goog-api-key",)}


def _given(request: Request, door: Door) -> str:
    headers = _HEADERS.get(door.vendor, ())
    if "/v1beta/openai/" in request.path:
        headers = (b"x-goog-api-key",)
    elif door.form == "azure" or (door.vendor in ("openai", "responses") and "/openai/" in request.path):
        headers = (b"api-key",)
    for name in headers:
        if found := request.header(name):
            return found
    scheme, _, token = (request.header(b"authorization") or "").partition(" ")
    if door.vendor == "gemini" and door.form != "vertex" and "/projects/" not in request.path:
        return ""
    return token if scheme.lower() == "bearer" else ""


_SIGNED = re.compile(
    r"^AWS4-HMAC-SHA256 Credential=[^/,]+/\d{8}/[a-z0-9-]+/bedrock/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), ?Signature=[0-9a-f]{64}$"
)


def _is_signed(request: Request) -> bool:
    match = _SIGNED.match(request.header(b"authorization") or "")
    if match is None or request.header(b"x-amz-date") is None:
        return False
    return {"host", "x-amz-date"} <= set(match["headers"].split(";"))


_AZURE_KEY = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
_KEYS = "You can find your API key at https://platform.openai.com/account/api-keys."
_NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the "
    "API from your browser and are prompted for a username and password. You can obtain an API key from "
    "https://platform.openai.com/account/api-keys."
)
_GOOGLE_NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)


def _no_key(request: Request, door: Door) -> Refusal:
    match door.vendor:
        case "messages":
            return Refusal(401, "x-api-key header is required")
        case "gemini":
            return Refusal(403, _GOOGLE_NO_KEY)
        case "converse":
            if request.header(b"authorization"):
                return Refusal(403, "The security token included in the request is invalid.", code="UnrecognizedClient")
            return Refusal(403, "Missing Authentication Token", code="MissingAuthenticationToken")
    return Refusal(401, _AZURE_KEY, code="401") if door.form == "azure" else Refusal(401, _NO_KEY)


def _wrong_key(door: Door, given: str) -> Refusal:
    match door.vendor:
        case "messages":
            return Refusal(401, "invalid x-api-key")
        case "gemini":
            return Refusal(400, "API key not valid. Please pass a valid API key.", code="API_KEY_INVALID")
        case "converse":
            return Refusal(403, "The security token included in the request is invalid.", code="UnrecognizedClient")
    if door.form == "azure":
        return Refusal(401, _AZURE_KEY, code="401")
    shown = f"{given[:8]}***{given[-4:]}" if len(given) > 16 else "***"
    return Refusal(401, f"Incorrect API key provided: {shown}. {_KEYS}", code="invalid_api_key")

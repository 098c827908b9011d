"""A provider that an operator describes: which formats it speaks, and where. Obeys: compat-agentgateway 1.1 and 2.2."""

from collections.abc import Iterable

from sluice.providers.provider import Provider, Served

CUSTOM = Provider(key="custom", telemetry_name="custom", serves=())

_CHAT = {
    "completions": Served(dialect="dialect.openai_chat", path="/chat/completions"),
    "messages": Served(dialect="dialect.anthropic_messages", path="/messages"),
    "responses": Served(dialect="dialect.openai_responses", path="/responses"),
    "generatecontent": Served(
        dialect="dialect.gemini",
        path="//v1beta/models/{model}:generateContent",
        stream_path="//v1beta/models/{model}:streamGenerateContent?alt=sse",
        model_name="google",
    ),
}
_OPERATIONS = {
    "embeddings": "embeddings",
    "rerank": "rerank",
    "realtime": "realtime",
    "anthropictokencount": "messages_token_count",
}


def formats(said: Iterable[tuple[str, str]]) -> tuple[tuple[Served, ...], dict[str, str]]:
    """Return what (format, path) pairs come to: the dialects that are served, and the paths of other operations. A path
    is a whole one; empty = the format's usual, below the base path.

    Raises:
        ValueError: there is no such format, or one of them stands twice.
    """
    serves: list[Served] = []
    paths: dict[str, str] = {}
    seen = set()
    for word, path in said:
        name = word.lower()
        if name not in _CHAT and name not in _OPERATIONS:
            raise ValueError(f"unknown format `{word}`")
        if name in seen:
            raise ValueError(f"the format `{word}` stands twice")
        seen.add(name)
        if name in _CHAT:
            serves.append(_at(_CHAT[name], path))
        elif path:
            paths[_OPERATIONS[name]] = f"/{path}"
        elif name == "anthropictokencount":  # unlike the others it is not asked for where nobody says that it is there
            paths[_OPERATIONS[name]] = "/messages/count_tokens"
    return tuple(serves), paths


def _at(row: Served, path: str) -> Served:
    if not path:
        return row
    verb = ":generateContent"
    stream_path = ""
    if row.stream_path and path.endswith(verb):
        stream_path = f"/{path.removesuffix(verb)}:streamGenerateContent?alt=sse"
    return Served(dialect=row.dialect, path=f"/{path}", stream_path=stream_path, model_name=row.model_name)

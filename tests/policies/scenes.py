"""A scene as an exchange has it, for policies that compute."""

from collections.abc import Mapping

import msgspec

from sluice.policies.scene import Scene


def scene(
    headers: Mapping[str, str] | None = None, *, body: bytes = b"{}", path: str = "/openai", **facts: object
) -> Scene:
    """One of a POST with these headers."""
    request = {"method": "POST", "path": path, "host": "gw.example", "headers": dict(headers or {})}
    request["body"] = body.decode()
    return Scene({"request": request, "llmRequest": lambda: msgspec.json.decode(body), **facts})

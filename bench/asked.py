"""What is asked of whom: the loads, the rows of a comparison, and the one prompt in the words of each API."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from bench import rig

Form = Literal["chat", "messages", "whole"]
"""What an answer looks like to the client: a stream of chat completions or of Messages, or one whole completion."""
MIRRORED = ", mirrored"
"""Follows the name of a target that hands on the Messages it could translate."""

_SYSTEM = "You are a helpful assistant who explains concepts clearly."
_USER = "In a couple of sentences, explain what streaming is and why it is useful."


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How hard to push. A stream is `chunks` deltas, one each `interval_us`; else a request has one whole answer."""

    stream: bool = True
    conns: int = 100
    chunks: int = 200
    interval_us: int = 10_000
    seconds: float = 4.0
    dialect: rig.Dialect = "openai"
    """What the upstream speaks. The client speaks chat completions: with `anthropic`, a target translates."""

    @property
    def unit(self) -> str:
        """What CPU time is divided by."""
        return "chunk" if self.stream else "request"

    @property
    def deltas(self) -> int:
        """How many one answer has."""
        return self.chunks if self.stream else 1


STREAMS = Load()
"""100 streams of 100 deltas a second each."""
TRANSLATED = Load(dialect="anthropic")
"""The same from Messages to chat completions."""
PLAIN = Load(stream=False, conns=16)
"""16 connections, one request after the other on each."""


class Lane(msgspec.Struct, frozen=True):
    """One row: who is asked, and for which answer."""

    name: str
    target: rig.Target
    form: Form
    model: str


def lanes(targets: Iterable[rig.Target], load: Load, folder: Path) -> list[Lane]:
    """Return who is measured under a load: the yardsticks, which hand on what the upstream says, and `targets`.

    A target that translates is measured twice beside Messages: handing them on, and translating them to chat
    completions. One that does not is left out.
    """
    handed_on: Form = "messages" if load.dialect == "anthropic" else "chat" if load.stream else "whole"
    rows = [Lane(each.name, each, handed_on, each.model) for each in rig.yardsticks(folder, load.dialect)]
    for target in targets:
        if load.dialect == "openai":
            rows.append(Lane(target.name, target, handed_on, target.model))
        elif target.translated_model:
            untouched = msgspec.structs.replace(target, path=rig.PATHS["anthropic"])
            rows.append(Lane(f"{target.name}{MIRRORED}", untouched, "messages", target.translated_model))
            rows.append(Lane(target.name, target, "chat", target.translated_model))
    return rows


def body(form: Form, model: str) -> bytes:
    """Return the request that an answer of this form follows."""
    user = {"role": "user", "content": _USER}
    prompt: dict[str, object] = {"messages": [{"role": "system", "content": _SYSTEM}, user]}
    if form == "messages":
        prompt = {"max_tokens": 1024, "system": _SYSTEM, "messages": [user]}
    return json.dumps({"stream": form != "whole", "model": model, **prompt}).encode()

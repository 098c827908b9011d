"""What is asked of whom: the loads, the rows of a comparison, and the one prompt in the words of each API."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from bench import rig

Form = Literal["chat", "messages", "whole", "prose", "prose_whole", "guarded", "guarded_whole"]
"""What an answer looks like to the client: a stream of chat completions or of Messages, or one whole completion. Prose
is chat completions with an address of mail in the text, which `guarded` must not show."""
MIRRORED = ", mirrored"
"""Follows the name of a target that hands on the Messages it could translate."""
GUARDED = ", guarded"
"""Follows the name of a target with guards on its answers."""
EVERYTHING = ", everything on"
TRACED = ", a tenth traced"
"""Follows the name of a target with guards and whatever else a company may want."""

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
    """What the upstream speaks. The client speaks chat completions: with `anthropic`, a target translates; with
    `prose`, it has policies."""

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
PROSE = Load(dialect="prose")
"""As STREAMS, of a text that guards have to read."""
FEW = Load(dialect="prose", conns=4, chunks=50, seconds=2.0)
"""Four streams at a time: a hundred that begin together wait for each other, and their first token says nothing of how
long it takes by itself."""
PLAIN_PROSE = Load(stream=False, conns=16, dialect="prose")
"""As PLAIN, with such a text."""


class Lane(msgspec.Struct, frozen=True):
    """One row: who is asked, and for which answer."""

    name: str
    target: rig.Target
    form: Form
    model: str


def lanes(targets: Iterable[rig.Target], load: Load, folder: Path) -> list[Lane]:
    """Return who is measured under a load: the yardsticks, which hand on what the upstream says, and `targets`.

    A target that translates is measured twice beside Messages: handing them on, and translating them to chat
    completions. One that does not is left out; so is one without guards where the text is prose.
    """
    if load.dialect == "prose":
        nginx = rig.nginx_target(folder)
        form: Form = "prose" if load.stream else "prose_whole"
        return [Lane(nginx.name, nginx, form, nginx.model), *_with_policies(targets, load)]
    handed_on: Form = "messages" if load.dialect == "anthropic" else "chat" if load.stream else "whole"
    rows = [Lane(each.name, each, handed_on, each.model) for each in rig.yardsticks(folder, load.dialect)]
    for target in targets:
        if load.dialect == "openai":
            rows.append(Lane(target.name, target, handed_on, target.model))
            if target.traced is not None:
                traced = target.varied(f"{target.name}{TRACED}", target.traced)
                rows.append(Lane(traced.name, traced, handed_on, traced.model))
        elif target.translated_model:
            untouched = msgspec.structs.replace(target, path=rig.PATHS["anthropic"])
            rows.append(Lane(f"{target.name}{MIRRORED}", untouched, "messages", target.translated_model))
            rows.append(Lane(target.name, target, "chat", target.translated_model))
    return rows


def _with_policies(targets: Iterable[rig.Target], load: Load) -> Iterable[Lane]:
    """Yield what a target's policies are measured by. `direct` is left out: no promise is about it."""
    form: Form = "guarded" if load.stream else "guarded_whole"
    for target in targets:
        if target.guarded is not None and load.stream:
            yield Lane(target.name, target, "prose", target.model)
            guarded = target.varied(f"{target.name}{GUARDED}", target.guarded)
            yield Lane(guarded.name, guarded, form, guarded.model)
        if target.everything is not None:
            everything = target.varied(f"{target.name}{EVERYTHING}", target.everything)
            yield Lane(everything.name, everything, form, everything.model)


def body(form: Form, model: str) -> bytes:
    """Return the request that an answer of this form follows."""
    user = {"role": "user", "content": _USER}
    prompt: dict[str, object] = {"messages": [{"role": "system", "content": _SYSTEM}, user]}
    if form == "messages":
        prompt = {"max_tokens": 1024, "system": _SYSTEM, "messages": [user]}
    return json.dumps({"stream": not form.endswith("whole"), "model": model, **prompt}).encode()

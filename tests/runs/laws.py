"""Random logs, and the laws that every projection keeps. For the authors of projections:

    @given(random_logs())
    def test_resuming_gives_what_the_reader_lacks(log: list[Event]) -> None:
        check_resume(MyProjection, log)

A log is made by the real writer from random verbs and a random end, so whatever a run can say is in it: messages,
interleaved and parallel tool calls, reasoning, steps, questions, files, buttons, two channels, nested paths.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from sluice.agents.live import LiveLog
from sluice.agents.writer import Writer
from sluice.runs.events import (
    Artifact,
    Attachment,
    Channel,
    Codec,
    Data,
    Event,
    File,
    InterruptRequested,
    InterruptResolved,
    Progress,
    Source,
    StatePatch,
    StateSnapshot,
    TokenUsage,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolOutputDelta,
    ToolStarted,
)
from sluice.runs.messages import TextPart, said
from sluice.runs.projection import Projection, project
from sluice.runs.records import Run

RUN = Run(
    id="run-1", thread_id="thread-1", owner="me", agent="agent-1", version="1.0.0", created=1, input=(said("hi"),)
)


class NoStore:
    """A log that keeps nothing: what is written stands in memory only. Nothing is ever safe, so all of it stays."""

    committed: Callable[[str, int], None] | None
    lost: Callable[[str], None] | None

    def append(self, run_id: str, seq: int, data: bytes) -> None:
        """Keep nothing."""

    async def flush(self) -> None:
        """Nothing waits."""

    async def read(self, run_id: str, after: int, limit: int) -> list[bytes]:
        return []

    async def grown(self, run_id: str, after: int, timeout_s: float) -> bool:
        return False


class Script:
    """A writer with a clock that the script drives, and the log it wrote."""

    def __init__(self, run: Run = RUN, **options: Any) -> None:
        self.seconds = 0.0
        self._log = LiveLog(run.id, NoStore())
        self.writer = Writer(run, self._log, clock=lambda: self.seconds, now=self._now, **options)
        self.writer.start(run)

    def _now(self) -> int:
        return 1_763_683_200_000 + int(self.seconds * 1000)

    def log(self) -> list[Event]:
        """Return what was written, as bytes and back: what a store would give."""
        return [Codec.decode(Codec.encode(event)) for event in self._log.recent()]


class Verb(msgspec.Struct, frozen=True):
    """One thing that a handler does."""

    name: str
    text: str = ""
    which: int = 0
    channel: Channel = "text"
    path: tuple[str, ...] = ()
    json: Any = None


_TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)
_NAMES = (
    *("text", "text", "text", "think", "step", "end_step", "end_message", "tool", "arguments", "call", "preview"),
    *("output", "fail", "data", "progress", "source", "file", "artifact", "attach", "usage", "snapshot", "patch"),
)
_VERBS = st.builds(
    Verb,
    name=st.sampled_from(_NAMES),
    text=_TEXTS,
    which=st.integers(0, 3),
    channel=st.sampled_from(["text", "text", "processing"]),
    path=st.sampled_from([(), (), ("node",), ("node", "inner")]),
    json=_JSON,
)
ENDS = ("success", "interrupt", "cancelled", "timeout", "error", "guard")


class Player:
    """Does verbs, each as far as it makes sense: a result needs a call, an end a beginning."""

    def __init__(self, script: Script) -> None:
        self._writer = script.writer
        self._steps: list[str] = []
        self._calls: list[str] = []
        self._whole: list[str] = []
        self._made = 0

    def do(self, verb: Verb) -> None:
        """Do it."""
        getattr(self, f"_{verb.name}")(verb)

    def _text(self, verb: Verb) -> None:
        self._writer.text(verb.text, verb.channel, verb.path)

    def _think(self, verb: Verb) -> None:
        self._writer.think(verb.text, verb.channel, verb.path)

    def _step(self, verb: Verb) -> None:
        self._steps.append(self._writer.start_step(f"step {verb.which}", verb.path))

    def _end_step(self, verb: Verb) -> None:
        if self._steps:
            self._writer.end_step(self._steps.pop(verb.which % len(self._steps)), verb.path)

    def _end_message(self, verb: Verb) -> None:
        for call in self._calls:  # whoever ends a message has had all its arguments
            self._put(verb, ToolInput, id=call, name="tool", input=verb.json)
        self._whole += self._calls
        self._calls.clear()
        self._writer.close_message(("stop", "tool_calls", "length", "")[verb.which])

    def _tool(self, verb: Verb) -> None:
        self._made += 1
        self._calls.append(f"call-{self._made}")
        self._writer.close_block()
        self._put(verb, ToolStarted, id=self._calls[-1], name="tool", message_id=self._writer.message())

    def _arguments(self, verb: Verb) -> None:
        if self._calls:
            self._put(verb, ToolInputDelta, id=self._calls[verb.which % len(self._calls)], text=verb.text or "{")

    def _call(self, verb: Verb) -> None:
        if self._calls:
            call = self._calls.pop(verb.which % len(self._calls))
            self._whole.append(call)
            self._put(verb, ToolInput, id=call, name="tool", input=verb.json)

    def _preview(self, verb: Verb) -> None:
        if self._whole:
            self._put(verb, ToolOutputDelta, id=self._whole[verb.which % len(self._whole)], output=verb.json)

    def _output(self, verb: Verb) -> None:
        if self._whole:
            self._put(verb, ToolOutput, id=self._whole.pop(verb.which % len(self._whole)), output=verb.json)

    def _fail(self, verb: Verb) -> None:
        calls = self._whole or self._calls
        if calls:
            self._put(verb, ToolFailed, id=calls.pop(verb.which % len(calls)), error=verb.text or "failed")

    def _data(self, verb: Verb) -> None:
        name, id_ = f"data-{verb.which}", ("", "same")[verb.which % 2]
        self._put(verb, Data, name=name, value=verb.json, id=id_, transient=verb.which == 2)

    def _progress(self, verb: Verb) -> None:
        self._put(verb, Progress, value=verb.which / 4 or None, note=verb.text)

    def _source(self, verb: Verb) -> None:
        name = self._writer.name("source")
        self._put(verb, Source, id=name, url=f"https://x.test/{verb.which}", title=verb.text)

    def _file(self, verb: Verb) -> None:
        name = self._writer.name("file")
        self._put(verb, File, id=name, url="data:text/plain;base64,aGk=", media_type="text/plain", name=verb.text)

    def _artifact(self, verb: Verb) -> None:
        name = self._writer.name("artifact")
        self._put(verb, Artifact, id=name, name=f"file-{verb.which}", parts=(TextPart(text=verb.text),))

    def _attach(self, verb: Verb) -> None:
        kind = ("image", "button", "card", "suggestion")[verb.which]
        self._put(verb, Attachment, kind=kind, value=verb.json, metadata={"note": verb.text})

    def _usage(self, verb: Verb) -> None:
        self._writer.spent("model", TokenUsage(input_tokens=verb.which, output_tokens=1))

    def _snapshot(self, verb: Verb) -> None:
        self._put(verb, StateSnapshot, state={"value": verb.json})

    def _patch(self, verb: Verb) -> None:
        patch = ({"op": "add", "path": "/value", "value": verb.json},)
        self._put(verb, StatePatch, patch=patch, update={"value": verb.json})

    def _put(self, verb: Verb, event: Callable[..., Event], **fields: Any) -> None:
        self._writer.put(event, channel=verb.channel, path=verb.path, **fields)


def end(script: Script, how: str) -> None:
    """End a run in one of ENDS."""
    if how in ("error", "guard"):
        script.writer.fail(how, "it failed", status=500)
        return
    if how == "interrupt":
        script.writer.put(InterruptRequested, id="int-run-1-1", question="Go on?", schema={"type": "boolean"})
    reason = "total" if how == "timeout" else ""
    script.writer.finish(how, reason=reason, message=reason and "streaming timeout after 30s")  # type: ignore[arg-type]


def played(verbs: Sequence[Verb], how: str, *, answers: bool = False) -> list[Event]:
    """Return the log of a run that does these verbs and ends so."""
    script = Script()
    if answers:
        script.writer.put(InterruptResolved, id="int-run-0-1", status="resolved", value=True)
    player = Player(script)
    for verb in verbs:
        script.seconds += 0.01
        player.do(verb)
    end(script, how)
    return script.log()


def random_verbs(most: int = 15) -> st.SearchStrategy[list[Verb]]:
    """What a handler might do."""
    return st.lists(_VERBS, max_size=most)


def random_logs(max_verbs: int = 25) -> st.SearchStrategy[list[Event]]:
    """Whole logs of runs, from the first event to the terminal one."""
    verbs = st.lists(_VERBS, max_size=max_verbs)
    return st.builds(played, verbs, st.sampled_from(ENDS), answers=st.booleans())


def check_resume(make: Callable[[], Projection], log: list[Event]) -> None:
    """`project(log) == project(log[:k]) + resume(log, k)`, for every k."""
    whole = project(make(), log)
    for cut in range(len(log) + 1):
        before, behind = project(make(), log[:cut]), project(make(), log, after=cut)
        assert before + behind == whole, f"cut behind event {cut} of {len(log)}"

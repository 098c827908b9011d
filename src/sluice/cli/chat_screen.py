"""What a person sees of an answer: the text as it comes on stdout, one line of numbers or one of error on stderr."""

import io
from typing import TextIO

import click

from sluice.chat.events import Channel, Event, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.relay.meter import Meter
from sluice.relay.relay import Said

_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
"""Characters by which a text could command a terminal."""
_LABEL: dict[Channel, str] = {"text": "", "reasoning": "", "refusal": "refusal: "}

Place = tuple[int, str, int]
"""Choice, channel, number of the tool call: what is written without a break belongs to one."""


class Screen:
    """Writes events to `out` and flushes each. A terminal gets reasoning dimmed and no control characters. `calls_dim`:
    tool calls too, where others make them and they are no part of the answer."""

    def __init__(self, out: TextIO, *, calls_dim: bool = False) -> None:
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="replace")
        self._out = out
        self._terminal, self._calls_dim = out.isatty(), calls_dim
        self._place: Place | None = None
        self._fresh = True
        """The cursor stands at the beginning of a line."""

    def show(self, event: Event) -> None:
        """Write what a person can read of an event.

        Raises:
            OSError: nobody reads any longer.
        """
        match event:
            case TextDelta(text=""):
                return
            case TextDelta():
                self._go((event.choice, event.channel, 0), _LABEL[event.channel])
                self._write(event.text, dim=event.channel == "reasoning")
            case ToolCallStarted():
                self._go((event.choice, "call", event.index), f"→ {event.name}(")
            case ToolCallDelta():
                self._go((event.choice, "call", event.index), "→ … (")
                self._write(event.arguments, dim=self._calls_dim)
            case _:
                return
        self._out.flush()

    def close(self) -> None:
        """End what is open, so that the next line is one."""
        if self._place is not None and self._place[1] == "call":
            self._write(")", dim=self._calls_dim)
        if not self._fresh:
            self._write("\n")
        self._place = None
        self._out.flush()

    def _go(self, place: Place, label: str) -> None:
        """Begin a new paragraph if this belongs to another place than what was written last."""
        if place == self._place:
            return
        again = self._place is not None
        self.close()
        self._place = place
        head = ("\n" if again else "") + (f"[{place[0]}] " if place[0] else "") + label
        self._write(head, dim=self._calls_dim and place[1] == "call")

    def _write(self, text: str, *, dim: bool = False) -> None:
        if not text:
            return
        if self._terminal:
            text = text.translate(_CONTROLS)
        self._fresh = text.endswith("\n")
        self._out.write(click.style(text, dim=True) if dim and self._terminal else text)


def summary(meter: Meter, said: Said, *, streamed: bool, total_s: float) -> str:
    """Return the numbers of a complete answer: TTFT, tokens, tokens per second, total time, model.

    Tokens are the provider's count; `~` marks the number of deltas where it gave none.
    """
    if said.usage is not None:
        tokens, about = said.usage.output_tokens, ""
    else:
        tokens, about = meter.tokens, "~"
    shown = []
    if streamed and meter.first_token is not None:
        shown.append(f"TTFT {_time(meter.facts(streaming=True).first_token_s or 0.0)}")
    shown.append(f"{about}{tokens} tokens")
    gap_s = meter.tpot_s(said.usage) if streamed else None
    rate = 1 / gap_s if gap_s else tokens / total_s if total_s else 0.0
    shown += [f"{about}{rate:.1f} tokens/s", _time(total_s), said.model or "model unknown"]
    if said.finish_reason not in ("", "stop"):
        shown.append(f"finish: {said.finish_reason}")
    return " · ".join(shown)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"

"""Calls of the client's tools, as output items: functions, and custom tools with their free text."""

from sluice.dialects.openai_responses.custom_input import CustomInput
from sluice.dialects.openai_responses.output_write import Members, OpenItem, Output
from sluice.dialects.openai_responses.tool_names import ClientTool
from sluice.dialects.writing import is_object


class CallItem(OpenItem):
    """A call of one of the client's tools."""

    channel = "call"
    sealed = False
    visible = True

    __slots__ = ("_call_id", "_input", "_judged", "_pieces", "_space", "_tool", "_whole")

    def __init__(self, call_id: str, tool: ClientTool) -> None:
        super().__init__()
        self._call_id, self._tool = call_id, tool
        self._pieces: list[str] = []
        self._input = CustomInput() if tool.custom else None
        self._space = ""
        """Space after the last piece."""
        self._judged = 0
        """Pieces of which it is known whether they are whole."""
        self._whole = False

    @property
    def prefix(self) -> str:  # type: ignore[override]  # a custom tool's calls have a prefix of their own
        return "fc" if self._input is None else "ctc"

    @property
    def whole(self) -> bool:
        """The arguments are a JSON object: nothing but space can follow. Cost: O(n) when they end in a brace."""
        if self._judged != len(self._pieces):
            self._judged = len(self._pieces)
            self._whole = self._pieces[-1].endswith("}") and is_object("".join(self._pieces))
        return self._whole

    def add(self, text: str) -> bytes:
        """Space is held back until more comes: what follows the last brace belongs to nobody, and the call may be done
        by then."""
        text = self._space + text
        more = text.rstrip(" \t\r\n")
        self._space = text[len(more) :]
        return b"" if self.closed or not more else self._add(more)

    def _add(self, text: str) -> bytes:
        self._pieces.append(text)
        return self._fill(text) if self.opened else b""

    def open(self, output: Output) -> bytes:
        kind = "function_call_arguments" if self._input is None else "custom_tool_call_input"
        self._enter(output, f"response.{kind}.delta")
        return self._added(self._item("", "in_progress")) + self._fill("".join(self._pieces))

    def close(self, output: Output, *, incomplete: bool) -> bytes:
        incomplete = incomplete and not self.whole
        out = b"" if self.whole or not self._space else self._add(self._space)
        if self._input is None:
            if not any(self._pieces) and not incomplete:
                out += self._add("{}")
            arguments = "".join(self._pieces)
            members = {**self._place, "name": self._tool.name, "arguments": arguments}
            out += output.event("response.function_call_arguments.done", members)
        else:
            rest = self._input.close()
            out += self._more(rest) if rest else b""
            arguments = self._input.text
            out += output.event("response.custom_tool_call_input.done", {**self._place, "input": arguments})
        return out + self._done(self._item(arguments, "incomplete" if incomplete else "completed"))

    def _fill(self, text: str) -> bytes:
        shown = text if self._input is None else self._input.feed(text)
        return self._more(shown) if shown else b""

    def _item(self, arguments: str, status: str) -> Members:
        item: Members = {"id": self._id, "status": status, "call_id": self._call_id, "name": self._tool.name}
        if self._tool.namespace:
            item["namespace"] = self._tool.namespace
        if self._input is None:
            return item | {"type": "function_call", "arguments": arguments}
        return item | {"type": "custom_tool_call", "input": arguments}

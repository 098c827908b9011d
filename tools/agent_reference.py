"""The tables of docs/agents/, told from the code: an agent's arguments and verbs, `ctx`, guards, the test bench, the
client, every event of a run, the projections, the bounds; and examples, whole.

Each function returns the Markdown of one generated block; tools/docs.py puts it there and checks that it is current.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

import msgspec

from sluice import App, serve
from sluice.agent_client.client import Client, Runs, Threads
from sluice.agent_server import event_stream, server, websocket_line
from sluice.agents import callback_limits, callbacks, middleware, resilience, sweeping
from sluice.agents.agent import Agent
from sluice.agents.bounds import Bounds
from sluice.agents.context import Context
from sluice.agents.definition import Definition
from sluice.agents.graph import Graph
from sluice.agents.items import ItemStore
from sluice.agents.llm import Llm, ModelStream
from sluice.runs.events import Event
from sluice.runs.projections.table import PROJECTIONS
from sluice.stores import runs_pen
from sluice.testing.bench import TestBench
from tools.markdown import first_sentence, table

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
_SEED_003 = (
    *("agent", "chunks", "websocket_client", "progress", "with_timeout", "settings", "buffered"),
    *("error_notice", "backpressure", "monitored"),
)
"""Examples that stand in seed 003's page."""
_ENVELOPE = frozenset({"seq", "run_id", "thread_id", "ts", "channel", "path"})
_UNSAID: dict[type[Any], set[str]] = {
    Agent: {"call"},
    Graph: {"check", "first", "after", "run"},
    Context: {"say", "hear", "graph_input"},
    Llm: {"request"},
    Client: {"ask", "wait_after", "events"},
}
"""Public in the code because another module calls them, and nothing that an agent's author needs."""
_CONTEXT = {
    "agent": "The agent.",
    "run": "The run's record: `id`, `owner`, `input`, `metadata`, `settings`.",
    "thread": "The conversation's record; `thread.id`.",
    "text": "The text of the newest message.",
    "parts": "The parts of the newest message: text, files, data.",
    "message_id": "The id of the newest message.",
    "llm": "The models, see below.",
    "store": "Values that outlive the conversation, see below.",
    "state": "The conversation's own mapping, kept with it as JSON when the run ends.",
    "channel": "Where what is said goes: `text`, the answer, or `processing`, what readers may fold away.",
    "context": "What the client sent beside the message.",
    "metadata": "What the client said of the run.",
}
"""What the code's names say there by themselves."""
_HIDDEN = frozenset({"checkpoints", "interrupts", "writer", "said", "path", "place", "replied", "middleware_notes"})


def options_table() -> str:
    """Return the arguments of `Agent`."""
    parameters = [one for one in inspect.signature(Definition.__init__).parameters.values() if one.name != "self"]
    rows = [(f"`{one.name}`", "" if one.default is one.empty else f"`{_default(one.default)}`") for one in parameters]
    rows.append(("`graph`", "`None`"))
    prose = textwrap.dedent(inspect.getdoc(Definition) or "").partition("\n\n")[2].partition("\n\nRaises:")[0]
    prose += "\n`graph`: a `Graph`, in place of a handler."
    return f"{table(('argument', 'default'), rows)}\n\n{prose}"


def agent_table() -> str:
    """Return the verbs of an agent."""
    return _methods({"agent": Agent, "g": Graph})


def context_table() -> str:
    """Return what `ctx` has to read."""
    told = {name: text for name, text in _attributes(Context) if text} | _CONTEXT
    names = [name for name, _ in _attributes(Context) if name not in _HIDDEN]
    return table(("`ctx.`", "what it is"), [(f"`{name}`", told[name]) for name in names])


def verbs_table() -> str:
    """Return the verbs of `ctx`, of its models and of its store."""
    return _methods({"ctx": Context, "ctx.llm": Llm, "stream": ModelStream, "ctx.store": ItemStore})


def guards_table() -> str:
    """Return the middleware and the guards that there are."""
    rows = [
        (f"`{room.__name__.rpartition('.')[2]}.{_signature(name, made)}`", first_sentence(inspect.getdoc(made) or ""))
        for room in (middleware, resilience)
        for name, made in vars(room).items()
        if inspect.isfunction(made) and made.__module__ == room.__name__ and _makes(made)
    ]
    return table(("made by", "what it does"), rows)


def bench_table() -> str:
    """Return the verbs of the test bench."""
    return _methods({"bench": TestBench})


def client_table() -> str:
    """Return the verbs of the client."""
    return _methods({"client": Client, "client.threads": Threads, "client.runs": Runs})


def serving_table() -> str:
    """Return the ways to serve agents from a program."""
    rows = [
        (f"`{_signature(made.__name__, made)}`", first_sentence(inspect.getdoc(made) or "")) for made in (serve, App)
    ]
    return table(("from `sluice`", "what it does"), rows)


def events_table() -> str:
    """Return every event of a run."""
    rows = []
    for kind in sorted(get_args(Event), key=_place):
        fields = [name for name in kind.__struct_fields__ if name not in _ENVELOPE]
        rows.append((f"`{kind.__struct_config__.tag}`", ", ".join(f"`{name}`" for name in fields)))
    return table(("`type`", "fields, beside those of all"), rows)


def projections_table() -> str:
    """Return what `?protocol=` takes."""
    rows = [
        (
            f"`{name}`",
            f"`{made().content_type}`",
            f"{made().heartbeat_s:g} s",
            "merged" if made().merges else "as they are: it numbers its frames",
        )
        for name, made in PROJECTIONS.items()
    ]
    return table(("`?protocol=`", "content type", "a comment breaks silences of", "deltas for a slow reader"), rows)


def bounds_table() -> str:
    """Return how much there may be of what."""
    bounds = Bounds()
    agent = {one.name: one.default for one in inspect.signature(Definition.__init__).parameters.values()}
    presses = (callback_limits.USER, callback_limits.ADDRESS, callback_limits.TOKEN)
    rows = [
        ("a request's body", _size(server.MAX_BODY), "413"),
        ("a message of a WebSocket", f"{_size(websocket_line.MAX_MESSAGE)}, in characters", "closed with 1009"),
        ("streams on one WebSocket", f"{websocket_line.MAX_VIEWERS}", "an error"),
        ("events of a run (`max_events`)", f"{bounds.events:,}", "the run fails, `too_large`"),
        ("one event (`max_event_bytes`)", _size(bounds.event_bytes), "the same"),
        ("all events of a run (`max_run_bytes`)", _size(bounds.run_bytes), "the same"),
        ("runs of an agent at a time (`max_concurrent`)", f"{agent['max_concurrent']:,}", "503 and `Retry-After`"),
        ("a run (`timeout`)", f"{agent['timeout']:g} s", "ends as `timeout`, what was said stays"),
        ("rounds of the tool loop (`max_steps`)", f"{agent['max_steps']}", "the run fails, `recursion`"),
        ("a write to a viewer", f"{event_stream.SEND_S:g} s", "he is dropped, and can resume"),
        ("events kept after a run's end", f"{sweeping.EVENTS_MS // 3_600_000} h", "its messages stay"),
        ("events that wait for a store", _size(runs_pen.MAX_WAITING_BYTES), "the run fails"),
        ("a button", f"{callbacks.TTL_S:g} s, one press", "403, 409"),
        *((f"presses, by {one.kind}", f"{one.limit} in {one.window_ms // 1000} s", "429") for one in presses),
    ]
    return table(("what", "at most", "beyond it"), rows)


def _size(size: int) -> str:
    return f"{size >> 20} MiB"


def example(path: str) -> str:
    """Return an example as a block of Python."""
    text = (EXAMPLES / path).read_text(encoding="utf-8")
    return f"```python\n# {path.rpartition('/')[2]}\n{text.strip()}\n```"


def _place(kind: type[msgspec.Struct]) -> int:
    return inspect.getsourcelines(kind)[1]


def _methods(kinds: dict[str, Any]) -> str:
    rows = [
        (f"`{owner}.{_signature(name, made)}`", first_sentence(inspect.getdoc(made) or ""))
        for owner, kind in kinds.items()
        for name, made in _public(kind)
    ]
    assert all(sentence for _, sentence in rows), [name for name, sentence in rows if not sentence]
    return table(("verb", "what it does"), rows)


def _public(kind: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, made in vars(kind).items():
        function = made.__func__ if isinstance(made, classmethod) else made
        if inspect.isfunction(function) and not name.startswith("_") and name not in _UNSAID.get(kind, ()):
            yield name, function


def _makes(made: Callable[..., Any]) -> bool:
    """Whether a function is one that authors call: it returns a middleware or a decorator."""
    returns = str(inspect.signature(made).return_annotation)
    return not made.__name__.startswith("_") and ("Middleware" in returns or "Callable[[" in returns)


def _signature(name: str, made: Callable[..., Any]) -> str:
    parts: list[str] = []
    for one in inspect.signature(made).parameters.values():
        if one.name in ("self", "cls"):
            continue
        if one.kind is one.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        stars = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        parts.append(stars + one.name.rstrip("_") + ("" if one.default is one.empty else f"={_default(one.default)}"))
    return f"{name}({', '.join(parts)})"


def _default(value: object) -> str:
    return "..." if callable(value) or type(value).__module__ != "builtins" else repr(value)


def _attributes(kind: type[Any]) -> Iterable[tuple[str, str]]:
    """Give the public attributes of a class in the order of its source, with the first sentence said below each."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        if any(isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list):
            yield node.name, first_sentence(ast.get_docstring(node) or "")
        elif node.name == "__init__":
            yield from _assigned(node)


def _assigned(node: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
        said = ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            said = first_sentence(str(following.value.value))
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        for target in targets:
            for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(one, ast.Attribute) and not one.attr.startswith("_"):
                    yield one.attr, said


GENERATORS: dict[str, Callable[[], str]] = {
    "agent-options": options_table,
    "agent-verbs": agent_table,
    "agent-context": context_table,
    "agent-context-verbs": verbs_table,
    "agent-guards": guards_table,
    "agent-bench": bench_table,
    "agent-client": client_table,
    "agent-serving": serving_table,
    "run-events": events_table,
    "projections": projections_table,
    "agent-bounds": bounds_table,
    **{f"example-{name}": partial(example, f"streaming_agent/{name}.py") for name in _SEED_003},
    "example-langgraph_agent": partial(example, "langgraph_agent/agent.py"),
}
"""Each block's text by its name, in Markdown."""

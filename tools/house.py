"""The laws of the house, as tables and a program: `make check` runs it over src/.

Obeys docs/architecture.md. Prints each breach as `file:line: law: what, and how to mend it`; exits 1 if there is any.
To change the architecture, change a table here and the picture there in one commit.
"""

import sys
from pathlib import Path

from tools import laws
from tools.tree import read_tree

_LEAVES = ("dialects", "providers", "policies", "chat", "wire")
_CORE = ("relay", "config", "standard", "operations", *_LEAVES)
_OUTSIDE = ("stores", "telemetry", "agents", "runs", "gateway", *_CORE)

ROOMS: dict[str, tuple[str, ...]] = {
    "errors": (),
    "registry": (),
    "wire": (),
    "chat": ("wire",),
    "dialects": ("chat", "wire"),
    "operations": ("dialects", "chat", "wire"),
    "policies": ("chat",),
    "providers": ("chat", "wire"),
    "standard": ("dialects", "providers", "policies"),
    "relay": _LEAVES,
    "config": ("standard", *_LEAVES),
    "gateway": _CORE,
    "runs": ("chat",),
    "agents": ("runs", *_CORE),
    "stores": ("agents", "runs", "gateway", "relay", "config", "policies", "chat"),
    "telemetry": ("agents", "runs", "gateway", "relay", "config", "providers", "policies", "chat"),
    "admin": ("telemetry", "gateway", *_CORE),
    "net": ("admin", *_OUTSIDE),
    "agent_server": ("net", "admin", *_OUTSIDE),
    "agent_client": ("net", "admin", *_OUTSIDE),
    "testing": ("net", "admin", *_OUTSIDE),
    "verify": ("testing", "net", "admin", *_OUTSIDE),
    "cli": ("verify", "testing", "agent_client", "agent_server", "net", "admin", *_OUTSIDE),
    "__main__": ("cli",),
}
"""Each room, lowest first, and the rooms it may import. All may import themselves and what stands in EVERYWHERE."""

EVERYWHERE = ("", "errors", "registry")
"""Importable from any room, importing none. The empty room is the package's own `__init__`."""

PURE = frozenset(
    [
        "errors",
        "registry",
        "wire",
        "chat",
        "dialects",
        "operations",
        "providers",
        "policies",
        "relay",
        "runs",
        "config",
        "standard",
    ]
)
"""Rooms with no clock, no randomness, no environment, no input or output, no log and nothing asynchronous."""

NOT_IN_PURE = frozenset(
    [
        *("asyncio", "concurrent", "contextvars", "queue", "sched", "threading", "multiprocessing"),  # order of events
        *("time", "random", "secrets", "uuid"),  # differs from run to run
        *(
            "os",
            "pathlib",
            "platform",
            "getpass",
            "glob",
            "shutil",
            "tempfile",
            "fcntl",
            "resource",
            "signal",
            "subprocess",
        ),
        *(
            "socket",
            "socketserver",
            "select",
            "selectors",
            "ssl",
            "http.client",
            "http.server",
            "urllib.request",
            "sqlite3",
        ),
        "logging",
    ]
)
"""Modules that would bring the outside into a pure room. The caller hands in `now`, bytes and identifiers instead."""

NOT_IN_GATEWAY = frozenset(
    ["os", "pathlib", "selectors", "socket", "ssl", "subprocess", "urllib.request", "http.client", "http.server"]
)
"""The gateway may await, but it opens nothing: the outside arrives as ports."""

IO_LIBRARIES = frozenset(
    [
        "aiosqlite",
        "asyncpg",
        "botocore",
        "click",
        "google",
        "httptools",
        "prometheus_client",
        "psycopg",
        "redis",
        "starlette",
        "urllib3",
        "uvicorn",
        "uvloop",
        "websockets",
    ]
)
"""Third-party libraries that touch the outside."""

IO_ROOMS = frozenset(["admin", "net", "stores", "telemetry", "agent_server", "testing", "verify", "cli"])
"""The rooms that may import them."""

NAMELESS = frozenset(["chat", "wire", "relay", "policies", "gateway", "net"])
"""Rooms in which no provider has a name: what is special about one is a row, a quirk or a dialect below."""

PROVIDER_NAMES = (
    *("openai", "anthropic", "gemini", "azure", "vertex", "bedrock", "copilot"),
    *("mistral", "cohere", "ollama", "groq", "deepseek", "fake"),
)

MAX_LINES = 300
"""Of one file. House style is about 150; 300 is the sign to split."""

EXEMPT: dict[tuple[str, str], str] = {
    ("sluice/policies/headers.py", "provider-name"): "headers of the published API, by their names on the wire",
    ("sluice/gateway/exchange.py", "task"): "an exchange owns its one task by name; the world owns the exchange",
    ("sluice/gateway/access_sources.py", "task"): "who keeps a text owns the one fetch of it by name, and gives it up",
    ("sluice/gateway/pump.py", "task"): "a pump owns its one question by name, and withdraws it at its end",
    ("sluice/gateway/mirroring.py", "task"): "the process's mirrors own their copies, and give them up when it ends",
    ("sluice/cli/agent_house.py", "task"): "a house owns its keepers by name, and gives them up when it closes",
    ("sluice/agent_server/event_stream.py", "task"): "a request owns its work and its look-out by name, and ends both",
    ("sluice/agents/running.py", "task"): "a run owns its life and its handler by name; the house owns the run",
    ("sluice/agents/service.py", "task"): "a service owns its keeper by name, and ends it when it closes",
    ("sluice/net/lifecycle.py", "provider-name"): "the built-in provider `fake` lives and ends with the process",
    (
        "sluice/agents/graph_run.py",
        "task",
    ): "a step owns its nodes' tasks by name and ends them all",
}
"""(path under src/, law): the reason why that file may break that law. An exemption nobody needs is reported too."""


HOUSE = laws.House(
    rooms=ROOMS,
    everywhere=EVERYWHERE,
    pure=PURE,
    not_in_pure=NOT_IN_PURE,
    not_in_gateway=NOT_IN_GATEWAY,
    io_libraries=IO_LIBRARIES,
    io_rooms=IO_ROOMS,
    nameless=NAMELESS,
    provider_names=PROVIDER_NAMES,
    max_lines=MAX_LINES,
)
"""The tables above as one value."""


def inspect(source_folder: Path, exempt: dict[tuple[str, str], str]) -> list[str]:
    """Return every breach in the modules under `source_folder`, by file and line, and every exemption without use."""
    found = sorted(laws.breaches(read_tree(source_folder), HOUSE), key=lambda breach: (breach.path, breach.line))
    lines: list[str] = []
    used: set[tuple[str, str]] = set()
    for breach in found:
        key = (breach.path.relative_to(source_folder).as_posix(), breach.law)
        if key in exempt:
            used.add(key)
        else:
            lines.append(f"{source_folder.name}/{key[0]}:{breach.line}: {breach.law}: {breach.what}")
    idle = sorted(set(exempt) - used)
    return lines + [
        f"{source_folder.name}/{path}:1: {law}: is exempt without need: take it out of EXEMPT" for path, law in idle
    ]


def main() -> int:
    """Inspect src/ and print what is found."""
    lines = inspect(Path("src"), EXEMPT)
    print("\n".join(lines) if lines else "the house stands: no breach in src/")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

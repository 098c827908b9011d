"""What a person sees when the gateway is ready. On stderr: stdout belongs to the log."""

from typing import Protocol

import click

from sluice import __version__
from sluice.config.exposure import Exposure, authenticated_ports, is_wide
from sluice.config.plan import AiBackend, Entry, Listener, Plan
from sluice.dialects.dialect import Dialect
from sluice.standard import STANDARD


class Shown(Protocol):
    """A process that is ready: one that serves, or the supervisor of several."""

    side_ports: dict[str, int]

    @property
    def plan(self) -> Plan: ...


def banner(process: Shown, exposure: Exposure, *, workers: int = 1) -> None:
    """Say where the gateway listens, what answers there, which dialects are understood, and what to try."""
    lines = [f"{click.style('sluice', bold=True)} {__version__} is ready", ""]
    lines += [f"  {_address(listener)}   {_paths(listener.entries)}" for listener in process.plan.listeners]
    if any(_talks(entry) for listener in process.plan.listeners for entry in listener.entries):
        lines.append(f"  spoken there: {_spoken()}")
    lines += [f"  {name:<9} http://localhost:{port}{_PAGE[name]}" for name, port in process.side_ports.items()]
    if workers > 1:
        lines.append(f"  workers   {workers}; each takes or refuses a new configuration by itself")
    if process.plan.notes:
        lines += ["", *(f"  {note}" for note in process.plan.notes)]
    lines += _open(process.plan, exposure)
    lines += _try(process)
    click.echo("\n".join(lines) + "\n", err=True)


_PAGE = {"agents": "/", "admin": "/", "stats": "/metrics", "readiness": "/healthz/ready"}
_SHOWN = 8
"""Prefixes on a listener's line; a plan may have hundreds."""


def _open(plan: Plan, exposure: Exposure) -> list[str]:
    """Who is let in from outside, if anybody is."""
    wide = [str(port) for port, hosts in exposure.places(plan).items() if is_wide(hosts)]
    if not wide:
        return []
    if set(wide) <= set(map(str, authenticated_ports(plan))):
        return ["", f"  Open to the network, to whoever authenticates: port {', '.join(wide)}"]
    warning = "  Anyone who can reach this machine can use the gateway: --insecure-bind."
    return ["", click.style(warning, fg="yellow")]


def _try(process: Shown) -> list[str]:
    """A command that gets an answer: the unified address if there is one, else the first prefix of a provider."""
    for listener in process.plan.listeners:
        for entry in listener.entries:
            if _talks(entry) and entry.match.path.kind != "RegularExpression" and not entry.match.headers:
                base = entry.match.path.value.removesuffix("/chat/completions").rstrip("/")
                return ["", f'  Try:  sluice chat "Hello" --url {_address(listener)}{base}']
    return []


def _address(listener: Listener) -> str:
    return f"{'https' if listener.tls else 'http'}://localhost:{listener.port}"


def _talks(entry: Entry) -> bool:
    """Whether a model answers there."""
    return entry.answer == "by_model" or any(isinstance(w.backend, AiBackend) for w in entry.rule.backends)


def _spoken() -> str:
    """The dialects that clients may speak, on every address where a model answers."""
    dialects = [STANDARD.get(item, Dialect) for item in STANDARD.ids("dialect")]  # type: ignore[type-abstract]  # a protocol
    return ", ".join(dialect.facts.title for dialect in dialects if dialect.facts.fields)


def _paths(entries: tuple[Entry, ...]) -> str:
    paths = dict.fromkeys(entry.match.path.value for entry in entries if entry.answer != "model_list")
    shown = list(paths)[:_SHOWN]
    return "  ".join(shown) + ("  …" if len(paths) > len(shown) else "")

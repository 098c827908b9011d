"""What a person sees when the gateway is ready. On stderr: stdout belongs to the log."""

import click

from sluice import __version__
from sluice.config.plan import AiBackend, Entry
from sluice.net.lifecycle import Process


def banner(process: Process, *, insecure: bool) -> None:
    """Say where the gateway listens, what answers there, and what to try."""
    lines = [f"{click.style('sluice', bold=True)} {__version__} is ready", ""]
    for listener in process.plan.listeners:
        scheme = "https" if listener.tls else "http"
        lines.append(f"  {scheme}://localhost:{listener.port}   {_paths(listener.entries)}")
    lines += [f"  {name:<9} http://localhost:{port}{_PAGE[name]}" for name, port in process.side_ports.items()]
    if process.plan.notes:
        lines += ["", *(f"  {note}" for note in process.plan.notes)]
    if insecure:
        lines += [
            "",
            click.style("  Anyone who can reach this machine can use the gateway: --insecure-bind.", fg="yellow"),
        ]
    lines += _try(process)
    click.echo("\n".join(lines) + "\n", err=True)


_PAGE = {"admin": "/config_dump", "stats": "/metrics", "readiness": "/healthz/ready"}


def _try(process: Process) -> list[str]:
    """A command that gets an answer: the unified address if there is one, else the first prefix of a provider."""
    for listener in process.plan.listeners:
        for entry in listener.entries:
            ai = entry.answer == "by_model" or any(isinstance(w.backend, AiBackend) for w in entry.rule.backends)
            if ai and entry.match.path.kind != "RegularExpression" and not entry.match.headers:
                base = entry.match.path.value.removesuffix("/chat/completions").rstrip("/")
                scheme = "https" if listener.tls else "http"
                return ["", f'  Try:  sluice chat "Hello" --url {scheme}://localhost:{listener.port}{base}']
    return []


def _paths(entries: tuple[Entry, ...]) -> str:
    paths = dict.fromkeys(entry.match.path.value for entry in entries)
    shown = list(paths)[:6]
    return "  ".join(shown) + ("  …" if len(paths) > len(shown) else "")

"""`sluice check`: what would be served, and what is wrong, without serving."""

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby

import click

from sluice.cli.help import Told
from sluice.config.plan import AiBackend, Endpoint, ModelRoute, Plan, Target
from sluice.config.shown import admission_line, clocks_line, health_line, rule_lines
from sluice.config.shown_policies import early_lines
from sluice.errors import ConfigError
from sluice.net.files import ConfigFiles
from sluice.standard import STANDARD

SHOWN_CHARS = 72
"""Of a virtual model's condition, which may be long."""


@click.command(
    "check",
    cls=Told,
    examples=(
        ("sluice check", "what the environment would serve"),
        ("sluice check -f gateway.yaml", "routes, models, and the status of every object"),
        ("sluice check -f gateway.yaml -f teams", "several files, or folders of them, as one configuration"),
    ),
)
@click.option(
    "-f",
    "--file",
    "paths",
    multiple=True,
    metavar="FILE_OR_DIR",
    help="Configuration.",
    show_default="the environment",
)
def check_command(paths: tuple[str, ...]) -> None:
    """Check a configuration and show what it serves.

    Routes, models and where they go, the status of its objects. Without -f the environment is the configuration.

    Exit status: 0 all is well, 1 some object has a condition that is False, 2 the configuration is refused.
    """
    try:
        plan = ConfigFiles(paths, os.environ, STANDARD).load()
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    sys.exit(1 if _show(plan) else 0)


def _show(plan: Plan) -> bool:
    """Print listeners, routes, models and conditions; return whether a condition is False."""
    for listener in plan.listeners:
        scheme = "https" if listener.tls else "http"
        click.echo(f"{scheme} :{listener.port}  {listener.gateway}/{listener.name}  {listener.hostname or '*'}")
        for line in early_lines(listener):
            click.echo(f"    {line}")
        for traffic, entries in groupby(listener.entries, key=lambda entry: rule_lines(entry.rule)):
            for entry in entries:
                who = ", ".join(w.backend.name if w.backend else w.error for w in entry.rule.backends) or entry.answer
                click.echo(f"    {entry.match.path.kind:<18} {entry.match.path.value:<28} {entry.route} -> {who}")
            for line in traffic:
                click.echo(f"        {line}")
    if line := admission_line(plan.admission):
        click.echo(f"\n{line}")
    for title, lines in (("backends", _backends(plan)), ("models", _models(plan))):
        if lines:
            click.echo(f"\n{title}")
            click.echo("\n".join(f"    {line}" for line in lines))
    failed = False
    for status in plan.statuses:
        click.echo(f"\n{status.kind} {status.name}  {status.file}:{status.line}")
        for condition in status.conditions:
            failed |= not condition.status
            mark = click.style("True ", fg="green") if condition.status else click.style("False", fg="red")
            scope = f" ({condition.scope})" if condition.scope else ""
            click.echo(f"    {mark} {condition.type}: {condition.reason}{scope}  {condition.message}".rstrip())
    for note in plan.notes:
        click.echo(f"\nnote: {note}")
    return failed


# -- who is asked -----------------------------------------------------------------------------------------------------


def _backends(plan: Plan) -> list[str]:
    """Return the backends that routes lead to and what each asks, one line per target."""
    found: dict[str, AiBackend] = {}
    for listener in plan.listeners:
        for entry in listener.entries:
            for weighted in entry.rule.backends:
                if isinstance(weighted.backend, AiBackend):
                    found.setdefault(weighted.backend.name, weighted.backend)
    return [line for name, backend in found.items() for line in _lines(name, _of_backend(backend))]


def _models(plan: Plan) -> list[str]:
    """Return the models of the unified addresses and whom each asks, one line per target."""
    lines: list[str] = []
    for route in plan.models:
        name = route.pattern if route.public else f"{route.pattern} (internal)"
        lines += _lines(name, _of_model(route))
    return lines


def _lines(name: str, targets: Iterable[tuple[str, Target]]) -> Iterator[str]:
    """Show a name once, before the first of its targets; `why` says when a target is the one."""
    for why, target in targets:
        model = f" as {target.model}" if target.model else ""
        who = f"{target.provider.key}{model} at {_address(target.endpoint)} ({_dialects(target)})"
        yield f"{name:<28} {f'{why}: ' if why else ''}{who}"
        name = ""
        for line in filter(None, (clocks_line(target.clocks), health_line(target.health))):
            yield f"{name:<28}     {line}"


def _of_model(route: ModelRoute) -> Iterator[tuple[str, Target]]:
    if route.backend is not None:
        for nested, target in _of_backend(route.backend):
            yield ", ".join(part for part in (_headers(route), nested) if part), target
    by_condition = any(alternative.when for alternative in route.alternatives)
    total = sum(alternative.weight for alternative in route.alternatives) or 1
    for alternative in route.alternatives:
        share = f"{100 * alternative.weight / total:.4g} %"
        why = f"if {_cut(alternative.when)}" if alternative.when else "else" if by_condition else share
        for nested, target in _of_backend(alternative.backend):
            yield f"{why}, {nested}" if nested else why, target


def _headers(route: ModelRoute) -> str:
    """Which requests a model is for, beside its name; empty = all of them."""
    sets = (" and ".join(f"{v.name} {'~' if v.regex else '='} {v.value}" for v in each) for each in route.matches)
    return f"if {_cut(' or '.join(sets))}" if route.matches else ""


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def _of_backend(backend: AiBackend) -> Iterator[tuple[str, Target]]:
    """Yield the targets in the order in which they are asked; those of one group share its requests."""
    for number, group in enumerate(backend.groups, 1):
        weights = [target.weight for target in group]
        total = sum(weights) if len({*weights}) > 1 else 0
        for target in group:
            share = f", {100 * target.weight / total:.4g} %" if total else ""
            yield (f"group {number}{share}" if len(backend.groups) > 1 or len(group) > 1 else ""), target


def _address(endpoint: Endpoint) -> str:
    if not endpoint.port:
        return "this process"
    scheme, usual = ("https", 443) if endpoint.tls else ("http", 80)
    return f"{scheme}://{endpoint.label.removesuffix(f':{usual}')}"


def _dialects(target: Target) -> str:
    """What the provider is asked in, in the words of the log's `llm.translated`; clients of any dialect reach it."""
    rows = target.serves or target.provider.serves
    return ", ".join(dict.fromkeys(row.dialect.rpartition(".")[2] for row in rows))

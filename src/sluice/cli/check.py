"""`sluice check`: what would be served, and what is wrong, without serving."""

import os
import sys

import click

from sluice.config.plan import Plan
from sluice.errors import ConfigError
from sluice.net.files import ConfigFiles
from sluice.standard import STANDARD


@click.command("check")
@click.option("-f", "--file", "paths", multiple=True, metavar="FILE_OR_DIR", help="Configuration; may be repeated.")
def check_command(paths: tuple[str, ...]) -> None:
    """Check a configuration and show the status of its objects.

    Exit status: 0 all is well, 1 some object has a condition that is False, 2 the configuration is refused.
    """
    try:
        plan = ConfigFiles(paths, os.environ, STANDARD).load()
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    sys.exit(1 if _show(plan) else 0)


def _show(plan: Plan) -> bool:
    """Print listeners, routes and conditions; return whether a condition is False."""
    for listener in plan.listeners:
        scheme = "https" if listener.tls else "http"
        click.echo(f"{scheme} :{listener.port}  {listener.gateway}/{listener.name}  {listener.hostname or '*'}")
        for entry in listener.entries:
            who = ", ".join(w.backend.name if w.backend else w.error for w in entry.rule.backends) or entry.answer
            click.echo(f"    {entry.match.path.kind:<18} {entry.match.path.value:<28} {entry.route} -> {who}")
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

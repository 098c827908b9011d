"""`sluice agent`: serve agents in every protocol; alone, seed 003's streaming chatbot."""

import sys

import click

from sluice.cli.help import Told
from sluice.errors import ConfigError

STORE = "sqlite:///sluice.db"


@click.command(
    "agent",
    cls=Told,
    examples=(
        ("sluice agent", "a streaming chatbot"),
        ("sluice agent shop:agent", "the Agent that is called `agent` in shop.py"),
        ("sluice agent shop:agent --store memory: --port 8081", "nothing is kept"),
    ),
)
@click.argument("targets", nargs=-1, metavar="[MODULE:AGENT]...")
@click.option("--port", type=click.IntRange(0, 65535), envvar="PORT", default=8080, help="Listen here; 0 is any.")
@click.option("--host", "hosts", multiple=True, metavar="ADDRESS", help="Listen here.", show_default="this machine")
@click.option(
    "-f",
    "--file",
    "paths",
    multiple=True,
    metavar="FILE_OR_DIR",
    help="Configuration of the gateway that models are asked by.",
    show_default="the environment",
)
@click.option("--store", default=STORE, metavar="URL", help="Of runs: memory:, sqlite:///, redis://, postgresql://.")
@click.option("--echo", "echoes", is_flag=True, help="Serve an agent that says what it hears.")
@click.option(
    "--log-messages/--no-log-messages", default=None, help="Print what is said.", show_default="only the chatbot"
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    help="Of the log on stderr.",
    show_default="text on a terminal, else json",
)
@click.option("--drain-timeout", metavar="DURATION", default="10s", help="Time for runs at the end.")
@click.option("--insecure-bind", is_flag=True, help="Listen on all addresses although nobody has to authenticate.")
@click.option("--cors", "origins", multiple=True, metavar="ORIGIN", help="Let pages of this origin ask.")
def agent_command(
    targets: tuple[str, ...],
    port: int,
    hosts: tuple[str, ...],
    paths: tuple[str, ...],
    store: str,
    echoes: bool,
    log_messages: bool | None,
    log_format: str | None,
    drain_timeout: str,
    insecure_bind: bool,
    origins: tuple[str, ...],
) -> None:
    """Serve agents.

    MODULE:AGENT names an Agent, as in `sluice agent shop:agent`; the first is the default. Without one, a streaming
    chatbot answers: its model comes from LLM_PROVIDER (openai, anthropic, gemini ...) and that provider's variables,
    as OPENAI_API_KEY, OPENAI_MODEL and OPENAI_BASE_URL; without a key the built-in provider `fake` answers.

    Exit status: 0 it was told to end and did, 2 it cannot start, 130 interrupted before it was ready.
    """
    from sluice.cli.agent_start import Asked, start  # no other command needs the agent server

    asked = Asked(
        targets=targets,
        port=port,
        hosts=hosts,
        paths=paths,
        store=store,
        echo=echoes,
        log_messages=log_messages,
        log_format=log_format or "",
        drain_timeout=drain_timeout,
        insecure_bind=insecure_bind,
        cors=origins,
    )
    try:
        sys.exit(start(asked))
    except KeyboardInterrupt:
        sys.exit(130)  # before there was anything to drain
    except ConfigError as error:
        click.echo(f"sluice cannot start: {error}", err=True)
        sys.exit(2)

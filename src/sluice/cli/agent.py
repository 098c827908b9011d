"""`sluice agent`: serve agents in every protocol; alone, seed 003's streaming chatbot."""

import sys

import click

from sluice.errors import ConfigError

STORE = "sqlite:///sluice.db"


@click.command("agent")
@click.argument("targets", nargs=-1, metavar="[MODULE:AGENT]...")
@click.option(
    "--port", type=click.IntRange(0, 65535), envvar="PORT", default=8080, show_default=True, help="[env: PORT]"
)
@click.option("--host", "hosts", multiple=True, metavar="ADDRESS", help="Listen here; may be repeated. [this machine]")
@click.option(
    "-f", "--file", "paths", multiple=True, metavar="FILE_OR_DIR", help="The gateway that models are asked by."
)
@click.option(
    "--store", default=STORE, show_default=True, metavar="URL", help="memory:, sqlite:///, redis://, postgresql://"
)
@click.option("--echo", "echoes", is_flag=True, help="Serve an agent that says what it hears.")
@click.option("--log-messages/--no-log-messages", default=None, help="Print what is said. [only the chatbot]")
@click.option("--log-format", type=click.Choice(["json", "text"]), help="Of the log on stderr. [text on a terminal]")
@click.option("--drain-timeout", metavar="DURATION", default="10s", show_default=True, help="Time for runs at the end.")
@click.option("--insecure-bind", is_flag=True, help="Listen on all addresses although nobody has to authenticate.")
@click.option(
    "--cors", "origins", multiple=True, metavar="ORIGIN", help="Let pages of this origin ask; may be repeated."
)
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

"""`sluice chat`: ask a model, watch the answer come, see its numbers."""

import sys

import click
import uvloop

from sluice.cli.chat_call import Heard, Question, Rejected, ask
from sluice.cli.chat_screen import Screen, summary
from sluice.errors import InBandFailure, Refused, SluiceError, TimedOut, Truncated, Unreachable

FAILED, UNREACHABLE, CANCELLED = 1, 2, 130
"""Exit statuses; 130 is what a shell reports for a process that SIGINT ended."""


@click.command("chat")
@click.argument("prompt", nargs=-1)
@click.option("--url", default="http://localhost:8080/v1", show_default=True, help="Base address of the API.")
@click.option("--model", default="gpt-4o-mini", show_default=True, help="Which model to ask.")
@click.option("--system", default="", metavar="TEXT", help="Instructions that come before the prompt.")
@click.option("--no-stream", is_flag=True, help="Ask for the whole answer at once.")
@click.option("--max-tokens", type=click.IntRange(1), help="Most tokens of the answer.")
@click.option("--key", envvar="OPENAI_API_KEY", default="", help="API key. [env: OPENAI_API_KEY]")
def chat_command(
    prompt: tuple[str, ...], url: str, model: str, system: str, no_stream: bool, max_tokens: int | None, key: str
) -> None:
    """Ask a model and print its answer as it comes.

    PROMPT may be several words. Without one, or as `-`, it is read from stdin.

    Exit status: 0 the answer is complete, 1 it is an error or broke off, 2 nobody answers at the address,
    130 cancelled with Ctrl-C.
    """
    question = Question(
        url=url,
        key=key.strip(),
        model=model,
        prompt=_prompt(prompt),
        system=system,
        max_tokens=max_tokens,
        stream=not no_stream,
    )
    try:
        question.request()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    sys.exit(_converse(question))


def _prompt(words: tuple[str, ...]) -> str:
    text = " ".join(words)
    if text == "-" or (not words and not sys.stdin.isatty()):
        try:
            text = sys.stdin.read()
        except KeyboardInterrupt:
            click.echo("cancelled", err=True)
            sys.exit(CANCELLED)
    if not text.strip():
        raise click.UsageError('There is nothing to ask. Try: sluice chat "Tell me about rivers"')
    return text


def _converse(question: Question) -> int:
    """Ask, show, and return the exit status."""
    screen = Screen(sys.stdout)
    try:
        heard = uvloop.run(ask(question, screen.show))
    except KeyboardInterrupt:
        screen.close()
        click.echo("cancelled", err=True)
        return CANCELLED
    except (SluiceError, Rejected) as error:
        screen.close()
        click.echo(_sentence(error), err=True)
        nobody = isinstance(error, Unreachable) or (isinstance(error, TimedOut) and error.phase == "connect")
        return UNREACHABLE if nobody else FAILED
    screen.close()
    _tell(heard)
    return 0


def _tell(heard: Heard) -> None:
    line = summary(heard.meter, heard.said, streamed=heard.streamed, total_s=heard.total_s)
    click.echo(click.style(line, dim=True), err=True)


def _sentence(error: SluiceError | Rejected) -> str:
    """Say what went wrong in one line."""
    match error:
        case Rejected():
            request_id = f" (request {error.request_id})" if error.request_id else ""
            text = f"error {error.error.status} {_code(error.error)}: {error}{request_id}"
        case Unreachable():
            text = f"{error} (is it running? try: make run)"
        case InBandFailure():
            text = f"error {error.code} inside the answer, which is not complete: {error}"
        case Truncated():
            text = f"the answer is not complete: {error}"
        case _:
            text = f"the answer cannot be used: {error}"
    return " ".join(text.split())


def _code(error: Refused) -> str:
    return error.type if error.code == Refused.code else error.code

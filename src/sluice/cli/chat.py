"""`sluice chat`: ask a model or an agent, watch the answer come, see its numbers."""

import contextlib
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from urllib.parse import urlsplit

import click
import uvloop

from sluice.cli.chat_agent import CANCELLED, AgentQuestion, agents_at, converse
from sluice.cli.chat_call import Heard, Question, Rejected, ask
from sluice.cli.chat_screen import Screen, summary
from sluice.cli.chat_talk import Talk
from sluice.cli.help import Told
from sluice.errors import InBandFailure, Refused, SluiceError, TimedOut, Truncated, Unreachable

FAILED, UNREACHABLE = 1, 2
"""Exit statuses."""


@click.command(
    "chat",
    cls=Told,
    examples=(
        ('sluice chat "Tell me about rivers"', "the gateway of this machine, and the numbers of the stream"),
        ('sluice chat "Hello" --url http://localhost:4000/v1 --model smart', "another address, another model"),
        ("sluice chat - < question.txt", "what a file asks"),
    ),
)
@click.argument("prompt", nargs=-1)
@click.option("--url", default="http://localhost:8080", help="Base address, as .../v1 of any API.")
@click.option("--model", default="gpt-4o-mini", help="Which model to ask.")
@click.option("--system", default="", metavar="TEXT", help="Instructions that come before the prompt.")
@click.option("--no-stream", is_flag=True, help="Ask for the whole answer at once.")
@click.option("--max-tokens", type=click.IntRange(1), help="Most tokens of the answer.")
@click.option("--key", envvar="OPENAI_API_KEY", default="", help="API key.")
@click.option("--agent", default="", metavar="NAME", help="Which agent to ask.", show_default="the server's first")
@click.option("--thread", default="", metavar="ID", help="Go on in this conversation with an agent.")
@click.option("--resume", default="", metavar="RUN", help="Take up a run: watch it, or answer what it asked.")
def chat_command(
    prompt: tuple[str, ...],
    url: str,
    model: str,
    system: str,
    no_stream: bool,
    max_tokens: int | None,
    key: str,
    agent: str,
    thread: str,
    resume: str,
) -> None:
    """Ask a model or an agent and print its answer as it comes.

    PROMPT may be several words. Without one, or as `-`, it is read from stdin. At an address without a path it is found
    out whether agents answer there or a gateway; with a path, as /v1, its chat completions are asked.

    With an agent, in a terminal and without a PROMPT, the conversation goes on until Ctrl-D. What the agent asks is
    asked here, and its buttons have numbers. Ctrl-C stops an answer, on the server too; a second one leaves.

    Exit status: 0 the answer is complete, 1 it is an error or broke off, 2 nobody answers at the address,
    130 cancelled with Ctrl-C.
    """
    if resume or _agents(url, key.strip(), must=bool(agent or thread)):
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        said = "" if not prompt and (resume or terminal) else _prompt(prompt)
        wanted = AgentQuestion(url=url, key=key.strip(), prompt=said, agent=agent, thread=thread, resume=resume)
        sys.exit(_talk(wanted) if terminal else _answered(lambda screen: _asked(wanted, screen), agent=True))
    question = Question(
        url=url if _has_path(url) else f"{url.rstrip('/')}/v1",
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
    sys.exit(_answered(lambda screen: _converse(question, screen)))


def _talk(wanted: AgentQuestion) -> int:
    """Talk to an agent from a terminal."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # `input` edits lines with it, and knows the ones before

    return Talk(wanted, partial(_answered, agent=True), input, once=bool(wanted.prompt or wanted.resume)).run()


async def _asked(wanted: AgentQuestion, screen: Screen) -> int:
    turn = await converse(wanted, screen)
    if turn.status == CANCELLED:
        click.echo("cancelled", err=True)
    return turn.status


def _has_path(url: str) -> bool:
    return bool(urlsplit(url).path.strip("/"))


def _agents(url: str, key: str, *, must: bool) -> bool:
    """Return whether agents answer at an address; `must`: they are to.

    Raises:
        click.UsageError: they are to, and do not.
    """
    if _has_path(url) and not must:
        return False
    try:
        found = uvloop.run(agents_at(url, key)) is not None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except SluiceError as error:
        click.echo(_sentence(error), err=True)
        sys.exit(UNREACHABLE)
    if must and not found:
        raise click.UsageError(f"No agents answer at {url}: --agent and --thread are theirs.")
    return found


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


def _answered(ask_for: Callable[[Screen], Coroutine[None, None, int]], *, agent: bool = False) -> int:
    """Ask, show, and return the exit status."""
    screen = Screen(sys.stdout, calls_dim=agent)
    try:
        status = uvloop.run(ask_for(screen))
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
    return status


async def _converse(question: Question, screen: Screen) -> int:
    heard = await ask(question, screen.show)
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
        case Refused():
            text = f"error {error.status} {_code(error)}: {error}"
        case Unreachable():
            text = f"{error} (is it running? try: sluice serve)"
        case InBandFailure():
            text = f"error {error.code} inside the answer, which is not complete: {error}"
        case Truncated():
            text = f"the answer is not complete: {error}"
        case _:
            text = f"the answer cannot be used: {error}"
    return " ".join(text.split())


def _code(error: Refused) -> str:
    return error.type if error.code == Refused.code else error.code

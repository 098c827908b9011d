"""`sluice completion`: what a shell needs to complete commands and options. Made by click."""

import click
from click.shell_completion import get_completion_class

from sluice.cli.help import Told

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    cls=Told,
    examples=(
        ("sluice completion bash", 'for `eval "$(…)"` in ~/.bashrc'),
        ("sluice completion zsh", "the same in ~/.zshrc"),
        ("sluice completion fish", "for ~/.config/fish/completions/sluice.fish"),
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print what completes the commands in a shell.

    `eval "$(sluice completion bash)"` turns it on for this one.
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(context.find_root().command, {}, "sluice", "_SLUICE_COMPLETE").source())

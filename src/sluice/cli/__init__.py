"""The command `sluice`: which commands there are, and where each is. None is imported before it is asked for."""

import click

from sluice import __version__
from sluice.cli.help import SETTINGS, Shelf

SECTIONS = {
    "Serve": {
        "serve": ("Serve the gateway.", "sluice.cli.serve:serve_command"),
        "check": ("Check a configuration and show what it serves.", "sluice.cli.check:check_command"),
        "import": ("Turn the configuration of another gateway into ours.", "sluice.cli.importing:import_command"),
    },
    "Agents": {
        "agent": ("Serve agents.", "sluice.cli.agent:agent_command"),
        "init": (
            "Make a folder with a streaming agent, its tests, and what it takes to serve it.",
            "sluice.cli.init:init_command",
        ),
    },
    "Look": {
        "chat": ("Ask a model or an agent and print its answer as it comes.", "sluice.cli.chat:chat_command"),
        "top": ("Watch what a gateway does.", "sluice.cli.top:top_command"),
        "logs": ("Show the log of a gateway, and choose from it.", "sluice.cli.logs:logs_command"),
    },
    "Keys": {
        "keys": ("Create, list and revoke keys of clients, and see what was spent.", "sluice.cli.keys:keys_command"),
    },
    "Test": {
        "fake": (
            "Serve every dialect without a model: deterministic text, timed as told.",
            "sluice.cli.fake:fake_command",
        ),
        "verify": ("Score how truthful a gateway is.", "sluice.cli.verify:verify_command"),
    },
    "Shell": {
        "completion": ("Print what completes the commands in a shell.", "sluice.cli.completion:completion_command"),
    },
}
"""Section -> command -> the first sentence of its help, and where it is. The order is that of `sluice --help`."""


@click.group(
    cls=Shelf,
    sections=SECTIONS,
    examples=(
        ("sluice serve", "the environment is the configuration"),
        ("sluice serve -f gateway.yaml", "manifests or the short form; folders too"),
        ('sluice chat "Tell me about rivers"', "watch a stream arrive"),
        ("sluice agent", "a streaming chatbot; module:agent for one of your own"),
    ),
    epilog="`sluice COMMAND --help` has examples of each. Exit status: 0 fine, 1 what was asked about is not, "
    "2 usage or configuration, 130 interrupted.",
    context_settings=SETTINGS,
)
@click.version_option(__version__, "-V", "--version", prog_name="sluice", help="Show the version.")
def main() -> None:
    """A streaming gateway for large language models: one address, any client, every stream truthful."""

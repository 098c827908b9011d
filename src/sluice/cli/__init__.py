"""The command `sluice`."""

import click

from sluice import __version__
from sluice.cli.agent import agent_command
from sluice.cli.chat import chat_command
from sluice.cli.check import check_command
from sluice.cli.fake import fake_command
from sluice.cli.init import init_command
from sluice.cli.keys import keys_command
from sluice.cli.serve import serve_command
from sluice.cli.verify import verify_command

_EXAMPLES = """
\b
  sluice serve                          the environment is the configuration
  sluice serve -f gateway.yaml          manifests or the short form; folders too
  sluice agent                          a streaming chatbot; module:agent for one of your own
  sluice init shop                      a project with an agent of your own, and its tests
  sluice check -f gateway.yaml          what would be served, and what is wrong
  sluice chat "Tell me about rivers"    watch a stream arrive
  sluice fake --port 9000               a provider that needs no key
  sluice keys create --name alice       a key for a client, and what may be spent with it
  sluice verify http://localhost:4000   how truthful a gateway is
"""


@click.group(epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="sluice")
def main() -> None:
    """A streaming gateway for large language models: one address, any client, every stream truthful."""


for _command in (
    serve_command,
    agent_command,
    init_command,
    check_command,
    chat_command,
    fake_command,
    keys_command,
    verify_command,
):
    main.add_command(_command)

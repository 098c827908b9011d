"""What `sluice` exports, for type checkers: the module itself looks each name up when it is asked for."""

from sluice.agent_client import Client as Client
from sluice.agents.agent import Agent as Agent
from sluice.agents.context import Context as Context
from sluice.agents.graph import END as END
from sluice.agents.graph import START as START
from sluice.agents.graph import Graph as Graph
from sluice.agents.reply import Reply as Reply
from sluice.agents.tools import ToolError as ToolError
from sluice.cli.embedding import App as App
from sluice.cli.embedding import serve as serve

__version__: str

"""The client of agent servers: runs begun, watched to their end however often the connection breaks, and stopped."""

from sluice.agent_client.client import AgentInfo, Client, Run, Thread

__all__ = ["AgentInfo", "Client", "Run", "Thread"]

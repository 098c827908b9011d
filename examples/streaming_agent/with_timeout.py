"""Streaming with a timeout: after 30 s the run ends with "streaming timeout after 30s", and what was said stays.

Beside it two finer clocks: how long the first chunk may take, and how long a silence may last.
"""

from sluice import Agent

agent = Agent("with-timeout", timeout=30, ttft=10, idle=5)


@agent.on_message
async def handle(ctx):
    async for chunk in ctx.llm.stream(ctx.messages):
        yield chunk

"""Buffer chunks: what viewers see is updated every 50 characters."""

from sluice import Agent

EVERY = 50
agent = Agent("buffered")


@agent.on_message
async def handle(ctx):
    buffer = ""
    async for chunk in ctx.llm.stream(ctx.messages):
        buffer += str(chunk)
        if len(buffer) >= EVERY:
            yield buffer
            buffer = ""
    yield buffer

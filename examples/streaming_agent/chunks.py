"""Custom chunk processing: every chunk looked at on its way, and a line for every ten words."""

from sluice import Agent

agent = Agent("chunks")


@agent.on_message
async def handle(ctx):
    async for chunk in ctx.llm.stream(ctx.messages):
        yield chunk  # to every viewer, WebSockets too
        if ctx.every(words=10):
            print(f"Progress: {ctx.writer.words} words")

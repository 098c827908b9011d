"""Performance tips: a low temperature, a bound on the answer, and text sent in fewer, larger pieces."""

from sluice import Agent

agent = Agent("settings", temperature=0.3, max_tokens=500, min_interval_ms=50)


@agent.on_message
async def handle(ctx):
    async for chunk in ctx.llm.stream(ctx.messages):
        yield chunk

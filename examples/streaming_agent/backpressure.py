"""Implement back-pressure: the model waits for viewers that are 10 events behind, and after 5 s the run ends with
"backpressure timeout". Without these two words slow viewers get larger pieces and hold up nobody."""

from sluice import Agent

agent = Agent("backpressure", buffer=10, buffer_timeout=5)


@agent.on_message
async def handle(ctx):
    async for chunk in ctx.llm.stream(ctx.messages):
        yield chunk

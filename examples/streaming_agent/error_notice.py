"""Handle errors gracefully: nothing to do. When the model breaks off, the run ends as failed, its partial text stays in
the thread, and `[Error: Stream interrupted]` stands behind it. Here the handler looks at the error, too."""

from sluice import Agent
from sluice.errors import SluiceError

agent = Agent("error-notice")


@agent.on_message
async def handle(ctx):
    try:
        async for chunk in ctx.llm.stream(ctx.messages):
            yield chunk
    except SluiceError as error:
        print(f"Chunk processing error: {error}")
        raise

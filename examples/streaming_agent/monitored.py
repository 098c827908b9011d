"""Monitor performance: every run is measured by itself; the figures stand in `run.finished` and in its record."""

from sluice import Agent

agent = Agent("monitored")


@agent.on_message
async def handle(ctx):
    async for chunk in ctx.llm.stream(ctx.messages):
        yield chunk
    stats = ctx.writer.stats()
    print(
        f"Streaming metrics: first chunk {stats.first_chunk_ms:.0f} ms, {stats.chunks} chunks, "
        f"{stats.characters} characters, {stats.duration_ms:.0f} ms"
    )

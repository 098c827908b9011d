"""Progress indicators: a note every half second, in the stream and in the terminal."""

from sluice import Agent

agent = Agent("progress")


@agent.on_message
async def handle(ctx):
    stream = ctx.llm.stream(ctx.messages)
    async for chunk in stream:
        yield chunk
        if ctx.every(seconds=0.5):
            note = f"Received {stream.chunks} chunks, {len(stream.text)} chars..."
            print(f"\r{note}", end="")
            await ctx.progress(note=note)
    print(f"\rComplete: {stream.chunks} chunks, {len(stream.text)} chars")

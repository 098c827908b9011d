"""Seed 003's streaming chatbot in full: the model by LLM_PROVIDER, chunks as they come, lines about each message.

sluice agent agent.py:agent          # http://localhost:8080; without a key the built-in provider answers
"""

from sluice import Agent
from sluice.runs.messages import said

PROMPT = "You are a helpful AI assistant. Provide clear, concise, and engaging responses."
agent = Agent("streaming-chatbot")


@agent.on_message
async def handle(ctx):
    print(f"📨 Received message: {ctx.text}")
    print("🔄 Streaming response...")
    stream = ctx.llm.stream([said(PROMPT, "system"), *ctx.messages], temperature=0.7)
    async for chunk in stream:
        if stream.chunks == 1 and chunk.text:
            print(f'💬 First chunk received: "{chunk}"')
        yield chunk  # the client has it now
    print(f"✅ Streaming complete - Total chunks: {stream.chunks}, Total length: {len(stream.text)} characters")

"""Streaming to a WebSocket: each chunk is a text frame, and `[DONE]` says that it was the last.

python websocket_client.py ws://localhost:8080/ws "Tell me a story"
"""

import asyncio
import sys

from websockets.asyncio.client import connect


async def chat(url: str, text: str) -> None:
    async with connect(url, subprotocols=["text"]) as socket:
        await socket.send(text)
        async for frame in socket:
            if frame == "[DONE]":
                return
            print(frame, end="", flush=True)


if __name__ == "__main__":
    asyncio.run(chat(sys.argv[1], sys.argv[2]))
    print()

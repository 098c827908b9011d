"""What a user of a2a-sdk 0.3.26 does. Not a test: tests/agent_server/test_a2a_older.py runs it in that client's own
environment and judges what it prints. Arguments: the server's address, and the transport."""

import asyncio
import json
import sys

import httpx
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientError
from a2a.types import Message, TaskIdParams, TaskQueryParams, TransportProtocol


def message(text: str, **fields: str) -> Message:
    return Message.model_validate(
        {"messageId": f"m-{text}", "role": "user", "parts": [{"kind": "text", "text": text}], **fields}
    )


def dumped(event: object) -> dict:
    """Return what was heard: a message, or the update of a task, and the task if there is none."""
    if isinstance(event, tuple):
        task, update = event
        event = task if update is None else update
    return event.model_dump(mode="json", exclude_none=True)


async def main(url: str, transport: str) -> dict:
    seen = {}
    async with httpx.AsyncClient(timeout=10) as http:

        async def client_of(agent: str, streaming: bool = True) -> Client:
            card = await A2ACardResolver(http, f"{url}/agents/{agent}").get_agent_card()
            config = ClientConfig(
                httpx_client=http,
                streaming=streaming,
                supported_transports=[TransportProtocol(transport)],
                use_client_preference=True,
            )
            return ClientFactory(config).create(card)

        async def told(client: Client, sent: Message) -> list[dict]:
            return [dumped(event) async for event in client.send_message(sent)]

        story = await client_of("storyteller")
        seen["card"] = (await story.get_card()).model_dump(mode="json", exclude_none=True)
        seen["send"] = await told(await client_of("storyteller", streaming=False), message("Tell me a story"))
        seen["stream"] = await told(story, message("Tell me a story with a file"))

        asker = await client_of("asker")
        seen["asked"] = await told(asker, message("hi"))
        task = seen["asked"][0]["id"]
        seen["answered"] = await told(asker, message("Ada", taskId=task))
        seen["got"] = dumped(await asker.get_task(TaskQueryParams(id=task)))

        waiter = await client_of("waiter")
        seen["waited"], seen["after"] = [], []
        async for event in waiter.send_message(message("wait")):
            seen["waited"].append(dumped(event))
            if seen["waited"][-1]["kind"] == "artifact-update" and not seen["after"]:
                task = seen["waited"][0]["id"]
                async for after in waiter.resubscribe(TaskIdParams(id=task)):
                    seen["after"].append(dumped(after))
                    if len(seen["after"]) == 1:
                        seen["stopped"] = dumped(await waiter.cancel_task(TaskIdParams(id=task)))
        try:
            await waiter.get_task(TaskQueryParams(id="nobody's"))
        except A2AClientError as error:
            seen["nobody"] = str(error)
    return seen


print(json.dumps(asyncio.run(main(*sys.argv[1:]))))

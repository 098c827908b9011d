"""What a user of a2a-sdk 0.2.16 does. Not a test: tests/agent_server/test_a2a_older.py runs it in that client's own
environment and judges what it prints. Argument: the server's address."""

import asyncio
import json
import sys

import httpx
from a2a.client import A2ACardResolver, A2AClient
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    MessageSendParams,
    SendMessageRequest,
    SendStreamingMessageRequest,
    SendStreamingMessageResponse,
    TaskIdParams,
    TaskQueryParams,
    TaskResubscriptionRequest,
)


def params(text: str, **fields: str) -> MessageSendParams:
    message = {"messageId": f"m-{text}", "role": "user", "parts": [{"kind": "text", "text": text}], **fields}
    return MessageSendParams.model_validate({"message": message})


async def stream(client: A2AClient, sent: MessageSendParams) -> list[dict]:
    request = SendStreamingMessageRequest(id="s", params=sent)
    return [
        one.model_dump(mode="json", exclude_none=True)["result"] async for one in client.send_message_streaming(request)
    ]


async def main(url: str) -> dict:
    seen = {}
    async with httpx.AsyncClient(timeout=10) as http:

        async def client_of(agent: str) -> A2AClient:
            card = await A2ACardResolver(http, f"{url}/agents/{agent}", "/.well-known/agent.json").get_agent_card()
            return A2AClient(http, card)

        story = await client_of("storyteller")
        seen["card"] = story.agent_card.model_dump(mode="json", exclude_none=True)
        sent = await story.send_message(SendMessageRequest(id="1", params=params("Tell me a story")))
        seen["send"] = sent.model_dump(mode="json", exclude_none=True)
        seen["stream"] = await stream(story, params("Tell me a story with a file"))

        asker = await client_of("asker")
        asked = await stream(asker, params("hi"))
        task = asked[0]["id"]
        seen["asked"] = asked
        seen["answered"] = await stream(asker, params("Ada", taskId=task))
        got = await asker.get_task(GetTaskRequest(id="2", params=TaskQueryParams(id=task)))
        seen["got"] = got.model_dump(mode="json", exclude_none=True)["result"]

        waiter = await client_of("waiter")
        seen["waited"], after = [], []
        async for one in waiter.send_message_streaming(SendStreamingMessageRequest(id="3", params=params("wait"))):
            told = one.model_dump(mode="json", exclude_none=True)["result"]
            seen["waited"].append(told)
            if told["kind"] == "artifact-update" and not after:
                task = seen["waited"][0]["id"]
                back = TaskResubscriptionRequest(id="4", params=TaskIdParams(id=task)).model_dump(mode="json")
                async with http.stream("POST", waiter.url, json=back) as answer:  # this client has no verb for it
                    async for line in answer.aiter_lines():
                        if line.startswith("data:"):
                            read = SendStreamingMessageResponse.model_validate_json(line[5:])
                            after.append(read.model_dump(mode="json", exclude_none=True)["result"])
                            if len(after) == 1:
                                request = CancelTaskRequest(id="5", params=TaskIdParams(id=task))
                                stopped = await waiter.cancel_task(request)
                                seen["stopped"] = stopped.model_dump(mode="json", exclude_none=True)["result"]
        seen["after"] = after
        nobody = await waiter.get_task(GetTaskRequest(id="6", params=TaskQueryParams(id="nobody's")))
        seen["nobody"] = nobody.model_dump(mode="json", exclude_none=True)
    return seen


print(json.dumps(asyncio.run(main(sys.argv[1]))))

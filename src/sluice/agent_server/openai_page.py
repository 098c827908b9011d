"""A page of a list, as OpenAI's APIs give them. Source: platform.openai.com/docs/api-reference, read 2026-11-21."""

from typing import Any

from starlette.requests import Request

from sluice.agent_server.server import number
from sluice.errors import BadRequest


def page(request: Request, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one page: the newest first unless `order=asc`, `limit` of them behind the one that `after` names.

    Raises:
        BadRequest: a parameter is none.
    """
    order = request.query_params.get("order", "desc")
    if order not in ("asc", "desc"):
        raise BadRequest("order is asc or desc", param="order")
    listed = items if order == "asc" else items[::-1]
    after = request.query_params.get("after")
    if after is not None:
        names = [item["id"] for item in listed]
        if after not in names:
            raise BadRequest(f"there is no item {after!r}", param="after")
        listed = listed[names.index(after) + 1 :]
    limit = number(request, "limit", 20, 100)
    data = listed[:limit]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"object": "list", "data": data, **ends, "has_more": len(listed) > len(data)}

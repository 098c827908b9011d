"""A tool agent: typed functions are the schema, the loop is built in, and each payment waits for a person."""

from typing import Annotated

from msgspec import Meta

from sluice import Agent
from sluice.agents.builtin_tools import calculator, current_time

agent = Agent("shop", instructions="You sell tea. Be brief.")
agent.tool(calculator)
agent.tool(current_time)


@agent.tool
def price(tea: str, grams: Annotated[int, Meta(ge=50, le=1000)] = 100) -> float:
    """Tell what tea costs, in euros.

    Args:
        tea: Its name.
        grams: How much of it.
    """
    return round(0.08 * grams, 2)


@agent.tool(approve=True)
async def pay(euros: float) -> str:
    """Take a payment."""
    return f"paid {euros:.2f} euros"

"""Three ways to ask a person: a question in the midst of a run, a tool whose calls wait, and a button.
`sluice agent examples/approval_agent/agent.py:agent`, then `sluice chat` in another terminal.

    "refund 7"      a question, whose answer has a shape; the run ends, and another goes on with the answer
    "remind"        a button, which may be pressed for ten minutes, once
    anything else   the model, which may call `refund`; each call waits for a yes
"""

from sluice import Agent, Reply

CHOICES = {"enum": ["to the card", "as a voucher", "not at all"]}
agent = Agent("desk", instructions="You help customers with their orders.")


@agent.tool(approve=True)
async def refund(order: str, euros: float) -> str:
    """Pay money back.

    Args:
        order: The order's number.
        euros: How much.
    """
    return f"{euros:.2f} euros for order {order} are on their way"


@agent.on_message
async def handle(ctx):
    word, _, order = ctx.text.partition(" ")
    if word == "refund":
        # Above the question nothing is done: the handler runs again from its start when there is an answer.
        how = await ctx.interrupt(f"How shall order {order} be refunded?", schema=CHOICES)
        yield f"Order {order} is refunded {how}." if how != "not at all" else "Then nothing happens."
    elif word == "remind":
        yield "Shall I remind you tomorrow?"
        await ctx.button("Remind me", "remind", day="tomorrow")
    else:
        async for chunk in ctx.converse():
            yield chunk


@agent.callback("remind", ttl=600)
async def remind(press):
    return Reply(f"You will be reminded {press.params['day']}.", patch={"disableButtons": True})

"""`sluice verify`: a client that knows nothing of the gateway before it, and scores how truthful that gateway is.

A fake provider misbehaves as each request tells it to; what the client hears is read strictly and judged by the rules
of stream-life. Nothing of Sluice's own reading judges Sluice: heads, chunks, server-sent events and the order of each
dialect's events are read here a second time. Only `cli` may import this room.
"""

"""The operations beside chat, for providers that say them differently: embeddings, rerank, token counts.

PURE: no async, no clock, no I/O. Imports dialects (how JSON from outside is read), chat, wire and errors at most.
"""

"""JSON to vocabulary and back, one module per published API. The vendors' words stay in here.

PURE: no async, no clock, no I/O. Imports chat, wire and errors at most.
"""

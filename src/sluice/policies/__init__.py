"""Decisions, one file each: config type, guarantee, code. They never import dialects, wire or providers.

PURE: no async, no clock, no randomness (a die is an argument), no I/O.
"""

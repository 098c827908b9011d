"""Bytes to frames and back. Knows nothing of LLMs.

PURE: no async, no clock, no I/O. Imports errors and nothing else of Sluice.
"""

"""The vocabulary: what a request, an answer and a stream are, in no vendor's words.

PURE: no async, no clock, no I/O. Imports wire and errors at most.
"""

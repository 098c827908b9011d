"""One stream as a machine: bytes and a monotonic `now` go in, actions come out.

PURE: owns no socket, clock, task or log. Imports dialects, policies, chat, wire and errors at most.
"""

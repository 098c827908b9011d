"""What outlives an exchange: counters in memory, in memory that processes share, in Redis.

Each kind of thing that is kept has one protocol in `gateway` or `relay`, and one suite of tests that every store of it
passes.
"""

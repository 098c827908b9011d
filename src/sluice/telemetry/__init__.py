"""What is said about exchanges: numbers for Prometheus, one log line each, the server's own messages.

NETWORK: may use files, clocks and third-party libraries. Reads ExchangeRecords and nothing else of the stream; never
imports `net` or `gateway`.
"""

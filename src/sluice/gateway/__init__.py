"""An exchange before its commit point, and the wiring of a relay to two transports after it.

ASYNC: may await, opens no sockets; the outside arrives as ports. Imports relay, config and everything below.
"""

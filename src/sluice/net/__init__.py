"""Sockets: clients on one side, providers on the other, and the process around them.

NETWORK: the only room besides stores, telemetry and testing that may touch sockets, files and clocks.
"""

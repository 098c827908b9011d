"""What the tests with real sockets share: a raw client, a scripted raw provider, a gateway in this process."""

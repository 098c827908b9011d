"""The client of agent servers: runs begun, watched to their end however often the connection breaks, and stopped."""

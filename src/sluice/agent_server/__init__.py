"""The agent server: agents over HTTP and WebSockets, in every protocol that clients speak. Starlette on uvicorn."""

"""Sluice: a streaming gateway for large language models, and a streaming agent server."""

__version__ = "0.1.0"

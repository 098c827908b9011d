"""Agents: a function that yields becomes a run that anyone may watch, stop, resume and read in any protocol."""

"""The admin address: what the process does at this moment, its configuration, its log level. Read-only but for that
level and for one form that sends a request to the process's own front door."""

"""Measures Sluice beside nginx on this machine. `make bench` runs `bench.run`; nothing here is shipped."""

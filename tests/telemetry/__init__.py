"""Tests of sluice.telemetry, one file for each of its own."""

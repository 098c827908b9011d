"""Tests of sluice.config, one file for each of its own."""

"""A run as an append-only log of typed events, and everything that can be read off it: order, fold, projections."""

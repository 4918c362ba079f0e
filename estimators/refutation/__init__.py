"""Attempts to refute a comparison: what a declared graph says of it, and tests that it ought to pass."""

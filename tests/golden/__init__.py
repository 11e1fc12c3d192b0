"""Recorded behaviour of the real Fluent Bit, and the log router held against it."""

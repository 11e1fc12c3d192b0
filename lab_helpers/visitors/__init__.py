"""Visitors like real ones: a day's people and machines, planned by a seed, sent in seconds, every answer known."""

from lab_helpers.visitors.day import DEFAULT_REQUESTS, DEFAULT_SECONDS, MINUTES, Visitors, plan, visit

__all__ = ["DEFAULT_REQUESTS", "DEFAULT_SECONDS", "MINUTES", "Visitors", "plan", "visit"]

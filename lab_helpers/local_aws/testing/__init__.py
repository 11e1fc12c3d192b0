"""Weather: slow, throttled and stale answers, for tests."""

"""Event notifications of buckets: what is configured, what happened to objects, and who is told of it."""

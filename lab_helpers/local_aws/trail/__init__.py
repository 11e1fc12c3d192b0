"""Who called what, and whether it was allowed: the feed of API calls, and CloudTrail's event history of it."""

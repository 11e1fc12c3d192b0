"""Health checks: rounds, probes, and the state that follows from them."""

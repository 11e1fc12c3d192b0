"""The proxy, by real connections."""

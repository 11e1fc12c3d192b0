"""Lines that belong together."""

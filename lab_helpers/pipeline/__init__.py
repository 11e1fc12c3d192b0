"""The pipeline as a whole: its figures, what it costs, and one request on its way through it."""

"""Random cases for the log router, each the same for the same seed: `python -m tests.golden.drawn --help`."""

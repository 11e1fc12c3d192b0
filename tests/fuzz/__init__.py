"""Everything that comes from outside, tried with odd input for as long as one likes: `python -m tests.fuzz`."""

"""Checkpoints: the lab as it was at a moment."""

"""Drills: each gives its promised symptom, and is undone."""

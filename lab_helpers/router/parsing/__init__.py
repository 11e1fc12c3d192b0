"""Parsers: formats, times, types, decoders."""

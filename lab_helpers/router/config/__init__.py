"""Configuration text, classic and YAML, to settings."""

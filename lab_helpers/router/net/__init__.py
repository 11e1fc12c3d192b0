"""Listeners and HTTP for the inputs."""

"""The way of a call through the front of the local AWS."""

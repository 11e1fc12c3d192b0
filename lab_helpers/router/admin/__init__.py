"""The router's HTTP server: pages, health, metrics."""

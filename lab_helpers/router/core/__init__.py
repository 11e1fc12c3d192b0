"""The router's ground: its loop, log, options, service, counters, retries."""

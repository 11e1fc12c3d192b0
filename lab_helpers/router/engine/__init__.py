"""The engine: built parts of one configuration, chunks on their way, tasks, workers, pressure."""

"""What everything stands on: settings, errors, messages, waiting, processes, clients. Imports nothing above it."""

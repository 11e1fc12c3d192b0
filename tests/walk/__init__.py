"""The whole course, done by hand in a browser: `make walk` (half an hour; no part of `make test`)."""

"""A log router with Fluent Bit's command line, configuration, log lines and behaviour (5.1.1 is the reference).

Run it as `python -m lab_helpers.router -c fluent-bit.conf`. It imports nothing from the rest of the lab and
nothing heavy: start-up time and idle memory are part of what it is measured by.
"""

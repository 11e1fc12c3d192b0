"""Long runs: each file is a program, `python -m tests.soak.NAME`; short forms are tests of `make test`."""

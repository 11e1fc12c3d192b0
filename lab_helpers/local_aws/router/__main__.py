"""The router under its former name, for command lines that are written down somewhere."""

import runpy

runpy.run_module("lab_helpers.router", run_name="__main__", alter_sys=True)

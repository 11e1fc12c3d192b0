"""Read by each kernel that `lab jupyter` starts (PYTHONSTARTUP), before the first cell.

A cell that is run before the notebook's first ones, or after a restart, then says in one sentence what to do.
"""

from lab_helpers.display.cells import explain_missing_names

explain_missing_names()
del explain_missing_names

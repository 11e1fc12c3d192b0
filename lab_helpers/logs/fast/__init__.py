"""Fast byte readers of what most log lines look like; what they cannot read, the readers in `lab_helpers.logs` can."""

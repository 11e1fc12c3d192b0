"""Charts: what they are drawn on, and one file for each thing that is shown."""

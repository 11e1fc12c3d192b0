"""The `lab` command: one file a group of subcommands."""

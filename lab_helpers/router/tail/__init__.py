"""Files that grow: positions, rotation, multiline."""

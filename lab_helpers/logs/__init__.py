"""Log lines as columns: frames, Apache's formats, FireLens records, compressed objects. Pure."""

"""The pipeline's board: what it shows of one moment, the last records of a stop, and its switches. No widgets here."""

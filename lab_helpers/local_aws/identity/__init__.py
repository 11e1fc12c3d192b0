"""Who calls, and may they: credentials, STS, authorisation."""

"""Calls to AWS: signatures, credentials, and what each service's outputs share."""

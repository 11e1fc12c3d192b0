"""The router under its former name: `python -m lab_helpers.local_aws.router`."""

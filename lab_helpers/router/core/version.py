"""The Fluent Bit release whose behaviour this router has."""

VERSION = "5.1.1"

"""The Fluent Bit release whose behaviour this router has."""

VERSION = "4.2.8"

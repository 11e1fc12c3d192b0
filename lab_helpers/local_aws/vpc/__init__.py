"""Addresses and dependencies of the VPC where moto is too lenient."""

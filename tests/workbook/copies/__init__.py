"""Copies of the workbook."""

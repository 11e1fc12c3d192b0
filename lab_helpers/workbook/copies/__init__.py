"""Copies of the workbook: a trainee's own, a class's without solutions, one in a new folder."""

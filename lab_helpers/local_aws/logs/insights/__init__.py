"""Logs Insights: a query's text to a tree, the tree to a table."""

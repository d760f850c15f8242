"""Metrics: their names, and their points at even distances."""

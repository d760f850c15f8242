"""Traces: filters, search, and one trace whole."""

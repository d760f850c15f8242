"""OTLP requests as columns."""

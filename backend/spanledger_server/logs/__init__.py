"""Log records: search."""

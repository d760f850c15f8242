"""The database: one file, one process, one writer."""

"""Tests of bills held against the ledger. All figures are made up; the columns are those of the real exports."""

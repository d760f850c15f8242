"""Providers' bills and usage exports, held against the ledger.

Never: a bill that changes the ledger.
"""

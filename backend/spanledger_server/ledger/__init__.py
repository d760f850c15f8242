"""The ledger: one line for each billable call or explicit cost.

Never: a call counted twice.
"""

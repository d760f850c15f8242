"""What calls cost by which prices: the prices that were set, and lines of the ledger priced anew.

Never: a line that changes its price without a trace.
"""

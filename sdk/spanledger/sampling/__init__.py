"""Which traces keep their spans. The ledger is asked nothing: money is never sampled."""

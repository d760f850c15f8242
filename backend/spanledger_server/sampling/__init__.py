"""How many traces senders are asked to keep."""

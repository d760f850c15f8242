"""Budgets: what may be spent, what is, what will be, and who may still spend."""

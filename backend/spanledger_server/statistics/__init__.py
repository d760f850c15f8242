"""Figures over periods: what was spent, and what was lost on the way."""

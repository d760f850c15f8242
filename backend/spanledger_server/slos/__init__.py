"""Service level objectives: definitions, error budgets, burn rates, reports."""

"""Alerts that a Prometheus, or anything else that speaks to an Alertmanager sends here, and how long each fired."""

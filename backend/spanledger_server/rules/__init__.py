"""Rules: what is looked at, when it is too much, and what an alert of it says."""

"""SQL of users: checked against a list of what is allowed, run within limits, kept under a name."""

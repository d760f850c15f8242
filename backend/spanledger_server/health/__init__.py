"""Health of services: checks that ask them, and what they answered over time."""

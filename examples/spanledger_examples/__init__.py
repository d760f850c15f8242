"""The examples: a bookshop, a simulated provider, and the demo that runs both against the backend."""

"""Who may come in: roles, tokens, sessions, and the trail of what administrators changed."""

"""How each kind of check asks."""

"""Minutes, hours and days, recomputed from what they are made of."""

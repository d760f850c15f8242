"""The way in: requests become rows, and retention takes them away again."""

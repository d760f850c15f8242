"""Telling people: what is told, to whom, when, and by which way; and whether it arrived."""

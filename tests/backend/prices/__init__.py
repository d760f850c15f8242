"""Tests of prices that were set, and of lines priced anew."""

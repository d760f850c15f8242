"""Fixtures of the contract tests."""

from tests.contract.reads import reads

__all__ = ["reads"]

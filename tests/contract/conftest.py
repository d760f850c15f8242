"""Fixtures of the contract tests."""

from tests.contract.reads import reading_app, reads

__all__ = ["reading_app", "reads"]

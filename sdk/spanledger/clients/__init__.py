"""Instrumentations of the `openai` and `anthropic` packages: their calls leave a span and a ledger line, undecorated.

Given nothing, takes the place of the one method of each client class that all requests go through, and gives it back.

Never: an import of a provider's package before it is asked for.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from spanledger.clients.watching import take_place


class _ClientInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    _undo: tuple[Callable[[], None], ...] = ()

    @abstractmethod
    def _client_classes(self) -> tuple[type, type]:
        """The plain client's class and the asynchronous one's."""

    def _instrument(self, **kwargs: Any) -> None:
        del kwargs  # spans and lines go where all of ours go
        plain, asynchronous = self._client_classes()
        self._undo = (take_place(plain), take_place(asynchronous))

    def _uninstrument(self, **kwargs: Any) -> None:
        del kwargs
        for undo in self._undo:
            undo()
        self._undo = ()


class OpenAIInstrumentor(_ClientInstrumentor):
    """Of `OpenAI`, `AsyncOpenAI`, and what is derived from them, as Azure's clients are."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """What it needs."""
        return ("openai >= 1.50",)

    def _client_classes(self) -> tuple[type, type]:
        import openai

        return openai.OpenAI, openai.AsyncOpenAI


class AnthropicInstrumentor(_ClientInstrumentor):
    """Of `Anthropic` and `AsyncAnthropic`, and of its clients for Bedrock and Vertex."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """What it needs."""
        return ("anthropic >= 0.40",)

    def _client_classes(self) -> tuple[type, type]:
        import anthropic

        return anthropic.Anthropic, anthropic.AsyncAnthropic

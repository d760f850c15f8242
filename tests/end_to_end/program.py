"""A user's program for the end-to-end tests: decorated calls of real clients, and what the SDK says became of them.

``python -m tests.end_to_end.program CALLS`` makes that many calls, waits for a line on standard input, flushes, and
prints `stats()` as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anthropic
import httpx2
import openai

import spanledger

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "yes"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1000, "output_tokens": 100},
}


def answer(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json=MESSAGE if request.url.path.endswith("/messages") else CHAT)


http_client = httpx2.Client(transport=httpx2.MockTransport(answer))
openai_client = openai.OpenAI(api_key="none", base_url="http://provider.test/v1", http_client=http_client)
anthropic_client = anthropic.Anthropic(api_key="none", base_url="http://provider.test", http_client=http_client)


@spanledger.traced_cost(feature="answers")
def ask_openai() -> Any:
    return openai_client.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": "?"}])


@spanledger.traced_cost
def ask_anthropic() -> Any:
    """Anthropic's client makes a span of its own; it must not make a second line."""
    messages: Any = [{"role": "user", "content": "?"}]
    return anthropic_client.messages.create(model="claude-haiku-4-5", max_tokens=100, messages=messages)


@spanledger.traced_cost
def ask_anthropic_for_text() -> str:
    """The usage is only in the client's own span, for the answer is not returned."""
    return str(ask_client())


def ask_client() -> Any:
    messages: Any = [{"role": "user", "content": "?"}]
    return anthropic_client.messages.create(model="claude-haiku-4-5", max_tokens=100, messages=messages).content[0]


def main(calls: int) -> None:
    spanledger.configure(service_name="program")
    with spanledger.context(user_id="ada", user_tier="pro", session_id="s-1", tenant="acme"):
        for i in range(calls):
            (ask_openai, ask_anthropic, ask_anthropic_for_text)[i % 3]()
    print("called", flush=True)
    sys.stdin.readline()
    spanledger.flush(60)
    print(json.dumps(spanledger.stats()), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))

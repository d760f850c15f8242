"""Anthropic's form: messages, the usage inside them, and completions of old.

Given fields, gives `Usage` and `Reading`. The wire counts the input without what was read from or written to a cache;
`Usage` counts all of it, so the three are added.

Never: a running total (`message_delta`) added to another; the later one replaces the earlier.
"""

from __future__ import annotations

from spanledger.providers.fields import Fields, fields_of
from spanledger.usage import Reading, Usage, text, whole


def usage(raw: Fields) -> Usage | None:
    """Usage in Anthropic's words, made inclusive; `None` if neither input nor output is said."""
    fresh = whole(raw.get("input_tokens"))
    answered = whole(raw.get("output_tokens"))
    if fresh is None and answered is None:
        return None
    read = whole(raw.get("cache_read_input_tokens"))
    written = whole(raw.get("cache_creation_input_tokens"))
    kept = fields_of(raw.get("cache_creation"))
    details = fields_of(raw.get("output_tokens_details"))
    tools = fields_of(raw.get("server_tool_use"))
    return Usage(
        None if fresh is None else fresh + (read or 0) + (written or 0),
        answered,
        read,
        written,
        None if kept is None else whole(kept.get("ephemeral_5m_input_tokens")),
        None if kept is None else whole(kept.get("ephemeral_1h_input_tokens")),
        None if details is None else whole(details.get("thinking_tokens")),
        web_searches=None if tools is None else whole(tools.get("web_search_requests")) or None,
    )


def is_exclusive(raw: Fields) -> bool:
    """Whether the usage is in Anthropic's words, whose input leaves out the cached parts."""
    return (
        raw.get("cache_read_input_tokens") is not None
        or raw.get("cache_creation_input_tokens") is not None
        or raw.get("cache_creation") is not None
    )


def reading(message: Fields, used: Usage | None) -> Reading:
    """What a message says.

    Args:
        message: The message's fields.
        used: The usage already read from it.
    """
    raw = fields_of(message.get("usage"))
    response_id = text(message.get("id"))
    return Reading(
        used,
        _HOSTS.get((response_id or "")[:9], "anthropic"),
        text(message.get("model")),
        response_id,
        None if raw is None else text(raw.get("service_tier")),
        (),
        "chat",
    )


def completion(answer: Fields) -> Reading:
    """What a completion of the legacy interface says: nothing of its usage."""
    return Reading(None, "anthropic", text(answer.get("model")), text(answer.get("id")), None, (), "text_completion")


_HOSTS = {"msg_bdrk_": "aws.bedrock", "msg_vrtx_": "gcp.vertex_ai"}  # how the ids begin that others' servers give

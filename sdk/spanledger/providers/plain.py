"""Any answer: tells whose form it has and reads it.

Given what a function returned, gives a `Reading`, or `None` when it is no answer. Understands provider objects and
their JSON, those of frameworks, events and lines of batches that hold them, usage objects by themselves, a `Usage`, and
plain dicts such as `{"input_tokens": 12, "output_tokens": 3}` or `{"usage": {...}}`.

Never: an import of a provider's package.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from spanledger.providers import anthropic, forms, litellm, names, openai
from spanledger.providers.fields import Fields, fields_of, module_of
from spanledger.usage import Reading, Usage, added, text

_NOT_BILLED = frozenset({"MessageTokensCount", "BetaMessageTokensCount", "InputTokenCountResponse"})
_DEEPEST = 3
_MOST_LINES = 100_000


def read(answer: object) -> Reading | None:
    """What `answer` says of its usage and of itself, or `None` if it is no answer that is understood."""
    kind: Any = type(answer)  # `type[object]` is not seen to be hashable
    if kind is dict or openai.is_own_chat(kind):
        usual = openai.usual_chat(answer, kind)
        if usual is not None:  # the commonest first
            return usual
    fields = fields_of(answer)
    if fields is None:
        return _without_fields(answer)
    raw = fields.get("usage")
    if type(raw) is not dict:
        raw = fields_of(raw)
    if raw is not None and fields.get("object") == "chat.completion":
        said = openai.chat_reading(fields, raw, kind)
        return said if said.provider is not None else named(said, answer)
    if forms.is_empty(fields):
        return None
    found = _read(answer, fields, raw) or _opened(fields, _DEEPEST)
    return None if found is None else named(found, answer)


def read_flat(answer: object) -> Reading | None:
    """The same, but for what stands inside an event or wrapper."""
    fields = fields_of(answer)
    if fields is None or forms.is_empty(fields):
        return None
    found = _read(answer, fields, fields_of(fields.get("usage")))
    return None if found is None else named(found, answer)


def named(read: Reading, answer: object) -> Reading:
    """The reading with a provider's name, if the answer's object keeps one aside."""
    return read if read.provider is not None or type(answer) is dict else litellm.named(read, answer)


def finish_reasons(answer: object) -> tuple[str, ...]:
    """Why the model stopped, one a choice."""
    kind: Any = type(answer)
    reason = openai.own_reason(answer) if kind is not dict and openai.is_own_chat(kind) else None
    if reason is not None:  # the commonest first
        return (reason,)
    fields = fields_of(answer)
    if fields is None:
        return ()
    choices = fields.get("choices")
    if type(choices) is list and len(choices) == 1:
        choice = choices[0] if type(choices[0]) is dict else fields_of(choices[0])
        reason = (choice or fields).get("finish_reason")
        return (reason,) if isinstance(reason, str) else ()
    about = fields_of(fields.get("response_metadata"))  # of a LangChain message
    return names.finish_reasons(fields if about is None else about)


def _read(answer: object, fields: Fields, raw: Fields | None) -> Reading | None:
    kind, module = type(answer).__name__, module_of(answer)
    sort, form = fields.get("type"), fields.get("object")
    if kind in _NOT_BILLED or form == "batch":
        return None  # a batch is asked for again and again; its results are billed
    if sort == "message" and (raw is not None or text(fields.get("model"))):
        return anthropic.reading(fields, None if raw is None else anthropic.usage(raw))
    if sort == "completion" and text(fields.get("model")):
        return anthropic.completion(fields)
    known = None if isinstance(form, str) and form in _OPENAI else forms.reading(fields)
    if known is not None:
        return known
    if raw is None:
        if isinstance(form, str) and text(fields.get("model")) and fields.get("error") is None:
            return openai.reading(fields, kind, module, None)
        heard = openai.transcript(fields, kind, module)
        if heard is not None:
            return heard
        used = forms.usage(fields)
    else:
        used = forms.usage(raw)
        if kind != "dict" or form is not None or fields.get("choices") is not None:
            return openai.reading(fields, kind, module, used)
    return None if used is None else _plain(fields, used)


def _opened(fields: Fields, depth: int) -> Reading | None:
    """What stands inside an event, a wrapper or a line of a batch."""
    inside, of_batch = forms.opened(fields)
    inner = fields_of(inside)
    if inner is None or depth == 0:
        return None
    found = read_flat(inside) or _opened(inner, depth - 1)
    return found._replace(service_tier="batch") if of_batch and found is not None else found


def _without_fields(answer: object) -> Reading | None:
    if isinstance(answer, Usage):
        return Reading(answer) if answer else None
    if isinstance(answer, (list, tuple)) and answer and _is_line(answer[0]):
        return _several(answer[:_MOST_LINES])
    return None


def _is_line(first: object) -> bool:
    """Whether a list that begins so is worth reading: answers and lines of batches, not numbers, texts or rows."""
    fields = fields_of(first)
    if fields is None:
        return False
    found = read(first)
    return fields.get("custom_id") is not None if found is None else found.operation is not None


def _several(answers: Sequence[object]) -> Reading | None:
    """Several answers: if each has an id of its own, the last is the reading and the others are `further`.

    Those of one model that have no ids, as embeddings, are one reading with their sum.
    """
    found = [one for one in map(read, answers) if one is not None and one.usage is not None]
    known = {one.response_id: one for one in found if one.response_id is not None}
    if known:
        *others, last = known.values()
        return last._replace(further=tuple(others))
    if len({(one.provider, one.model, one.operation) for one in found}) != 1:
        return None
    return found[-1]._replace(usage=functools.reduce(added, [one.usage for one in found if one.usage is not None]))


def _plain(fields: Fields, used: Usage) -> Reading:
    return Reading(
        used,
        text(fields.get("provider")),
        text(fields.get("model")),
        text(fields.get("response_id")) or text(fields.get("id")),
        text(fields.get("service_tier")),
        state="estimated" if fields.get("estimated") is True else "reported",
    )


_OPENAI = frozenset({"chat.completion", "chat.completion.chunk", "response", "text_completion", "thread.run"})

"""Celery: how many tasks wait at its broker in Redis, and which workers answer.

Workers are asked as `celery inspect ping` asks them: a message to all, whose answers come to a queue of our own.

Never: a task that is taken, or a queue of ours that stays.
"""

from __future__ import annotations

import base64
import json
import math
import secrets
from typing import Any, Final

from spanledger_server.health.answer import Answer, BrokenError, visible
from spanledger_server.health.deadline import Deadline
from spanledger_server.health.kinds.redis import SCHEMES, Redis
from spanledger_server.health.options import Option, number, texts, trust
from spanledger_server.health.question import Kind, Question

STEPS: Final = ("", "\x06\x163", "\x06\x166", "\x06\x169")  # Celery's priorities, each a list of its own
SEPARATOR: Final = "\x06\x16"
ANSWERS_S: Final = 2.0  # for which answers of workers are waited for, at most


def ask(question: Question) -> Answer:
    """Count what waits, and have the workers answer."""
    options, least = question.options, question.options["workers"]
    with Redis(question) as redis:
        waiting = {queue: sum(_length(redis, queue + step) for step in STEPS) for queue in options["queues"]}
        whole = sum(waiting.values())
        reached, names = _workers(redis, question.deadline) if least else (0, [])
        told: dict[str, Any] = {"waiting": waiting}
        if least:
            told |= {"workers": names, "reached": reached}
        said = f"{whole} task{'s' if whole != 1 else ''} wait{'s' if whole == 1 else ''}"
        if least:
            said += f", {len(names)} worker{'s' if len(names) != 1 else ''} answered"
        if least and len(names) < least:
            return question.answered(f"{said}, {least} needed", redis.line, "down", **told)
        if options["down_above"] is not None and whole > options["down_above"]:
            return question.answered(f"{said}, more than {options['down_above']}", redis.line, "down", **told)
        if whole > options["degraded_above"]:
            return question.answered(f"{said}, more than {options['degraded_above']}", redis.line, "degraded", **told)
        if reached > len(names):
            return question.answered(f"{said} of {reached} that are connected", redis.line, "degraded", **told)
        return question.answered(said, redis.line, **told)


def _length(redis: Redis, queue: str) -> int:
    found = redis.told("LLEN", queue)
    if not isinstance(found, int):
        raise BrokenError("did not tell the length of a queue")
    return found


def _workers(redis: Redis, deadline: Deadline) -> tuple[int, list[str]]:
    """How many were reached, and the names of those that answered."""
    mine = secrets.token_hex(16)
    queue = f"{mine}.reply.celery.pidbox"
    binding = ("_kombu.binding.reply.celery.pidbox", SEPARATOR.join((mine, "", queue)))
    redis.told("SADD", *binding)
    try:
        reached = redis.told("PUBLISH", f"/{redis.database}.celery.pidbox", _ping(mine))
        reached = reached if isinstance(reached, int) else 0
        return reached, sorted(_answers(redis, queue, reached, deadline))
    finally:
        redis.told("SREM", *binding)
        redis.told("DEL", queue)


def _answers(redis: Redis, queue: str, count: int, deadline: Deadline) -> set[str]:
    names: set[str] = set()
    until = Deadline(min(ANSWERS_S, deadline.left() / 2))
    while len(names) < count:
        left = until.seconds - until.taken_ns() / 1e9
        if left <= 0:
            break
        found = redis.told("BRPOP", queue, str(max(0.01, math.floor(left * 100) / 100)))
        if found is None:
            break
        names |= _names(found)
    return names


def _names(found: Any) -> set[str]:
    try:
        message = json.loads(found[1])
        body = json.loads(base64.b64decode(message["body"]))
        return {visible(str(name), 100) for name in body}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BrokenError("a worker's answer cannot be read") from error


def _ping(mine: str) -> str:
    """The message that `celery inspect ping` sends, as kombu writes it."""
    reply = {"exchange": "reply.celery.pidbox", "routing_key": mine}
    body: dict[str, Any] = {"method": "ping", "arguments": {}, "destination": None, "pattern": None, "matcher": None}
    body |= {"ticket": secrets.token_hex(16), "reply_to": reply}
    properties = {
        "delivery_mode": 2,
        "delivery_info": {"exchange": "celery.pidbox", "routing_key": ""},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": secrets.token_hex(16),
    }
    message = {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"clock": 1},
        "properties": properties,
    }
    return json.dumps(message)


COUNT: Final = number(0, 10**9, whole=True)

KIND: Final = Kind(
    name="celery",
    meaning="few enough tasks wait, and workers answer",
    target="its broker: redis://user:password@host:6379/0, or rediss:// for TLS",
    schemes=SCHEMES,
    options={
        "queues": Option(["celery"], texts(), "the queues whose waiting tasks are counted"),
        "degraded_above": Option(100, COUNT, "degraded when more tasks wait"),
        "down_above": Option(None, number(0, 10**9, whole=True, none=True), "down when more tasks wait; null: never"),
        "workers": Option(1, number(0, 1000, whole=True), "how many workers must answer; 0: none is asked"),
        **trust(),
    },
    ask=ask,
)

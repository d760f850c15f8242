"""A check: what is asked, how often, and what it takes to believe the answer.

Given what an administrator says, gives a frozen definition and apart from it what of it is secret; all mistakes are
told at once.

Never: a secret in a definition. What is shown, stored and noted of a check holds `***` in its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.health import target
from spanledger_server.health.kinds.all import KINDS
from spanledger_server.health.kinds.dns import NAME
from spanledger_server.health.machine import INTERVALS, Patience
from spanledger_server.health.options import number, text, truth
from spanledger_server.health.question import Kind
from spanledger_server.health.target import MASK, Place

SECOND_NS: Final = 10**9
SHORTEST_S, LONGEST_S = 5, 86_400
LONGEST_TIMEOUT_S: Final = 60
LONGEST_NAME: Final = 200
USUAL: Final[Mapping[str, Any]] = {
    "service": None,
    "enabled": True,
    "interval_s": 30,
    "timeout_s": 5,
    "down_after": 3,
    "up_after": 1,
    "slow_ms": None,
}
READ: Final = {
    "service": text(LONGEST_NAME),
    "enabled": truth,
    "interval_s": number(SHORTEST_S, LONGEST_S),
    "timeout_s": number(0.1, LONGEST_TIMEOUT_S),
    "down_after": number(1, 20, whole=True),
    "up_after": number(1, 20, whole=True),
    "slow_ms": number(1, 60_000, none=True),
}


@dataclass(frozen=True, slots=True)
class Check:
    """What is asked, without what is secret.

    Attributes:
        name: For people; no two checks have the same.
        kind: One of `KINDS`.
        target: Where, or whose; `***` in place of what is secret.
        options: What was said beside, by the kind's names.
        service: The service that it belongs to; None: it stands for itself.
        enabled: Whether anybody looks.
        interval_s: How often, seconds; a tenth more or less, so that checks do not all ask at once.
        timeout_s: How long a look may take, seconds.
        down_after: How many worse answers in a row are believed.
        up_after: How many better ones.
        slow_ms: What takes longer is degraded; None: nothing is.
    """

    name: str
    kind: str
    target: str
    options: Mapping[str, Any]
    service: str | None
    enabled: bool
    interval_s: float
    timeout_s: float
    down_after: int
    up_after: int
    slow_ms: float | None

    @property
    def patience(self) -> Patience:
        """What it takes to believe an answer."""
        silent_s = INTERVALS * self.interval_s + self.timeout_s
        return Patience(self.down_after, self.up_after, round(silent_s * SECOND_NS))

    def told(self) -> dict[str, Any]:
        """As it is stored, shown and noted."""
        return asdict(self)

    def asks_the_same(self, other: Check) -> bool:
        """Whether what is known of the other is known of this one too."""
        return (self.kind, self.target, self.options) == (other.kind, other.target, other.options)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What of a check is never told.

    Attributes:
        target: The whole target where it holds something secret, else None.
        options: Whole values of secret options.
    """

    target: str | None
    options: Mapping[str, Any]

    def stored(self) -> str:
        """As it is kept in its own table."""
        return json.dumps({"target": self.target, "options": dict(self.options)})

    @classmethod
    def read(cls, stored: str | None) -> Secrets:
        """What was kept."""
        found = {"target": None, "options": {}} if stored is None else json.loads(stored)
        return cls(found["target"], found["options"])


NONE: Final = Secrets(None, {})


def parse(
    given: Mapping[str, Any], before: Secrets = NONE, shown: Mapping[str, Any] | None = None
) -> tuple[Check, Secrets]:
    """A definition, and its secrets.

    Args:
        given: What an administrator says, by the names of `Check`.
        before: The secrets that hold; they stay where `given` repeats what is shown of them.
        shown: The definition that holds, as it is shown; None for a new one.

    Raises:
        Mistakes: All that is wrong.
    """
    wrong: list[Invalid] = []
    kind = KINDS.get(given["kind"]) if isinstance(given.get("kind"), str) else None
    if kind is None:
        raise Mistakes([Invalid("kind", given.get("kind"), f"one of {', '.join(KINDS)}")])
    values: dict[str, Any] = {"kind": kind.name, "name": _name(given.get("name"), wrong)}
    for name, read in READ.items():
        values[name] = _read(name, given.get(name, USUAL[name]), read, wrong)
    whole, values["target"] = _target(kind, given.get("target"), before, shown, wrong)
    moved = shown is None or given.get("target") != shown["target"]
    values["options"], hidden = _options(kind, given.get("options"), NONE if moved else before, wrong)
    if not wrong:
        wrong = _together(values)
    if wrong:
        raise Mistakes(wrong)
    return Check(**values), Secrets(whole if whole != values["target"] else None, hidden)


def stored(text_of: str) -> Check:
    """A definition as it was stored."""
    found = json.loads(text_of)
    return Check(**{each.name: found[each.name] for each in fields(Check)})


def whole(check: Check, secrets: Secrets) -> tuple[str, Place | None, dict[str, Any]]:
    """The target, the same in parts, and the options, with their secrets and defaults: what a look is given."""
    kind = KINDS[check.kind]
    text_of = secrets.target or check.target
    options = {name: option.default for name, option in kind.options.items()}
    options |= {**check.options, **secrets.options}
    return text_of, None if kind.schemes is None else target.place(text_of, kind.schemes), options


def _name(value: Any, wrong: list[Invalid]) -> str:
    fits = isinstance(value, str) and value.strip() == value and value.isprintable() and 1 <= len(value) <= LONGEST_NAME
    if not fits:
        wrong.append(Invalid("name", value, f"1 to {LONGEST_NAME} printable characters, no space at its ends"))
    return str(value)


def _read(name: str, value: Any, read: Any, wrong: list[Invalid]) -> Any:
    try:
        return read(value)
    except ValueError as error:
        wrong.append(Invalid(name, target.shown(value) if isinstance(value, str) else value, str(error)))
        return None


def _target(
    kind: Kind, value: Any, before: Secrets, shown: Mapping[str, Any] | None, wrong: list[Invalid]
) -> tuple[str, str]:
    """The whole target, and what is shown of it."""
    if kind.target == "":
        if value not in (None, ""):
            wrong.append(Invalid("target", value, "none: this kind has no target"))
        return "", ""
    kept = shown is not None and before.target is not None and value == shown["target"]
    text_of = before.target if kept else value
    masked = target.shown(text_of) if isinstance(text_of, str) else ""
    try:
        if not isinstance(text_of, str) or not text_of:
            raise ValueError(kind.target)
        if MASK in text_of:
            raise ValueError(f"{kind.target}; what is secret in it has to be said again when it changes")
        _check_target(kind, text_of)
    except ValueError as error:
        wrong.append(Invalid("target", masked or value, str(error)))
    return str(text_of), masked


def _check_target(kind: Kind, text_of: str) -> None:
    if kind.schemes is not None:
        target.place(text_of, kind.schemes)
    elif kind.allowed and text_of not in kind.allowed:
        raise ValueError(kind.target)
    elif kind.name == "dns" and not NAME.fullmatch(text_of):
        raise ValueError("a name such as db.example.org")
    elif len(text_of) > LONGEST_NAME or not text_of.isprintable():
        raise ValueError(f"{kind.target}, at most {LONGEST_NAME} printable characters")


def _options(kind: Kind, given: Any, before: Secrets, wrong: list[Invalid]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is shown of the options, and what is secret."""
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        wrong.append(Invalid("options", given, "an object"))
        return {}, {}
    shown: dict[str, Any] = {}
    hidden: dict[str, Any] = {}
    for name, value in given.items():
        option = kind.options.get(name)
        if option is None:
            allowed = f"one of {', '.join(kind.options)}" if kind.options else f"nothing: {kind.name} has no options"
            wrong.append(Invalid(f"options.{str(name)[:100]}", MASK, allowed))
            continue
        if not option.secret:
            shown[name] = _read(f"options.{name}", value, option.read, wrong)
            continue
        value = _unmasked(value, before.options.get(name))
        try:
            if isinstance(value, Mapping) and MASK in value.values():
                raise ValueError("values in place of ***: they are not known, or the target is another one")
            hidden[name] = option.read(value)
            shown[name] = dict.fromkeys(value, MASK)
        except ValueError as error:
            wrong.append(Invalid(f"options.{name}", MASK, str(error)))
    return shown, {name: value for name, value in hidden.items() if value}


def _unmasked(value: Any, before: Any) -> Any:
    """Headers, with what was there before in place of what is not told."""
    if not isinstance(value, Mapping):
        return value
    known = before if isinstance(before, Mapping) else {}
    return {name: known.get(name, each) if each == MASK else each for name, each in value.items()}


def _together(values: Mapping[str, Any]) -> list[Invalid]:
    wrong = []
    if values["timeout_s"] > values["interval_s"]:
        wrong.append(Invalid("timeout_s", values["timeout_s"], "not longer than interval_s"))
    options = values["options"]
    if values["kind"] == "telemetry" and options.get("degraded_minutes", 5) > options.get("down_minutes", 15):
        wrong.append(Invalid("options.degraded_minutes", options.get("degraded_minutes", 5), "at most down_minutes"))
    if values["kind"] == "dns" and options.get("server") is None and options.get("record", "A") not in ("A", "AAAA"):
        wrong.append(Invalid("options.record", options["record"], "A or AAAA where no `server` is named"))
    return wrong

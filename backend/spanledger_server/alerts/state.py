"""How one alert goes on: inactive, pending, firing, recovering, resolved; given where it stands and what is measured.

Given a standing (None: inactive), a verdict (None: its group is not in the answer), the rule's policy and the time,
gives the standing from now on and the changes that led there. What is not measured is not judged: the policies say
what it stands for. Beside the state: acknowledged (until), flapping, and severity, which may rise in place.

Never: a clock, a store, or a decision that is not a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from spanledger_server.notify.event import Severity
from spanledger_server.rules.verdict import Outcome, Verdict

State = Literal["pending", "firing", "recovering", "resolved"]
Unmeasured = Literal["keep", "fire", "resolve"]
Kind = Literal[
    "pending",
    "dropped",
    "fired",
    "worse",
    "recovering",
    "refired",
    "resolved",
    "flapping",
    "unflapping",
    "acknowledged",
    "unacknowledged",
    "note",
]
Reading = Literal["holds", "between", "clear", "unknown"]

RANKS: Final[dict[Severity, int]] = {"info": 0, "warning": 1, "error": 2, "critical": 3}
KEPT_RUNS: Final = 2  # a group that is not in the answer is taken to be late, so long
FLAP_RUNS: Final = 20
FLAP_CHANGES: Final = 4
TICK_NS: Final = 10 * 10**9


@dataclass(frozen=True, slots=True)
class Policy:
    """What a rule says of how its alerts go on.

    Attributes:
        severity: Of its alerts.
        for_ns: How long the condition holds before it fires.
        keep_firing_ns: How long it fires on after the condition is over.
        no_data: What it stands for that nothing was measured.
        error: What it stands for that it cannot be judged.
        every_ns: How often it is judged.
        damped: Whether one that fires and ends again and again is held firing.
    """

    severity: Severity
    for_ns: int = 0
    keep_firing_ns: int = 0
    no_data: Unmeasured = "keep"
    error: Unmeasured = "keep"
    every_ns: int = TICK_NS
    damped: bool = True

    @property
    def flap_window_ns(self) -> int:
        """Over how long changes are counted: so many runs, or as many of its own delays where those are longer."""
        return FLAP_RUNS * max(self.every_ns, self.for_ns + self.keep_firing_ns)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an alert stands. Times are nanoseconds since 1970.

    Attributes:
        state: Of the episode; inactive is no standing at all.
        severity: As it was told last.
        pending_ns: Since when the condition holds.
        fired_ns: When it began to fire.
        recovering_ns: Since when the condition is over while it fires on.
        resolved_ns: When it ended.
        held_ns: Since when it is over, and held only because it flaps.
        unmeasured_ns: Since when nothing tells.
        waits: It was resolved by hand: it fires again only after it was seen to be over.
        flips: When it fired and ended of late, across episodes.
        flapping: It fires and ends again and again.
        acked_by: Who takes care of it.
        acked_ns: Since when.
        acked_until_ns: When that ends by itself; None: with the episode.
        value: Measured last.
        threshold: Against what.
        outcome: Of the last verdict.
        reason: Why there is no value.
        alert_id: Of the episode; None until it is recorded.
    """

    state: State
    severity: Severity
    pending_ns: int
    fired_ns: int | None = None
    recovering_ns: int | None = None
    resolved_ns: int | None = None
    held_ns: int | None = None
    unmeasured_ns: int | None = None
    waits: bool = False
    flips: tuple[int, ...] = ()
    flapping: bool = False
    acked_by: str | None = None
    acked_ns: int | None = None
    acked_until_ns: int | None = None
    value: float | Decimal | None = field(default=None, compare=False)  # news, but no change
    threshold: float | Decimal | None = field(default=None, compare=False)
    outcome: Outcome | None = None
    reason: str | None = field(default=None, compare=False)
    alert_id: UUID | None = None

    @property
    def open(self) -> bool:
        """Whether the episode goes on."""
        return self.state != "resolved"

    @property
    def fires(self) -> bool:
        """Whether it was told and has not ended."""
        return self.state in ("firing", "recovering")


@dataclass(frozen=True, slots=True)
class Change:
    """One step of an alert.

    Attributes:
        kind: What happened.
        from_state: Where it stood; None: inactive.
        to_state: Where it stands; None: inactive.
        why: In words.
    """

    kind: Kind
    from_state: State | None
    to_state: State | None
    why: str


Step = tuple[Standing | None, tuple[Change, ...]]


def step(standing: Standing | None, verdict: Verdict | None, policy: Policy, now_ns: int) -> Step:
    """Where an alert stands from now on, and what changed.

    Args:
        standing: Where it stood; None: inactive.
        verdict: What the rule says of its group; None: the group is not in the answer.
        policy: Of the rule.
        now_ns: The time; may be earlier than before.

    Returns:
        The standing and the changes in order. Whoever held a resolved standing may forget it when None comes back.
    """
    if standing is None:
        return (None, ()) if verdict is None or verdict.outcome == "false" else _resting(None, verdict, policy, now_ns)
    standing = _not_ahead(standing, now_ns)
    if not standing.open:
        return _resting(standing, verdict, policy, now_ns)
    unmeasured_ns = None if _measured(verdict) else standing.unmeasured_ns or now_ns
    reading = _reading(verdict, policy, unmeasured_ns, now_ns)
    if reading == "unknown" and standing.state == "pending" and _stale(unmeasured_ns, policy, now_ns):
        return None, (Change("dropped", "pending", None, _why(verdict)),)
    noted = _noted(standing, verdict, unmeasured_ns)
    noted, first = _acknowledgement_over(noted, now_ns)
    moved, changes = _moved(noted, reading, policy, now_ns, _why(verdict))
    if moved is None:
        return None, changes
    moved, rose = _severity(moved, policy)
    moved, flap = _calmed(moved, policy, now_ns)
    return moved, (*first, *changes, *rose, *flap)


def _not_ahead(standing: Standing, now_ns: int) -> Standing:
    """Without times that have not come yet: the clock was set back, and waiting for them would take too long."""
    times = (standing.pending_ns, standing.recovering_ns, standing.held_ns, standing.unmeasured_ns, *standing.flips)
    if not any(at_ns is not None and at_ns > now_ns for at_ns in times):
        return standing
    return replace(
        standing,
        pending_ns=min(standing.pending_ns, now_ns),
        recovering_ns=_at_most(standing.recovering_ns, now_ns),
        held_ns=_at_most(standing.held_ns, now_ns),
        unmeasured_ns=_at_most(standing.unmeasured_ns, now_ns),
        flips=tuple(min(at_ns, now_ns) for at_ns in standing.flips),
    )


def _at_most(at_ns: int | None, now_ns: int) -> int | None:
    return None if at_ns is None else min(at_ns, now_ns)


def _measured(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.outcome in ("true", "false")


def _stale(unmeasured_ns: int | None, policy: Policy, now_ns: int) -> bool:
    return unmeasured_ns is not None and now_ns - unmeasured_ns >= KEPT_RUNS * policy.every_ns


def _reading(verdict: Verdict | None, policy: Policy, unmeasured_ns: int | None, now_ns: int) -> Reading:
    """What a verdict, or that there is none, stands for."""
    if verdict is None and not _stale(unmeasured_ns, policy, now_ns):
        return "unknown"
    if verdict is not None and verdict.outcome == "true":
        return "holds"
    if verdict is not None and verdict.outcome == "false":
        return "clear" if verdict.clear else "between"
    meaning = policy.error if verdict is not None and verdict.outcome == "error" else policy.no_data
    readings: dict[Unmeasured, Reading] = {"keep": "unknown", "fire": "holds", "resolve": "clear"}
    return readings[meaning]


def _why(verdict: Verdict | None) -> str:
    if verdict is None:
        return "its group is not in the answer any more"
    if verdict.outcome == "true":
        return "the condition holds"
    if verdict.outcome == "false":
        return "the condition is over"
    what = "cannot be judged" if verdict.outcome == "error" else "no data"
    return what if verdict.reason is None else f"{what}: {verdict.reason}"


def _noted(standing: Standing, verdict: Verdict | None, unmeasured_ns: int | None) -> Standing:
    if verdict is None:
        return replace(standing, unmeasured_ns=unmeasured_ns, outcome="no_data", reason="its group is missing")
    measured = verdict.value is not None
    return replace(
        standing,
        unmeasured_ns=unmeasured_ns,
        value=verdict.value if measured else standing.value,
        threshold=verdict.threshold if verdict.threshold is not None else standing.threshold,
        outcome=verdict.outcome,
        reason=verdict.reason,
    )


def _resting(standing: Standing | None, verdict: Verdict | None, policy: Policy, now_ns: int) -> Step:
    """From inactive, or from resolved: a new episode begins, or nothing happens."""
    flips = _recent(standing.flips if standing else (), policy, now_ns)
    reading: Reading = "unknown" if verdict is None else _reading(verdict, policy, None, now_ns)
    if standing is not None and standing.waits:
        over = verdict is None or reading in ("between", "clear")
        return (replace(standing, waits=False, flips=flips) if over else standing), ()
    if reading != "holds" or verdict is None:
        return (standing if flips else None), ()
    begun = Standing("pending", policy.severity, now_ns, flips=flips)
    begun = _noted(begun, verdict, None if _measured(verdict) else now_ns)
    why = _why(verdict)
    if policy.for_ns > 0:
        return begun, (Change("pending", None, "pending", why),)
    fired, changes = _fired(begun, None, policy, now_ns, why)
    calmed, flap = _calmed(fired, policy, now_ns)
    return calmed, (*changes, *flap)


def _recent(flips: tuple[int, ...], policy: Policy, now_ns: int) -> tuple[int, ...]:
    return tuple(at_ns for at_ns in flips if now_ns - at_ns < policy.flap_window_ns)


def _moved(standing: Standing, reading: Reading, policy: Policy, now_ns: int, why: str) -> Step:
    """The step of the state itself, from an open one."""
    if reading == "unknown":
        return standing, ()
    if standing.state == "pending":
        if reading != "holds":
            return None, (Change("dropped", "pending", None, why),)
        due = now_ns - standing.pending_ns >= policy.for_ns
        return _fired(standing, "pending", policy, now_ns, why) if due else (standing, ())
    if standing.held_ns is not None:
        return _from_held(standing, reading, policy, now_ns, why)
    if reading != "clear":
        return _fires_on(standing, why)
    return _over(standing, policy, now_ns, why)


def _fired(
    standing: Standing, before: State | None, policy: Policy, now_ns: int, why: str
) -> tuple[Standing, tuple[Change, ...]]:
    flips = _flips(standing, policy, now_ns)
    fired = replace(standing, state="firing", fired_ns=now_ns, severity=policy.severity, flips=flips)
    return fired, (Change("fired", before, "firing", why),)


def _flipped(standing: Standing, policy: Policy, now_ns: int) -> Standing:
    return replace(standing, flips=_flips(standing, policy, now_ns))


def _flips(standing: Standing, policy: Policy, now_ns: int) -> tuple[int, ...]:
    """When it changed lately, and now."""
    return (*_recent(standing.flips, policy, now_ns), now_ns)[-FLAP_RUNS:]


def _fires_on(standing: Standing, why: str) -> Step:
    if standing.state == "firing":
        return standing, ()
    return replace(standing, state="firing", recovering_ns=None), (Change("refired", "recovering", "firing", why),)


def _over(standing: Standing, policy: Policy, now_ns: int, why: str) -> Step:
    """The condition is over: fire on for a while, then end, unless it flaps."""
    since_ns = standing.recovering_ns if standing.recovering_ns is not None else now_ns
    if now_ns - since_ns < policy.keep_firing_ns:
        if standing.state == "recovering":
            return standing, ()
        moved = replace(standing, state="recovering", recovering_ns=now_ns)
        return moved, (Change("recovering", "firing", "recovering", why),)
    flipped = _flipped(standing, policy, now_ns)
    if policy.damped and len(flipped.flips) >= FLAP_CHANGES:
        held = replace(flipped, state="recovering", recovering_ns=since_ns, held_ns=now_ns)
        began = standing.state != "recovering"
        return held, ((Change("recovering", standing.state, "recovering", why),) if began else ())
    return resolved(flipped, now_ns, why)


def _from_held(standing: Standing, reading: Reading, policy: Policy, now_ns: int, why: str) -> Step:
    if reading == "holds":
        back = replace(_flipped(standing, policy, now_ns), state="firing", held_ns=None, recovering_ns=None)
        return back, (Change("refired", "recovering", "firing", why),)
    if len(_recent(standing.flips, policy, now_ns)) >= FLAP_CHANGES and policy.damped:
        return standing, ()
    return resolved(standing, now_ns, why)


def resolved(standing: Standing, now_ns: int, why: str, *, waits: bool = False) -> tuple[Standing, tuple[Change, ...]]:
    """The alert, ended; first it stops to flap, if it did.

    Args:
        standing: An open one.
        now_ns: The time.
        why: In words.
        waits: Whether it may fire again only after it was seen to be over.
    """
    calm = (Change("unflapping", standing.state, standing.state, "it ends"),) if standing.flapping else ()
    ended = replace(standing, state="resolved", resolved_ns=now_ns, held_ns=None, flapping=False, waits=waits)
    return ended, (*calm, Change("resolved", standing.state, "resolved", why))


def _severity(standing: Standing, policy: Policy) -> tuple[Standing, tuple[Change, ...]]:
    if standing.severity == policy.severity or not standing.open:
        return standing, ()
    why = f"from {standing.severity} to {policy.severity}"
    rose = RANKS[policy.severity] > RANKS[standing.severity] and standing.fires
    changes = (Change("worse", standing.state, standing.state, why),) if rose else ()
    return replace(standing, severity=policy.severity), changes


def _calmed(standing: Standing, policy: Policy, now_ns: int) -> tuple[Standing, tuple[Change, ...]]:
    """Whether it flaps from now on."""
    if not standing.fires:
        return standing, ()
    flapping = policy.damped and len(_recent(standing.flips, policy, now_ns)) >= FLAP_CHANGES
    if flapping == standing.flapping:
        return standing, ()
    why = f"{FLAP_CHANGES} changes in {policy.flap_window_ns // 10**9} s" if flapping else "it is calm again"
    change = Change("flapping" if flapping else "unflapping", standing.state, standing.state, why)
    return replace(standing, flapping=flapping), (change,)


def _acknowledgement_over(standing: Standing, now_ns: int) -> tuple[Standing, tuple[Change, ...]]:
    if standing.acked_until_ns is None or now_ns < standing.acked_until_ns:
        return standing, ()
    return unacknowledged(standing, "its time is over")


def acknowledged(standing: Standing, by: str, until_ns: int | None, now_ns: int) -> tuple[Standing, tuple[Change, ...]]:
    """Somebody takes care of it, until a time or until it ends."""
    why = "until it ends" if until_ns is None else "for a time"
    taken = replace(standing, acked_by=by, acked_ns=now_ns, acked_until_ns=until_ns)
    return taken, (Change("acknowledged", standing.state, standing.state, why),)


def unacknowledged(standing: Standing, why: str) -> tuple[Standing, tuple[Change, ...]]:
    """Nobody takes care of it any more."""
    change = Change("unacknowledged", standing.state, standing.state, why)
    return replace(standing, acked_by=None, acked_ns=None, acked_until_ns=None), (change,)

"""What the alerts of one group should come to, written as plainly as can be: the answer that the product is held to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Group:
    """One group of one rule, in whole seconds."""

    for_s: int
    keep_s: int
    no_data: str
    error: str
    damped: bool = True
    phase: str = "idle"  # idle, pending, firing, calming, held
    since_s: int = 0  # of pending and calming
    silent_s: int | None = None
    told_to_wait: bool = False
    taken_until_s: float | None = None
    flapping: bool = False
    flips: list[int] = field(default_factory=list)

    @property
    def window_s(self) -> int:
        return 20 * max(10, self.for_s + self.keep_s)

    @property
    def fires(self) -> bool:
        return self.phase in ("firing", "calming", "held")

    def much(self, now_s: int) -> bool:
        return self.damped and len([each for each in self.flips if now_s - each < self.window_s][-20:]) >= 4

    def meaning(self, outcome: str | None, now_s: int) -> str:
        """True, false, between, or nothing."""
        if outcome in ("true", "false", "between"):
            return str(outcome)
        if outcome is None and (self.phase == "idle" or now_s - (self.silent_s or now_s) < 20):
            return "nothing"
        policy = self.error if outcome == "error" else self.no_data
        return {"keep": "nothing", "fire": "true", "resolve": "false"}[policy]

    def hear(self, outcome: str | None, now_s: int) -> list[str]:
        """What is told after this."""
        measured = outcome in ("true", "false", "between")
        if self.phase == "idle":
            self.silent_s = None if measured else now_s
        else:
            self.silent_s = None if measured else self.silent_s if self.silent_s is not None else now_s
        meaning = self.meaning(outcome, now_s)
        if self.told_to_wait:
            self.told_to_wait = not (outcome is None or meaning in ("false", "between"))
            return []
        told: list[str] = []
        if self.taken_until_s is not None and now_s >= self.taken_until_s and self.fires:
            self.taken_until_s = None
            told.append("unacknowledged")
        told += self.go(meaning, now_s)
        if self.fires and self.much(now_s) is not self.flapping:
            self.flapping = not self.flapping
            told.append("flapping" if self.flapping else "unflapping")
        return told

    def go(self, meaning: str, now_s: int) -> list[str]:
        if meaning == "nothing":
            if self.phase == "pending" and self.silent_s is not None and now_s - self.silent_s >= 20:
                self.phase = "idle"
            return []
        if self.phase == "idle":
            if meaning != "true":
                return []
            self.phase, self.since_s, self.taken_until_s = "pending", now_s, None
            return self.go(meaning, now_s) if self.for_s == 0 else []
        if self.phase == "pending":
            if meaning != "true":
                self.phase = "idle"
                return []
            if now_s - self.since_s < self.for_s:
                return []
            self.phase = "firing"
            self.flips.append(now_s)
            return ["fired"]
        if self.phase == "held":
            if meaning == "true":
                self.phase = "firing"
                self.flips.append(now_s)
                return []
            return [] if self.much(now_s) else self.end(now_s)
        if meaning != "false":
            self.phase = "firing"
            return []
        if self.phase == "firing":
            self.phase, self.since_s = "calming", now_s
        if now_s - self.since_s < self.keep_s:
            return []
        self.flips.append(now_s)
        if self.much(now_s):
            self.phase = "held"
            return []
        return self.end(now_s)

    def end(self, now_s: int) -> list[str]:
        told = ["unflapping"] if self.flapping else []
        fired = self.fires
        self.phase, self.flapping, self.taken_until_s = "idle", False, None
        return [*told, "resolved"] if fired else []

"""A network namespace with one cable to this one, to be cut and healed: nobody is told, packets just stop."""

from __future__ import annotations

import os
import shutil
import subprocess

HERE, THERE = "10.213.77.1", "10.213.77.2"


def ip(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ip", *words], capture_output=True)


def can_be_cut() -> bool:
    """Whether this machine lets us make namespaces."""
    name = f"can{os.getpid()}"
    made = bool(shutil.which("ip")) and ip("netns", "add", name).returncode == 0
    return made and ip("netns", "del", name).returncode == 0


class Cable:
    """A namespace whose address is THERE, at the end of a cable to HERE."""

    def __init__(self) -> None:
        self._name, self._near, self._far = (f"{kind}{os.getpid()}" for kind in ("sl", "sla", "slb"))
        self.within = ["ip", "netns", "exec", self._name]  # to be put before a command that shall live there

    def __enter__(self) -> Cable:
        for words in (
            ("netns", "add", self._name),
            ("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._name),
            ("addr", "add", f"{HERE}/24", "dev", self._near),
            ("link", "set", self._near, "up"),
            ("-n", self._name, "addr", "add", f"{THERE}/24", "dev", self._far),
            ("-n", self._name, "link", "set", self._far, "up"),
            ("-n", self._name, "link", "set", "lo", "up"),
        ):
            done = ip(*words)
            assert done.returncode == 0, (words, done.stderr)
        return self

    def __exit__(self, *_: object) -> None:
        ip("netns", "del", self._name)

    def cut(self) -> None:
        """Nothing passes."""
        assert ip("link", "set", self._near, "down").returncode == 0

    def heal(self) -> None:
        """All is well again."""
        assert ip("link", "set", self._near, "up").returncode == 0

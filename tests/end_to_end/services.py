"""A Redis and a PostgreSQL of the tests' own, on free ports of this machine; their data is thrown away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.ports import kept_port
from tests.support.waiting import until

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to be run by root


def found(program: str) -> str | None:
    """Where the program is; Debian keeps PostgreSQL's out of the path."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, versions)]))


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis; gives its URL."""
    port = kept_port()
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running([str(found("redis-server")), *arguments], folder / "redis.log"):
        until(lambda: listens(port), 60, called="Redis")
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL that trusts everybody on loopback; gives the URL of an empty database."""
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    port = kept_port()
    with TemporaryDirectory() as folder:  # not in pytest's folders, which are closed to other users
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        made = ["--pgdata", data, "--username", "tests", "--auth", "trust", "--no-sync"]
        subprocess.run([str(found("initdb")), *made], check=True, capture_output=True, user=user, cwd="/")
        server = [str(found("postgres")), "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
        server += ["-c", "unix_socket_directories=", "-c", "fsync=off"]
        with running(server, Path(folder, "log"), user=user):
            until(lambda: ready(port), 60, called="PostgreSQL")
            yield f"postgresql://tests@127.0.0.1:{port}/postgres"


def ready(port: int) -> bool:
    asked = [str(found("pg_isready")), "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(asked, capture_output=True).returncode == 0


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextmanager
def running(
    command: list[str], log: Path, *, user: str | None = None, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The program, until the block ends."""
    with log.open("wb") as said:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, user=user, env=env, cwd="/", **streams)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

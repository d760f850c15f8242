"""Redis, PostgreSQL and Celery themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis as client

from tests.backend.health.scripted import look
from tests.end_to_end import services
from tests.support.certificates import Authority
from tests.support.ports import kept_port
from tests.support.waiting import until

PASSWORD = "correct horse=battery,staple"

needs_redis = pytest.mark.skipif(services.found("redis-server") is None, reason="no redis-server on this machine")
needs_postgresql = pytest.mark.skipif(
    services.found("initdb") is None or services.found("postgres") is None, reason="no PostgreSQL on this machine"
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int, Authority]]:
    """A Redis with a password, open and with TLS."""
    folder, plain, secured = tmp_path_factory.mktemp("redis"), kept_port(), kept_port()
    authority = Authority(folder, "ours")
    pair = authority.issue("cache")
    arguments = ["--port", str(plain), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    arguments += ["--requirepass", PASSWORD, "--tls-port", str(secured), "--tls-auth-clients", "no"]
    arguments += ["--tls-cert-file", str(pair.certificate), "--tls-key-file", str(pair.key)]
    with services.running([str(services.found("redis-server")), *arguments], folder / "redis.log"):
        until(lambda: services.listens(plain), 60, called="Redis")
        yield plain, secured, authority


@needs_redis
def test_redis_is_asked_with_its_password_and_over_tls(port: tuple[int, int, Authority]):
    plain, secured, authority = port
    quoted = PASSWORD.replace(" ", "%20").replace("=", "%3D").replace(",", "%2C")
    assert look("redis", f"redis://:{quoted}@127.0.0.1:{plain}/3").reason == "answered PONG"
    known = {"authority": authority.file.read_text(), "certificate_days": 0}
    over = look("redis", f"rediss://:{quoted}@127.0.0.1:{secured}", options=known)
    assert (over.state, over.told["certificate_days"]) == ("healthy", pytest.approx(1, abs=0.1))
    for wrong in (f"redis://127.0.0.1:{plain}", f"redis://:no@127.0.0.1:{plain}"):
        found = look("redis", wrong)
        assert found.state == "down"
        assert PASSWORD not in found.reason
        assert found.reason.startswith(("answered NOAUTH", "answered WRONGPASS"))


@needs_redis
def test_celery_s_queue_is_counted_and_its_workers_answer(port: tuple[int, int, Authority], tmp_path: Path):
    plain, _, _ = port
    quoted = PASSWORD.replace(" ", "%20").replace("=", "%3D").replace(",", "%2C")
    url = f"redis://:{quoted}@127.0.0.1:{plain}/1"
    none = look("celery", url)
    assert (none.state, none.reason) == ("down", "0 tasks wait, 0 workers answered, 1 needed")
    cache = client.Redis(port=plain, password=PASSWORD, db=1)
    cache.lpush("slow", "a", "b")
    cache.lpush("slow\x06\x163", "c")
    options = {"queues": ["slow"], "workers": 0, "degraded_above": 2}
    found = look("celery", url, options=options)
    assert (found.state, found.reason, found.told["waiting"]) == (
        "degraded",
        "3 tasks wait, more than 2",
        {"slow": 3},
    )
    assert look("celery", url, options=options | {"down_above": 2}).state == "down"
    (tmp_path / "jobs.py").write_text(f"from celery import Celery\napp = Celery('jobs', broker={url!r})\n")
    command = [sys.executable, "-m", "celery", "-A", "jobs", "worker", "--pool", "solo", "-n", "one@here"]
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen([*command, "-l", "WARNING"], cwd=tmp_path, stdout=log, stderr=log)
    try:
        until(lambda: look("celery", url).state == "healthy", 60, called="the worker answers")
        answered = look("celery", url)
        assert (answered.reason, answered.told["workers"]) == ("0 tasks wait, 1 worker answered", ["one@here"])
        assert [key for key in cache.scan_iter() if b"reply" in key] == []
    finally:
        worker.kill()
        worker.wait(10)
        cache.close()


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Authority]]:
    """A PostgreSQL that wants passwords, in each of its ways, and speaks TLS."""
    user, number = (services.UNPRIVILEGED if os.geteuid() == 0 else None), kept_port()
    with TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)
        data, authority = Path(folder, "data"), Authority(tmp_path_factory.mktemp("authority"), "ours")
        made = ["--pgdata", str(data), "--username", "tests", "--auth", "trust", "--no-sync"]
        subprocess.run([str(services.found("initdb")), *made], check=True, capture_output=True, user=user, cwd="/")
        pair = authority.issue("database")
        for name, file in (("server.crt", pair.certificate), ("server.key", pair.key)):
            (data / name).write_bytes(file.read_bytes())
            (data / name).chmod(0o600)
            if user:
                shutil.chown(data / name, user)
        ways = (("scrammed", "scram-sha-256"), ("hashed", "md5"), ("plain", "password"), ("tests", "trust"))
        access = [f"host all {name} 127.0.0.1/32 {how}" for name, how in ways]
        (data / "pg_hba.conf").write_text("\n".join([*access, "local all all trust", ""]))
        server = [str(services.found("postgres")), "-D", str(data), "-p", str(number), "-c", "ssl=on"]
        server += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        with services.running(server, Path(folder, "log"), user=user):
            until(lambda: services.ready(number), 60, called="PostgreSQL")
            _users(number)
            yield number, authority


def _users(number: int) -> None:
    import psycopg

    with psycopg.connect(f"postgresql://tests@127.0.0.1:{number}/postgres", autocommit=True) as connection:
        for name, how in (("scrammed", "scram-sha-256"), ("hashed", "md5"), ("plain", "scram-sha-256")):
            connection.execute(f"SET password_encryption = '{how}'".encode())
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'".encode())


@needs_postgresql
@pytest.mark.parametrize("name", ["scrammed", "hashed", "plain"])
@pytest.mark.parametrize("tls", ["off", "required"])
def test_postgresql_is_logged_in_to_in_each_of_its_ways(postgresql: tuple[int, Authority], name: str, tls: str):
    number, authority = postgresql
    quoted = PASSWORD.replace(" ", "%20").replace("=", "%3D").replace(",", "%2C")
    known = {"tls": tls, "verify": True, "authority": authority.file.read_text(), "certificate_days": 0}
    found = look("postgresql", f"postgresql://{name}:{quoted}@127.0.0.1:{number}/postgres", options=known)
    assert (found.state, found.reason, found.told["tls"]) == ("healthy", "answered SELECT 1", tls == "required")


@needs_postgresql
def test_postgresql_says_why_it_does_not_let_in(postgresql: tuple[int, Authority]):
    number, _ = postgresql
    wrong = look("postgresql", f"postgresql://scrammed:no@127.0.0.1:{number}/postgres")
    assert (wrong.state, wrong.reason) == (
        "down",
        'answered: password authentication failed for user "scrammed" (28P01)',
    )
    none = look("postgresql", f"postgresql://scrammed@127.0.0.1:{number}/postgres")
    assert (none.state, none.reason) == ("unknown", "it asks for a password, and the target has none")
    missing = look("postgresql", f"postgresql://tests@127.0.0.1:{number}/nowhere")
    assert (missing.state, missing.reason) == ("down", 'answered: database "nowhere" does not exist (3D000)')

"""Programs that end as servers have them end: what waited has been delivered."""

import os
import signal
import subprocess
import sys

import pytest

from tests.sdk.making import environment, program
from tests.sdk.receiver import http_receiver
from tests.sdk.test_delivery import numbers

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="servers end so on Unix")

APPLICATION = """
import spanledger
from spanledger.ledger import record
from tests.sdk.making import entry

spanledger.configure(service_name="shop", interval_s=3600)


async def application(scope, receive, send):
    assert scope["type"] == "lifespan"
    await receive()
    record(entry(1))
    await send({"type": "lifespan.startup.complete"})
    print("ready", flush=True)
    await receive()
    record(entry(2))
    await send({"type": "lifespan.shutdown.complete"})
"""


def test_uvicorn_kills_itself_when_what_its_application_recorded_has_been_delivered(tmp_path):
    (tmp_path / "shop.py").write_text(APPLICATION)
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(tmp_path), "--port", "0", "shop:application"]
    with http_receiver() as (received, address):
        process = subprocess.Popen(
            command, env=environment(SPANLEDGER_ENDPOINT=address), stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        with process.stdout:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == -signal.SIGTERM
        assert numbers(received) == [1, 2]


def test_a_forked_worker_delivers_at_the_end_that_its_server_gives_it_though_that_was_loaded_later():
    with http_receiver() as (received, address):
        done = program(
            """
            import asyncio, os
            import spanledger
            from spanledger.ledger import record
            from tests.sdk.making import entry

            spanledger.configure(service_name="shop", interval_s=3600)
            from celery import signals
            from uvicorn.server import Server

            async def ended(server):
                return None

            Server.shutdown = ended
            child = os.fork()
            if child == 0:
                record(entry(1))
                signals.worker_process_shutdown.send(sender=None, pid=os.getpid(), exitcode=0)
                record(entry(2))
                asyncio.run(Server.shutdown(None))
                record(entry(3))
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            if os.fork() == 0:
                record(entry(4))  # and the child ends as Python does
            else:
                assert os.wait()[1] == 0
            """,
            env={"SPANLEDGER_ENDPOINT": address},
        )
        assert done.returncode == 0, done.stderr
        assert numbers(received) == [1, 2, 4]
        assert all(resource["service.instance.id"] for resource in received.resources())

"""The ends of a program, each of which has what waits delivered before.

Given what delivers, has it called at the program's normal end (`atexit`), at SIGTERM where that would just kill it, and
where servers end otherwise: uvicorn kills itself with the signal that has stopped it, and the children of Celery's pool
leave without telling Python.

Never: a signal handler of somebody else's replaced, or an import of a server.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from spanledger.guard import guard

_guard = guard("endings")


def deliver_at_the_end(
    shutdown: Callable[[], object], settle_down: Callable[[], object], *, handle_sigterm: bool
) -> None:
    """Have everything delivered when the program ends; once for a process.

    Args:
        shutdown: Delivers, and stops.
        settle_down: Delivers or keeps on disk; what is recorded afterwards goes on as before.
        handle_sigterm: Whether to handle SIGTERM, in the main thread and where nobody else does.
    """
    atexit.register(shutdown)
    main = threading.current_thread() is threading.main_thread()
    if handle_sigterm and main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:

        def terminate(number: int, frame: FrameType | None) -> None:
            del frame
            signal.signal(number, signal.SIG_DFL)  # then end as the signal would have ended us
            shutdown()
            os.kill(os.getpid(), number)

        signal.signal(signal.SIGTERM, terminate)
    deliver_with_servers(settle_down)


def deliver_with_servers(settle_down: Callable[[], object]) -> None:
    """Have it called where the servers end that are there by now; another time where more may be."""
    with _guard:
        uvicorn: Any = getattr(sys.modules.get("uvicorn.server"), "Server", None)
        if uvicorn is not None and not hasattr(uvicorn.shutdown, "delivers"):
            uvicorn.shutdown = _then(uvicorn.shutdown, settle_down)
        celery: Any = sys.modules.get("celery.signals")
        if celery is not None:

            def leave(**_: Any) -> None:
                settle_down()

            celery.worker_process_shutdown.connect(leave, weak=False, dispatch_uid="spanledger.endings")


def _then(shut_down: Callable[..., Any], settle_down: Callable[[], object]) -> Callable[..., Any]:
    """The `Server.shutdown` of uvicorn, and delivery when requests and lifespan have ended."""

    async def delivering(*args: Any, **kwargs: Any) -> None:
        try:
            await shut_down(*args, **kwargs)
        finally:
            with _guard:
                await asyncio.get_running_loop().run_in_executor(None, settle_down)

    delivering.delivers = True  # type: ignore[attr-defined]
    return delivering

"""The same question again and again: `--watch SECONDS`.

Given a command that prints, and how often, prints it again and again: in a terminal in place, each frame in one write
and cut to what fits; into a file, a pipe or a terminal that cannot be drawn in one after another. A server that is
away for a moment is told in the frame, and asked again.

Never: a terminal left without its cursor, or a loop that outlives Ctrl-C.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from types import FrameType
from typing import Final, TextIO

from spanledger_server.cli.client import BadQuestionError
from spanledger_server.cli.format import visible
from spanledger_server.errors import SpanledgerError

try:
    import termios
except ImportError:  # a system whose terminals have no such modes
    termios = None  # type: ignore[assignment]  # asked for before it is used

ENTER: Final = "\x1b[?1049h\x1b[?25l"  # another screen, no cursor
LEAVE: Final = "\x1b[?25h\x1b[?1049l"
BEGIN: Final = "\x1b[?2026h\x1b[H"  # draw all at once where the terminal can; from the top
CLEAR_LINE: Final = "\x1b[K"
END: Final = "\x1b[J\x1b[?2026l"
PLAIN: Final = ("dumb", "unknown")  # terminals in which nothing can be drawn in place
LOCAL_FLAGS: Final = 3  # where termios keeps them


class Frame(io.StringIO):
    """What a command prints, kept; to the command it looks like the place that it will be shown at."""

    def __init__(self, place: TextIO) -> None:
        super().__init__()
        self._place = place

    def isatty(self) -> bool:
        """Whether it will be shown in a terminal."""
        return self._place.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # as the place's
        """How the place writes."""
        return self._place.encoding


def watch(
    show: Callable[[], object], every_s: float, *, as_json: bool, wait: Callable[[float], bool] | None = None
) -> None:
    """Run `show` until it ends the program, or Ctrl-C.

    Args:
        show: Prints one frame to standard output.
        every_s: Seconds between two frames.
        as_json: Whether frames are lines of JSON, to which nothing is added.
        wait: Waits so many seconds; true ends the watching.

    Raises:
        BadQuestionError: The question cannot be asked like this, now or later.
    """
    place = sys.stdout
    in_place = place.isatty() and not as_json and os.environ.get("TERM") not in PLAIN
    wait = wait or threading.Event().wait
    last = ""
    if in_place:
        place.write(ENTER)
    try:
        with _interruptible() as interrupted, _unechoed(in_place=in_place):
            while not interrupted:
                last, ends = _frame(show, place)
                _paint(place, last, every_s, in_place=in_place, as_json=as_json)
                if ends is not None:
                    raise ends
                if wait(every_s):
                    return
    except KeyboardInterrupt:
        return
    finally:
        if in_place:
            place.write(LEAVE + last)
            place.flush()


@contextmanager
def _unechoed(*, in_place: bool) -> Iterator[None]:
    """Keys, and the ^C that ends it, are not written into what is drawn."""
    if not in_place or termios is None or not sys.stdin.isatty():
        yield
        return
    place = sys.stdin.fileno()
    before = termios.tcgetattr(place)
    quiet = termios.tcgetattr(place)
    quiet[LOCAL_FLAGS] &= ~termios.ECHO
    termios.tcsetattr(place, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(place, termios.TCSAFLUSH, before)  # what was typed meanwhile is nobody's next command


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Filled by Ctrl-C, which interrupts as ever: where that is raised in what cannot raise, it would be lost."""
    interrupted: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        interrupted.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _frame(show: Callable[[], object], place: TextIO) -> tuple[str, SystemExit | None]:
    """What `show` prints, and how it ended the program, if it did."""
    frame = Frame(place)
    try:
        with redirect_stdout(frame):
            show()
    except BadQuestionError:
        raise
    except SpanledgerError as error:
        frame.write("".join(f"spanledger: {visible(line)}\n" for line in str(error).splitlines()))
    except SystemExit as end:
        return frame.getvalue(), end
    return frame.getvalue(), None


def _paint(place: TextIO, text: str, every_s: float, *, in_place: bool, as_json: bool) -> None:
    now = dt.datetime.now(dt.UTC)
    if in_place:
        place.write(
            fitted(text, f"every {every_s:g} s, {now:%H:%M:%S} UTC; Ctrl-C ends", shutil.get_terminal_size()[1])
        )
    elif as_json:
        place.write(text)
    else:
        place.write(f"{now:%Y-%m-%dT%H:%M:%SZ}\n{text}\n")
    place.flush()


def fitted(text: str, heading: str, height: int) -> str:
    """A whole frame for a terminal of `height` lines, which erases what the one before left."""
    lines = [heading, "", *text.splitlines()]
    room = max(1, height - 1)
    if len(lines) > room:
        hidden = len(lines) - room + 1
        lines = [*lines[: room - 1], f"… {hidden} more lines: a taller terminal shows them"]
    return BEGIN + "".join(f"{line}{CLEAR_LINE}\n" for line in lines) + END

"""A connection to something that is checked: bytes out, bytes in, TLS, all within one deadline.

Given a host, a port and a deadline, connects to an address that may be asked, and gives what comes, a bounded amount
of it.

Never: a read without a limit, or an error that is not a reason.
"""

from __future__ import annotations

import io
import socket
import ssl
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from spanledger_server.health import certificates, names
from spanledger_server.health.answer import BrokenError, CannotError, LookFailedError, visible
from spanledger_server.health.deadline import Deadline

LONGEST_LINE: Final = 8192


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates are believed.

    Attributes:
        verify: Whether they have to be of an authority that is known, and of the host.
        authority: Certificates (PEM) of authorities in place of this machine's; None: this machine's.
    """

    verify: bool = True
    authority: str | None = None


@lru_cache(32)
def context(trust: Trust) -> ssl.SSLContext:
    """What a client needs to trust so.

    Raises:
        CannotError: `authority` holds no certificates.
    """
    try:
        made = ssl.create_default_context(cadata=trust.authority)
    except (ssl.SSLError, ValueError) as error:
        raise CannotError("`authority` holds no certificates in PEM") from error
    if not trust.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


class Line:
    """An open connection; closed by `with`."""

    def __init__(self, opened: socket.socket, host: str, deadline: Deadline) -> None:
        self.host = host
        self.deadline = deadline
        self.ends_ns: int | None = None  # when the certificate that was shown ends
        self.secured = False
        self._socket = opened
        self._read = b""

    @classmethod
    def opened(cls, host: str, port: int, deadline: Deadline, trust: Trust | None = None) -> Line:
        """Connect; with `trust`, begin with TLS.

        Raises:
            BrokenError: It cannot be reached.
            CannotError: It may not be asked.
        """
        failed: OSError | None = None
        for family, address in names.resolved(host, port, deadline):
            found = socket.socket(family, socket.SOCK_STREAM)
            try:
                found.settimeout(deadline.left("it was connected"))
                found.connect(address)
            except TimeoutError:
                found.close()
                raise deadline.over("it was connected") from None
            except OSError as error:
                found.close()
                failed = error
                continue
            except BrokenError:
                found.close()
                raise
            line = cls(found, host, deadline)
            if trust is not None:
                line._secured_or_closed(trust)
            return line
        raise BrokenError(f"not reached: {failed.strerror or failed}" if failed else "it has no address")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _secured_or_closed(self, trust: Trust) -> None:
        try:
            self.secure(trust)
        except LookFailedError:
            self._socket.close()
            raise

    def secure(self, trust: Trust) -> None:
        """Go on with TLS.

        Raises:
            BrokenError: It does not speak it, or its certificate is not to be trusted.
        """
        if self._read:
            raise BrokenError("it sent something before TLS that was not asked for")
        try:
            self._socket.settimeout(self.deadline.left("TLS was agreed on"))
            made = context(trust).wrap_socket(self._socket, server_hostname=self.host)
        except ssl.SSLCertVerificationError as error:
            raise BrokenError(f"certificate: {error.verify_message}") from error
        except TimeoutError:
            raise self.deadline.over("TLS was agreed on") from None
        except (OSError, ValueError) as error:
            raise BrokenError(f"no TLS: {_why(error)}") from error
        self._socket, self.secured = made, True
        shown = made.getpeercert(binary_form=True)
        self.ends_ns = None if shown is None else certificates.ends_ns(shown)

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            BrokenError: It was hung up, or there is no time left.
        """
        try:
            self._socket.settimeout(self.deadline.left())
            self._socket.sendall(data)
        except TimeoutError:
            raise self.deadline.over("it took the question") from None
        except OSError as error:
            raise BrokenError(f"hung up: {_why(error)}") from error

    def receive(self, most: int = 65_536) -> bytes:
        """What comes next, at most so much; empty when there is no more.

        Raises:
            BrokenError: It was hung up, or there is no time left.
        """
        if self._read:
            found, self._read = self._read[:most], self._read[most:]
            return found
        try:
            self._socket.settimeout(self.deadline.left())
            return self._socket.recv(most)
        except TimeoutError:
            raise self.deadline.over() from None
        except OSError as error:
            raise BrokenError(f"hung up: {_why(error)}") from error

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes.

        Raises:
            BrokenError: There are no so many.
        """
        found = bytearray()
        while len(found) < count:
            more = self.receive(count - len(found))
            if not more:
                raise BrokenError("hung up in the middle of its answer")
            found += more
        return bytes(found)

    def line(self, most: int = LONGEST_LINE) -> bytes:
        """The next line, without its end.

        Raises:
            BrokenError: It is too long, or ends in the middle.
        """
        found = bytearray()
        while b"\n" not in found:
            if len(found) > most:
                raise BrokenError(f"a line of more than {most} bytes came")
            more = self.receive(4096)
            if not more:
                raise BrokenError("hung up in the middle of its answer" if found else "hung up without an answer")
            found += more
        content, _, self._read = bytes(found).partition(b"\n")
        return content.rstrip(b"\r")

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """What `http.client` reads an answer from."""
        return io.BufferedReader(_Raw(self))


class _Raw(io.RawIOBase):
    """The line as a file."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # what io gives is one of these
        found = self._line.receive(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _why(error: Exception) -> str:
    """An error of a socket in few words."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not understood").lower().replace("_", " ")
    return visible(str(getattr(error, "strerror", None) or error))

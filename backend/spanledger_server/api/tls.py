"""TLS for all doors: one certificate, whose files are read again when they change, and whom clients must be known by.

Given the files, gives the context for HTTP and the credentials for gRPC.

Never: a running server that ends, or serves nothing, because new files cannot be used: the old ones stay.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import grpc

from spanledger_server.errors import SpanledgerError

log = logging.getLogger(__name__)

Stamp = tuple[int, ...]


class Tls:
    """One certificate, from a start to its end.

    Args:
        certificate: PEM file with the certificate, and those between it and its authority.
        key: PEM file with its key, not encrypted.
        client_ca: PEM file with the authorities whose certificates clients must show; None when they need show none.

    Raises:
        SpanledgerError: The files cannot be used.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self._certificate, self._key, self._client_ca = certificate, key, client_ca
        self._stamp = self._stamped()
        try:
            self.context = self._made()
            self._pair = self._read()
        except (OSError, ssl.SSLError) as error:
            raise SpanledgerError(f"--tls-cert, --tls-key or --tls-client-ca cannot be used: {error}") from error

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(
            self._certificate, self._key, password=lambda: ""
        )  # it is never asked for on a terminal
        if self._client_ca is not None:
            context.load_verify_locations(self._client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _read(self) -> tuple[bytes, bytes]:
        return self._key.read_bytes(), self._certificate.read_bytes()

    def _stamped(self) -> Stamp:
        try:
            return tuple(file.stat().st_mtime_ns for file in (self._certificate, self._key))
        except OSError:
            return ()  # they are being replaced

    def renew(self, _now_ns: int = 0) -> None:
        """Take the files as they are now, if they have changed; new connections have them."""
        stamp = self._stamped()
        if stamp in (self._stamp, ()):
            return
        self._stamp = stamp
        try:
            self._made()  # the running one is touched only with what can be used
            self._pair = self._read()
            self.context.load_cert_chain(self._certificate, self._key, password=lambda: "")
        except (OSError, ssl.SSLError) as error:
            log.error("the new certificate cannot be used, the old one stays", extra={"reason": str(error)})
            return
        log.info("the certificate was read again")

    def credentials(self) -> grpc.ServerCredentials:
        """What a gRPC server listens with."""
        authorities = None if self._client_ca is None else self._client_ca.read_bytes()

        def configuration() -> grpc.ServerCertificateConfiguration:
            return grpc.ssl_server_certificate_configuration([self._pair], root_certificates=authorities)

        return grpc.dynamic_ssl_server_credentials(
            configuration(), configuration, require_client_authentication=authorities is not None
        )

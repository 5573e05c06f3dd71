"""How a server is reached: dialled, or spawned and spoken to over its standard streams, or spawned and then dialled."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading
from typing import Any, Mapping, Optional, Sequence

STALL_SECONDS = 10.0  # how long a server may take to be reached, to say hello, to take a line, or to end
_CHUNK = 1 << 16
_LONGEST_HANDSHAKE = 1 << 16


class TLSSocket(socket.socket):
    """TLS that one thread may read while another writes. With an ssl.SSLSocket that is safe only since Python 3.13."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._lock = threading.Lock()  # guards the three; nothing is waited for while it is held
        super().__init__(fileno=sock.detach())
        self.settimeout(STALL_SECONDS)

    def recv(self, size: int, flags: int = 0) -> bytes:
        while True:
            try:
                with self._lock:
                    return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._receive()

    def sendall(self, data: Any, flags: int = 0) -> None:
        rest = memoryview(data)
        while rest:
            try:
                with self._lock:
                    rest = rest[self._tls.write(rest):]
            except ssl.SSLWantReadError:  # shaking hands
                super().sendall(self._outgoing.read())
                self._receive()
        with self._lock:
            sealed = self._outgoing.read()
        super().sendall(sealed)

    def shutdown(self, how: int) -> None:
        if how == socket.SHUT_WR:
            with self._lock, contextlib.suppress(ssl.SSLError):  # the answer is not waited for
                self._tls.unwrap()
            self.sendall(b"")
        super().shutdown(how)

    def _receive(self) -> None:
        chunk = super().recv(_CHUNK)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        with self._lock:
            self._incoming.write(chunk)


def dial(host: str, port: int, unix: Optional[str], tls: Optional[ssl.SSLContext]) -> socket.socket:
    """A connection to an address, on which nothing waits longer than STALL_SECONDS."""
    sock = socket.create_connection((host, port), STALL_SECONDS) if unix is None else socket.socket(socket.AF_UNIX)
    try:
        if unix is None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            sock.settimeout(STALL_SECONDS)
            sock.connect(unix)
        return sock if tls is None else TLSSocket(sock, tls, host)
    except BaseException:
        sock.close()
        raise


class Child:
    """A server that is spawned, once for each connection, and spoken to over its standard streams."""

    def __init__(self, command: Sequence[str], popen: Mapping[str, Any]) -> None:
        self._command, self._popen = command, popen
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._streams: Optional[socket.socket] = None

    def dial(self) -> socket.socket:
        self.end()
        ours, theirs = socket.socketpair()
        ours.settimeout(STALL_SECONDS)
        self._streams = ours
        with theirs:
            self._process = subprocess.Popen(
                self._command, stdin=theirs.fileno(), stdout=theirs.fileno(), **self._popen)
        return ours

    def end(self) -> None:
        """Waits for the process, which ends with its input."""
        if self._streams is not None:
            self._streams.close()
        if self._process is not None:
            with self._process as process:
                try:
                    process.wait(STALL_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()


class DialledChild(Child):
    """A server that is spawned, says in its first line where it listens, and is dialled there."""

    def __init__(self, command: Sequence[str], popen: Mapping[str, Any], tls: Optional[ssl.SSLContext]) -> None:
        super().__init__(command, popen)
        self._tls, self._address = tls, ""

    def dial(self) -> socket.socket:
        if not self._address or self._process is None or self._process.poll() is not None:
            self._address = ""
            with super().dial().makefile("rb") as lines:
                self._address = json.loads(lines.readline(_LONGEST_HANDSHAKE))["tcp"]
        host, _, port = self._address.rpartition(":")
        return dial(host.strip("[]"), int(port), None, self._tls)

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
        super().end()

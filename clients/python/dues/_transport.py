"""How a server is reached: dialled, or spawned and spoken to over its standard streams, or spawned and then dialled."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from typing import IO, Mapping, Optional, Sequence, Union

_DIAL_SECONDS = 10.0
_LONGEST_HANDSHAKE = 1 << 16
EXIT_SECONDS = 10.0  # how long a spawned server may take to finish what is in flight


class Network:
    """A server at an address."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 7171, unix: Optional[str] = None,
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        self._host, self._port, self._unix, self._tls = host, port, unix, tls

    def dial(self) -> socket.socket:
        if self._unix is not None:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(_DIAL_SECONDS)
        else:
            sock = socket.create_connection((self._host, self._port), _DIAL_SECONDS)
        try:
            if self._unix is not None:
                sock.connect(self._unix)
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock if self._tls is None else self._tls.wrap_socket(sock, server_hostname=self._host)
        except BaseException:
            sock.close()
            raise

    def end(self) -> None:
        """A server that is only dialled goes on."""


class Stdio:
    """A server that is spawned, once for each connection."""

    def __init__(
        self, command: Sequence[str], env: Optional[Mapping[str, str]], stderr: Union[None, int, IO[bytes]]
    ) -> None:
        self._command, self._env, self._stderr = command, env, stderr
        self._child: Optional[subprocess.Popen[bytes]] = None

    def dial(self) -> socket.socket:
        self.end()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._spawn(theirs.fileno(), theirs.fileno())
            except BaseException:
                ours.close()
                raise
        return ours

    def end(self) -> None:
        """Waits for the server, which ends with its input."""
        if self._child is None:
            return
        child, self._child = self._child, None
        with child:
            try:
                child.wait(EXIT_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()

    def _spawn(self, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
        self._child = subprocess.Popen(
            self._command, stdin=stdin, stdout=stdout, stderr=self._stderr, env=self._env)
        return self._child


class Launch(Stdio):
    """A server that is spawned, says in its first line where it listens, and is dialled there."""

    def __init__(
        self, command: Sequence[str], env: Optional[Mapping[str, str]], stderr: Union[None, int, IO[bytes]],
        tls: Optional[ssl.SSLContext],
    ) -> None:
        super().__init__(command, env, stderr)
        self._tls = tls
        self._network = Network()

    def dial(self) -> socket.socket:
        if self._child is None or self._child.poll() is not None:  # else it goes on, and only the connection was lost
            self.end()
            self._network = self._launch()
        return self._network.dial()

    def end(self) -> None:
        if self._child is not None:
            self._child.terminate()
        super().end()

    def _launch(self) -> Network:
        child = self._spawn(subprocess.DEVNULL, subprocess.PIPE)
        assert child.stdout is not None
        timer = threading.Timer(_DIAL_SECONDS, child.kill)
        timer.start()
        try:
            handshake = json.loads(child.stdout.readline(_LONGEST_HANDSHAKE))
            if handshake["tcp"] is None:
                return Network(unix=handshake["unix"], tls=self._tls)
            host, _, port = handshake["tcp"].rpartition(":")
            return Network(host.strip("[]"), int(port), tls=self._tls)
        except (KeyError, OSError, TypeError, ValueError):
            self.end()
            raise ConnectionError("the server does not say where it listens") from None
        finally:
            timer.cancel()

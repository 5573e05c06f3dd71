"""One connection, on which any number of calls are in flight."""

from __future__ import annotations

import contextlib
import itertools
import math
import queue
import socket
import threading
from concurrent.futures import Future, InvalidStateError
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Mapping, Optional

from ._errors import DuesError, connection_lost
from ._wire import decode, encode, mapping

_LONGEST_ANSWER = 64 << 20  # bytes; whoever sends a longer line is no Dues server
_MOST_VALUES = 256  # of a stream, that are kept for a reader who is slow
_CHUNK = 1 << 16

if TYPE_CHECKING:
    Inbox = queue.SimpleQueue[Dict[str, Any]]
    """What there is for a caller: the server's messages; errors of the client's own, which look like the server's; and
    an empty message where it shall go on: the connection is ready, or the values of its stream were too many."""


def take(inbox: Inbox, until: float) -> Dict[str, Any]:
    """The next message; raises it if it is an error, and queue.Empty if there is none by then."""
    message = inbox.get(timeout=None if until == math.inf else max(0.0, until - monotonic()))
    if "error" in message:
        raise DuesError(mapping(message["error"]))
    return message


class Connection:
    """Dials, says hello, and gives each caller the messages that are for it, all in a thread of its own."""

    def __init__(self, dial: Callable[[], socket.socket], hello: Mapping[str, Any]) -> None:
        self.problem: Optional[Mapping[str, Any]] = None  # set once, when the connection is lost: an error
        self._is_open: Future[None] = Future()  # the server has answered rpc.hello, or there is a problem
        self._socket: Optional[socket.socket] = None
        # Keeps lines whole. Reentrant, for a stream that is collected as garbage is left wherever that happens.
        self._writing = threading.RLock()
        self._numbers = itertools.count(1)
        self._calls: Dict[int, Inbox] = {}  # by number; needs no lock, for whatever is done to it is one step
        self._thread = threading.Thread(target=self._run, args=(dial, hello), name="dues", daemon=True)
        self._thread.start()

    def wait(self, inbox: Inbox, until: float) -> None:
        """Returns when the server has answered rpc.hello, or there is a problem."""
        if not self._is_open.done():
            self._is_open.add_done_callback(lambda _: inbox.put({}))
            take(inbox, until)

    def begin(self, inbox: Inbox, method: str, params: Mapping[str, Any]) -> int:
        """Sends a call whose answer goes to `inbox`. Whoever begins one must leave it, by the number given."""
        number = next(self._numbers)
        line = encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        self._calls[number] = inbox
        if self.problem is None:
            self._send(line)
        else:
            self._lose(self.problem)  # those who lost it may have missed this call
        return number

    def leave(self, number: int) -> None:
        """Ends a call; the server is told where it has not answered."""
        if self._calls.pop(number, None) is not None:
            self._send(encode({"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": number}}))

    def close(self, seconds: float) -> None:
        """Ends the connection from this side, and waits for what the server has to say to that if a call is waiting."""
        with self._writing, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_WR)
        if self._calls:
            self._thread.join(seconds)
        self._lose(connection_lost("the client is closed"))
        self._thread.join()

    def _lose(self, problem: Mapping[str, Any]) -> None:
        """All calls in flight fail, and those that come too late."""
        self.problem = self.problem or problem
        for number in list(self._calls):
            inbox = self._calls.pop(number, None)
            if inbox is not None:
                inbox.put({"error": self.problem})
        with contextlib.suppress(InvalidStateError):
            self._is_open.set_result(None)
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)  # this wakes the thread, and whoever sends

    def _send(self, line: bytes) -> None:
        try:
            with self._writing:
                assert self._socket is not None
                self._socket.sendall(line)
        except BaseException as error:  # even KeyboardInterrupt: how much of the line is out is not known
            self._lose(connection_lost(f"a line was not sent: {error}"))
            if not isinstance(error, OSError):
                raise

    def _run(self, dial: Callable[[], socket.socket], hello: Mapping[str, Any]) -> None:
        problem = "the server closed the connection"
        try:
            self._socket = dial()
            if self.problem is None:  # else it was ended meanwhile
                number = next(self._numbers)
                self._send(encode({"jsonrpc": "2.0", "id": number, "method": "rpc.hello", "params": hello}))
                for line in self._lines(self._socket):
                    self._take(decode(line))
        except Exception as error:
            problem = f"no connection: {error}"
        self._lose(connection_lost(problem))
        with self._writing:
            if self._socket is not None:
                self._socket.close()

    def _lines(self, sock: socket.socket) -> Iterator[bytearray]:
        rest = bytearray()
        while True:
            try:
                chunk = sock.recv(_CHUNK)
            except socket.timeout:
                if not self._is_open.done():
                    raise  # rpc.hello has to be answered within the time
                continue
            if not chunk:
                return
            rest += chunk
            if b"\n" in chunk:
                *lines, rest = rest.split(b"\n")
                yield from lines
            elif len(rest) > _LONGEST_ANSWER:
                raise ValueError("the server's line has no end")

    def _take(self, message: Dict[str, Any]) -> None:
        if not self._is_open.done():  # this answers rpc.hello
            return self._lose(mapping(message["error"])) if "error" in message else self._is_open.set_result(None)
        is_value = message.get("method") == "rpc.stream"
        number: Any = (mapping(message.get("params")) if is_value else message).get("id")
        if number is None and "error" in message:  # the server did not understand whose line it was
            numbers = list(self._calls)
            number = numbers[0] if len(numbers) == 1 else None
        inbox = self._calls.get(number) if is_value else self._calls.pop(number, None)
        if is_value and inbox is not None and inbox.qsize() >= _MOST_VALUES:
            self.leave(number)
            message = {}
        if inbox is not None:  # else whoever made the call has left it
            inbox.put(message)

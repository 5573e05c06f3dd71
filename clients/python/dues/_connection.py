"""One connection, on which any number of calls are in flight."""

from __future__ import annotations

import contextlib
import itertools
import math
import queue
import selectors
import socket
import ssl
import threading
from time import monotonic
from typing import Any, Dict, Mapping, Optional

from ._errors import caller_cancelled, connection_lost
from ._wire import decode, encode, mapping

_LONGEST_ANSWER = 64 << 20  # bytes; whoever sends a longer line is no Dues server
_MOST_VALUES = 256  # of a stream, that are kept for a reader who is slow
_CHUNK = 1 << 16
_STALL_SECONDS = 10.0  # how long the server may take nothing of a line
_IDLE_SECONDS = 1.0  # after such a silence it is looked whether the server has gone
_AT_ONCE = 0.0  # a moment that is past: what is there is taken in, and nothing waited for
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Overflow(Exception):
    """Stands behind the values of a stream where there were more than are kept; the call is cancelled."""


def seconds_until(moment: float) -> Optional[float]:
    return None if moment == math.inf else max(0.0, moment - monotonic())


class Caller:
    """One who waits. Other threads put into `inbox` what there is for it: messages, exceptions, or None for the turn to
    read the connection."""

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.number = 0
        self.connection: Optional[Connection] = None

    def take(self, until: float) -> Any:
        """The next in the inbox; raises it if it is an exception, and queue.Empty if nothing comes until then."""
        item = self.inbox.get(timeout=seconds_until(until))
        if isinstance(item, Exception):
            raise item
        return item

    def rest(self, seconds: float) -> None:
        """Waits; a cancellation ends it."""
        until = monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            while True:
                self.take(until)

    def cancel(self) -> None:
        self.inbox.put(caller_cancelled())
        if self.connection is not None:
            self.connection.wake()


class Connection:
    """Lines out, lines in, and those who wait for them.

    No thread is kept for reading: of the callers that wait one reads, gives the others what is theirs, and passes the
    reading on once it has its own. So a lone caller gets its answer without a switch of threads.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.problem: Optional[str] = None  # set once, when the connection is lost
        self._socket = sock
        self._numbers = itertools.count(1)
        # Guards what follows. Reentrant: a stream that is collected as garbage ends its call wherever that happens.
        self._lock = threading.RLock()
        self._calls: Dict[int, Caller] = {}
        self._reader: Optional[Caller] = None  # it alone touches the buffer
        self._waiting: Dict[Caller, None] = {}  # for their turn to read
        self._buffer = bytearray()
        self._heard = monotonic()
        self._writing = threading.Lock()  # keeps lines whole
        self._io = threading.Lock()  # a TLS connection is no more than one thread's at a time
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def is_alive(self) -> bool:
        """Whether it can be used, as far as is known."""
        if self.problem is None and monotonic() - self._heard > _IDLE_SECONDS:
            with contextlib.suppress(queue.Empty, ConnectionError):
                self.receive(Caller(), _AT_ONCE)  # nobody has read since: the server's end may be there
        return self.problem is None

    def begin(self, caller: Caller, method: str, params: Mapping[str, Any]) -> None:
        """Sends a call whose answer `caller` will receive. Whoever begins one must leave it."""
        caller.number, caller.connection = next(self._numbers), self
        line = encode({"jsonrpc": "2.0", "id": caller.number, "method": method, "params": params})
        with self._lock:
            if self.problem is not None:
                raise connection_lost(self.problem)
            self._calls[caller.number] = caller
        self._send(line)

    def leave(self, caller: Caller) -> None:
        """Ends a call; the server is told where it has not answered."""
        with self._lock:
            is_unanswered = self._calls.pop(caller.number, None) is not None
        if is_unanswered:
            self._cancel(caller)

    def receive(self, caller: Caller, until: float) -> Any:
        """The next message to `caller`; raises like `Caller.take`."""
        with self._lock:
            if self._reader is None:
                self._reader = caller
            else:
                self._waiting[caller] = None
        try:
            while True:
                if self._reader is caller and caller.inbox.empty():
                    self._read(until)
                    if until < monotonic() and until != _AT_ONCE and caller.inbox.empty():
                        raise queue.Empty  # though there is always something for others
                else:
                    item = caller.take(until)
                    if item is not None:
                        return item
        finally:
            with self._lock:
                self._waiting.pop(caller, None)
                if self._reader is caller:
                    self._reader = next(iter(self._waiting), None)
                    if self._reader is not None:
                        del self._waiting[self._reader]
                        self._reader.inbox.put(None)
                    elif self.problem is not None:
                        self._release()

    def wake(self) -> None:
        """Has whoever reads look into its inbox."""
        with contextlib.suppress(OSError):  # it is woken already, or the connection is lost
            self._waker.send(b"\0")

    def finish(self) -> None:
        """Tells the server that nothing more is to come: it answers what is in flight, and ends the connection."""
        with self._writing, self._io:
            if isinstance(self._socket, ssl.SSLSocket):
                with contextlib.suppress(OSError, ValueError):  # the answer to it is not waited for
                    self._socket.unwrap()
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def lose(self, problem: str) -> None:
        """Ends the connection; all calls in flight fail."""
        with self._lock:
            self.problem = self.problem or problem
            calls, self._calls = self._calls, {}
            with contextlib.suppress(OSError):  # SSLSocket's own shutdown would go on in plain text
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # this wakes whoever reads
            if self._reader is None:
                self._release()
        for caller in calls.values():
            caller.inbox.put(connection_lost(self.problem))

    def _release(self) -> None:
        with self._io:
            for resource in (self._selector, self._socket, self._waker, self._woken):
                resource.close()

    def _send(self, line: bytes) -> None:
        rest = memoryview(line)
        try:
            with self._writing:
                while rest:
                    try:
                        with self._io:
                            rest = rest[self._socket.send(rest):]
                    except _WOULD_BLOCK:
                        self._wait_for_room()
        except (OSError, ValueError) as error:  # ValueError: another thread has closed it
            self.lose(f"the connection is lost: {error}")
        except BaseException:  # such as KeyboardInterrupt: how much of the line is out is not known
            self.lose("a line was cut off")
            raise

    def _wait_for_room(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_WRITE)
            if not selector.select(_STALL_SECONDS):
                raise TimeoutError("the server takes nothing")

    def _cancel(self, caller: Caller) -> None:
        self._send(encode({"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": caller.number}}))

    def _read(self, until: float) -> None:
        """Takes in a line that is there, or waits for more of one."""
        end = self._buffer.find(b"\n")
        if end >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[:end + 1]
            return self._take(line)
        if self.problem is not None:
            raise connection_lost(self.problem)
        try:
            with self._io:
                chunk = self._socket.recv(_CHUNK)
        except _WOULD_BLOCK:
            ready = self._selector.select(seconds_until(until))
            if not ready:
                raise queue.Empty from None
            if any(key.fileobj is self._woken for key, _ in ready):
                self._woken.recv(_CHUNK)
            return
        except OSError as error:
            return self.lose(f"the connection is lost: {error}")
        self._heard = monotonic()
        self._buffer += chunk
        if not chunk:
            self.lose("the server closed the connection")
        elif len(self._buffer) > _LONGEST_ANSWER:
            self.lose("the server's line has no end")

    def _take(self, line: bytes) -> None:
        try:
            message = mapping(decode(line))
        except ValueError:
            return self.lose("the server sent a line that is not JSON")
        is_value = message.get("method") == "rpc.stream"
        if "method" in message and not is_value:
            return
        number = mapping(message.get("params")).get("id") if is_value else message.get("id")
        with self._lock:
            if number is None and "error" in message and len(self._calls) == 1:
                number = next(iter(self._calls))  # the server did not understand whose line it was
            caller = self._calls.get(number) if isinstance(number, int) else None
            if caller is None:
                return  # it has left
            is_overflow = is_value and caller.inbox.qsize() >= _MOST_VALUES
            if is_overflow or not is_value:
                del self._calls[number]
        caller.inbox.put(Overflow() if is_overflow else message)
        if is_overflow:
            self._cancel(caller)

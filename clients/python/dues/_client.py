"""The client's core: a connection when there is need of one, calls made again where that is safe, and streams."""

from __future__ import annotations

import contextlib
import math
import queue
import random
import secrets
import socket
import ssl
import threading
import weakref
from time import monotonic
from typing import (
    TYPE_CHECKING, Any, Callable, Dict, Generator, Generic, Iterator, Mapping, Optional, Sequence, Type, TypedDict,
    TypeVar, cast)

from ._connection import Connection, take
from ._errors import DuesError, caller_cancelled, connection_lost, no_answer
from ._transport import STALL_SECONDS, Child, DialledChild, dial
from ._types import SAFE_TO_REPEAT, STREAMING
from ._wire import given, mapping

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._connection import Inbox

VERSION = "1.0.0"
"""The version of this client."""

_UNLIMITED_SECONDS = 90.0  # how long a call without a timeout may take
_GRACE_SECONDS = 1.0  # how much longer than the server a caller waits for its own deadline
_PAUSE_SECONDS = 0.1  # before the second attempt, at most; doubled with each
_LONGEST_PAUSE_SECONDS = 5.0

_C = TypeVar("_C", bound="Client")
_V = TypeVar("_V")
_R = TypeVar("_R")
_Run = Generator[Dict[str, Any], None, Dict[str, Any]]


class Cancellation:
    """Ends the calls that were given it (`cancel=`), from any thread: they fail with CALLER_CANCELLED."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards what follows
        self.is_cancelled = False
        self._inboxes: weakref.WeakSet[Inbox] = weakref.WeakSet()

    def cancel(self) -> None:
        with self._lock:
            self.is_cancelled = True
            for inbox in self._inboxes:
                inbox.put({"error": caller_cancelled()})

    def _watch(self, inbox: Inbox) -> None:
        with self._lock:
            self._inboxes.add(inbox)
            if self.is_cancelled:
                inbox.put({"error": caller_cancelled()})


class CallOptions(TypedDict, total=False):
    """What every call takes beside its params."""

    timeout: Optional[float]
    """Seconds until the call's deadline, at the server too; the client's own unless given (not so for streams)."""
    idempotency_key: Optional[str]
    """The same for the same change, which is then made once. Made for each call unless given."""
    traceparent: Optional[str]
    """W3C trace context, for the server's logs."""
    token: Optional[str]
    """For this call, instead of the client's."""
    verbose: bool
    """Whether the result's `meta` shall say what the server did."""
    cancel: Optional[Cancellation]
    """What ends the call from another thread."""
    meta: Optional[Mapping[str, Any]]
    """Anything else for params._meta, by its names on the wire."""


class Stream(Iterator[_V], Generic[_V, _R]):
    """The values of a streaming call, one by one. It goes on by itself after a lost connection.

    Who stops early closes it, or leaves its `with`: that cancels the call.
    """

    result: Optional[_R] = None
    """The call's result, once there are no more values."""

    def __init__(self, run: _Run, value: Callable[[Any], _V], result: Callable[[Any], _R]) -> None:
        self._run, self._value, self._result = run, value, result

    def __next__(self) -> _V:
        try:
            return self._value(next(self._run))
        except StopIteration as end:
            if end.value is not None:
                self.result = self._result(end.value)
            raise

    def close(self) -> None:
        self._run.close()

    def __enter__(self) -> Stream[_V, _R]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client:
    """Everything but the service's own methods."""

    def __init__(
        self, dial: Callable[[], socket.socket], end: Callable[[], None], token: Optional[str],
        timeout: Optional[float], retries: int,
    ) -> None:
        self._dial, self._end, self._timeout, self._retries = dial, end, timeout, retries
        self._hello = given({
            "client": f"dues-python/{VERSION}", "protocol": 1,
            "authorization": None if token is None else f"Bearer {token}"})
        self._state = threading.Condition()  # guards what follows
        self._is_closed = False
        self._in_flight = 0
        self._connection: Optional[Connection] = None

    @classmethod
    def connect(
        cls: Type[_C], host: str = "127.0.0.1", port: int = 7171, *, unix: Optional[str] = None,
        tls: Optional[ssl.SSLContext] = None, token: Optional[str] = None, timeout: Optional[float] = None,
        retries: int = 2,
    ) -> _C:
        """A server at an address; the first call dials it. `timeout` is every call's default."""
        return cls(lambda: dial(host, port, unix, tls), lambda: None, token, timeout, retries)

    @classmethod
    def spawn(
        cls: Type[_C], command: Sequence[str], *, token: Optional[str] = None, timeout: Optional[float] = None,
        retries: int = 2, **popen: Any,
    ) -> _C:
        """A server of one's own (such as ["dues", "stdio", "--sandbox"]), spoken to over its stdin and stdout. `popen`
        is what else subprocess.Popen shall know, such as `env` and `stderr`."""
        child = Child(command, popen)
        return cls(child.dial, child.end, token, timeout, retries)

    @classmethod
    def launch(
        cls: Type[_C], command: Sequence[str], *, tls: Optional[ssl.SSLContext] = None, token: Optional[str] = None,
        timeout: Optional[float] = None, retries: int = 2, **popen: Any,
    ) -> _C:
        """A server of one's own (such as ["dues", "serve", "--tcp", "127.0.0.1:0"]), dialled where it says."""
        child = DialledChild(command, popen, tls)
        return cls(child.dial, child.end, token, timeout, retries)

    def call(self, method: str, params: Mapping[str, Any], **options: Unpack[CallOptions]) -> Dict[str, Any]:
        """Calls any method by the names on the wire, and gives its result."""
        with self._state:
            self._in_flight += 1
        try:
            run = self._run(method, params, **options)
            while True:
                next(run)
        except StopIteration as end:
            return cast(Dict[str, Any], end.value)
        finally:
            with self._state:
                self._in_flight -= 1
                self._state.notify_all()

    def close(self) -> None:
        """Waits for the calls in flight (10 s at most), ends the connection, and a server that was spawned."""
        until = monotonic() + STALL_SECONDS
        with self._state:
            self._is_closed = True
            self._state.wait_for(lambda: self._in_flight == 0, STALL_SECONDS)
        if self._connection is not None:
            self._connection.close(max(0, until - monotonic()))
        self._end()

    def __enter__(self: _C) -> _C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stream(
        self, value: Callable[[Any], _V], result: Callable[[Any], _R], method: str, params: Mapping[str, Any],
        **options: Unpack[CallOptions],
    ) -> Stream[_V, _R]:
        return Stream(self._run(method, params, **options), value, result)

    def _run(
        self, method: str, params: Mapping[str, Any], timeout: Optional[float] = None,
        idempotency_key: Optional[str] = None, traceparent: Optional[str] = None, token: Optional[str] = None,
        verbose: bool = False, cancel: Optional[Cancellation] = None, meta: Optional[Mapping[str, Any]] = None,
    ) -> _Run:
        """Makes a call, again where that may help, and yields the values before its result."""
        if self._is_closed:
            raise DuesError(connection_lost("the client is closed"))
        streams = method in STREAMING
        if timeout is None and not streams:
            timeout = self._timeout
        seconds = timeout if timeout is not None else math.inf if streams else _UNLIMITED_SECONDS
        deadline = monotonic() + seconds
        given_up = deadline if timeout is None else deadline + _GRACE_SECONDS
        about = {**mapping(params.get("_meta")), **(meta or {}), **given({
            "idempotencyKey": idempotency_key, "traceparent": traceparent,
            "authorization": None if token is None else f"Bearer {token}", "verbose": verbose or None})}
        if SAFE_TO_REPEAT.get(method) is False:
            about.setdefault("idempotencyKey", secrets.token_hex(16))
        is_repeatable = SAFE_TO_REPEAT.get(method) or "idempotencyKey" in about
        wire = dict(params)
        inbox: Inbox = queue.SimpleQueue()
        attempt = 0
        if cancel is not None:
            cancel._watch(inbox)
        while True:
            try:
                connection = self._connected()
                connection.wait(inbox, given_up)
                if timeout is not None:
                    about["timeoutMs"] = max(1, math.ceil((deadline - monotonic()) * 1000))
                if about:
                    wire["_meta"] = about
                number = connection.begin(inbox, method, wire)
                try:
                    while "method" in (message := take(inbox, given_up)):
                        value = mapping(message["params"].get("value"))
                        if streams:
                            wire["after"], attempt = value.get("seq"), 0
                        yield value
                finally:
                    connection.leave(number)
                if "result" in message:
                    return cast(Dict[str, Any], mapping(message["result"]))
            except queue.Empty:
                raise DuesError(no_answer(method)) from None
            except DuesError as error:
                attempt += 1
                pause = error.retry_after
                if pause is None:
                    pause = random.uniform(0, min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2 ** (attempt - 1)))
                if (not error.retryable or attempt > self._retries or monotonic() + pause >= deadline
                        or not is_repeatable or streams and "after" not in wire):
                    raise
                with contextlib.suppress(queue.Empty):  # but for a cancellation there is nothing to come
                    take(inbox, monotonic() + pause)

    def _connected(self) -> Connection:
        with self._state:
            if self._connection is None or self._connection.problem is not None:
                if self._is_closed:
                    raise DuesError(connection_lost("the client is closed"))
                self._connection = Connection(self._dial, self._hello)
            return self._connection

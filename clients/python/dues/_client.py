"""The client's core: a connection when there is need of one, calls made again where that is safe, and streams."""

from __future__ import annotations

import concurrent.futures
import contextlib
import math
import queue
import random
import secrets
import ssl
import threading
from time import monotonic
from typing import (
    IO, TYPE_CHECKING, Any, Callable, Dict, Generator, Generic, Iterator, Mapping, Optional, Sequence, Set, Type,
    TypedDict, TypeVar, Union, cast)

from ._connection import Caller, Connection, Overflow
from ._errors import DuesError, connection_lost, no_answer
from ._transport import EXIT_SECONDS, Launch, Network, Stdio
from ._types import SAFE_TO_REPEAT, STREAMING
from ._wire import given, mapping

if TYPE_CHECKING:
    from typing_extensions import Unpack

PROTOCOL_VERSION = 1
"""The version of the wire protocol that this client speaks."""

VERSION = "1.0.0"
"""The version of this client."""

_UNLIMITED_SECONDS = 90.0  # how long a call without a timeout may take
_GRACE_SECONDS = 1.0  # how much longer than the server a caller waits for its own deadline
_HELLO_SECONDS = 10.0
_PAUSE_SECONDS = 0.1  # before the second attempt, at most; doubled with each
_LONGEST_PAUSE_SECONDS = 5.0

_C = TypeVar("_C", bound="Client")
_V = TypeVar("_V")
_R = TypeVar("_R")
_Run = Generator[Dict[str, Any], None, Dict[str, Any]]


class Cancellation:
    """Ends the calls that were given it (`cancel=`), from any thread: they fail with CALLER_CANCELLED."""

    def __init__(self) -> None:
        self.is_cancelled = False
        self._callers: Set[Caller] = set()

    def cancel(self) -> None:
        self.is_cancelled = True
        for caller in list(self._callers):
            caller.cancel()

    @contextlib.contextmanager
    def _ending(self, caller: Caller) -> Iterator[None]:
        self._callers.add(caller)
        try:
            if self.is_cancelled:  # looked at behind adding, so that one of two threads sees the other
                caller.cancel()
            yield
        finally:
            self._callers.discard(caller)


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


class Stream(Generic[_V, _R]):
    """The values of a streaming call, one by one. It goes on by itself after a lost connection.

    Who stops early closes it, or leaves its `with`: that cancels the call.
    """

    result: Optional[_R] = None
    """The call's result, once there are no more values."""

    def __init__(self, advance: Callable[[], Dict[str, Any]], run: _Run, value: Callable[[Any], _V],
                 result: Callable[[Any], _R]) -> None:
        self._advance, self._run, self._value, self._result = advance, run, value, result

    def __iter__(self) -> Iterator[_V]:
        return self

    def __next__(self) -> _V:
        try:
            return self._value(self._advance())
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
        self, transport: Union[Network, Stdio], token: Optional[str] = None, timeout: Optional[float] = None,
        retries: int = 2,
    ) -> None:
        self._transport, self._token, self._timeout, self._retries = transport, token, timeout, retries
        self._state = threading.Condition()  # guards what follows
        self._is_closed = False
        self._calls: Set[_Run] = set()  # in flight
        self._streams: Set[_Run] = set()  # whose next value is waited for
        self._opening: Optional[concurrent.futures.Future[Connection]] = None
        self._dialling = threading.Lock()  # held while a connection is made; guards what follows
        self._connection: Optional[Connection] = None
        self._is_ended = False

    @classmethod
    def connect(
        cls: Type[_C], host: str = "127.0.0.1", port: int = 7171, *, unix: Optional[str] = None,
        tls: Optional[ssl.SSLContext] = None, token: Optional[str] = None, timeout: Optional[float] = None,
        retries: int = 2,
    ) -> _C:
        """A server at an address; the first call dials it. `timeout` is every call's default."""
        return cls(Network(host, port, unix, tls), token, timeout, retries)

    @classmethod
    def spawn(
        cls: Type[_C], command: Sequence[str], *, env: Optional[Mapping[str, str]] = None,
        stderr: Union[None, int, IO[bytes]] = None, token: Optional[str] = None, timeout: Optional[float] = None,
        retries: int = 2,
    ) -> _C:
        """A server of one's own (such as ["dues", "stdio", "--sandbox"]), spoken to over its stdin and stdout."""
        return cls(Stdio(command, env, stderr), token, timeout, retries)

    @classmethod
    def launch(
        cls: Type[_C], command: Sequence[str], *, env: Optional[Mapping[str, str]] = None,
        stderr: Union[None, int, IO[bytes]] = None, tls: Optional[ssl.SSLContext] = None,
        token: Optional[str] = None, timeout: Optional[float] = None, retries: int = 2,
    ) -> _C:
        """A server of one's own (such as ["dues", "serve", "--tcp", "127.0.0.1:0"]), dialled where it says."""
        return cls(Launch(command, env, stderr, tls), token, timeout, retries)

    def call(self, method: str, params: Mapping[str, Any], **options: Unpack[CallOptions]) -> Dict[str, Any]:
        """Calls any method by the names on the wire, and gives its result."""
        run = self._run(method, params, **options)
        try:
            while True:
                self._advance(run, self._calls)
        except StopIteration as end:
            return cast(Dict[str, Any], end.value)

    def close(self) -> None:
        """Waits for the calls in flight (10 s at most), ends the connection, and a server that was spawned."""
        until = monotonic() + EXIT_SECONDS
        with self._state:
            self._is_closed = True
            self._state.wait_for(lambda: not self._calls, EXIT_SECONDS)
        with self._dialling:
            self._is_ended = True
        if self._connection is not None:
            self._connection.finish()
            with self._state:
                self._state.wait_for(lambda: not self._streams, max(0, until - monotonic()))
            self._connection.lose("the client is closed")
        self._transport.end()

    def __enter__(self: _C) -> _C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stream(
        self, value: Callable[[Any], _V], result: Callable[[Any], _R], method: str, params: Mapping[str, Any],
        **options: Unpack[CallOptions],
    ) -> Stream[_V, _R]:
        run = self._run(method, params, **options)
        return Stream(lambda: self._advance(run, self._streams), run, value, result)

    def _advance(self, run: _Run, among: Set[_Run]) -> Dict[str, Any]:
        """The next value of `run`; raises StopIteration with its result behind the last one."""
        with self._state:
            if self._is_closed:
                raise connection_lost("the client is closed")
            among.add(run)
        try:
            return next(run)
        finally:
            with self._state:
                among.discard(run)
                self._state.notify_all()

    def _run(
        self, method: str, params: Mapping[str, Any], timeout: Optional[float] = None,
        idempotency_key: Optional[str] = None, traceparent: Optional[str] = None, token: Optional[str] = None,
        verbose: bool = False, cancel: Optional[Cancellation] = None, meta: Optional[Mapping[str, Any]] = None,
    ) -> _Run:
        """Makes a call, again where that may help, and yields the values before its result."""
        streams = method in STREAMING
        limit = timeout if timeout is not None or streams else self._timeout
        if limit is not None:
            deadline = monotonic() + limit
            given_up = deadline + _GRACE_SECONDS
        else:
            deadline = given_up = math.inf if streams else monotonic() + _UNLIMITED_SECONDS
        about = {**mapping(params.get("_meta")), **(meta or {}), **given({
            "idempotencyKey": idempotency_key, "traceparent": traceparent,
            "authorization": None if token is None else f"Bearer {token}", "verbose": verbose or None})}
        if SAFE_TO_REPEAT.get(method) is False:
            about.setdefault("idempotencyKey", secrets.token_hex(16))
        is_repeatable = SAFE_TO_REPEAT.get(method) or "idempotencyKey" in about
        wire = dict(params)
        caller = Caller()
        attempt = 0
        with cancel._ending(caller) if cancel is not None else contextlib.nullcontext():
            while True:
                try:
                    connection = self._connected(caller, given_up)
                    if limit is not None:
                        about["timeoutMs"] = max(1, math.ceil((deadline - monotonic()) * 1000))
                    if about:
                        wire["_meta"] = about
                    try:
                        connection.begin(caller, method, wire)
                        while "method" in (message := connection.receive(caller, given_up)):
                            value = mapping(message["params"].get("value"))
                            if streams:
                                wire["after"], attempt = value.get("seq"), 0
                            yield value
                    finally:
                        connection.leave(caller)
                    if "error" in message:
                        raise DuesError(mapping(message["error"]))
                    return cast(Dict[str, Any], mapping(message.get("result")))
                except Overflow:
                    continue  # its reader has taken what was kept
                except queue.Empty:
                    raise no_answer(method) from None
                except DuesError as error:
                    pause = self._pause(error, attempt)
                    if pause >= deadline - monotonic() or not is_repeatable or streams and "after" not in wire:
                        raise
                    caller.rest(pause)
                    attempt += 1

    def _pause(self, error: DuesError, attempt: int) -> float:
        """Seconds until a call is to be made again; infinite where it is not."""
        if not error.retryable or attempt >= self._retries:
            return math.inf
        if error.retry_after is not None:
            return error.retry_after
        return random.uniform(0, min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2 ** attempt))

    def _connected(self, caller: Caller, until: float) -> Connection:
        connection = self._connection
        if connection is not None and connection.is_alive():
            return connection
        with self._state:
            opening = self._opening
            if opening is None:
                opening = concurrent.futures.Future()
                # In a thread of its own, because none of those who wait for it may keep the others from giving up.
                threading.Thread(target=self._open, args=(opening,), name="dues-dial", daemon=True).start()
                self._opening = opening
        opening.add_done_callback(caller.inbox.put)
        while not isinstance(item := caller.take(until), concurrent.futures.Future):
            pass
        return cast(Connection, item.result())

    def _open(self, opening: concurrent.futures.Future[Connection]) -> None:
        """Gives `opening` a connection, or what is in its way."""
        connection, problem = None, None
        try:
            with self._dialling:
                if self._is_ended:
                    raise connection_lost("the client is closed")
                if self._connection is None or self._connection.problem is not None:
                    self._connection = self._dial()
                connection = self._connection
        except BaseException as error:
            problem = error
        with self._state:
            self._opening = None
        if connection is not None:
            opening.set_result(connection)
        else:
            opening.set_exception(problem)

    def _dial(self) -> Connection:
        try:
            connection = Connection(self._transport.dial())
        except OSError as error:
            raise connection_lost(f"no connection: {error}") from error
        try:
            caller = Caller()
            connection.begin(caller, "rpc.hello", given({
                "client": f"dues-python/{VERSION}", "protocol": PROTOCOL_VERSION,
                "authorization": None if self._token is None else f"Bearer {self._token}"}))
            message = connection.receive(caller, monotonic() + _HELLO_SECONDS)
            if "error" in message:
                raise DuesError(mapping(message["error"]))
            return connection
        except BaseException as error:
            connection.lose("rpc.hello failed")
            if isinstance(error, queue.Empty):
                raise connection_lost("no answer to rpc.hello") from None
            raise

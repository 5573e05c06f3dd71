"""A client for Dues, the subscription billing service: JSON-RPC 2.0 lines over TCP, TLS, a Unix socket or stdio.

    with Dues.connect(port=7171) as dues:
        customer = dues.create_customer(email="jenny.rosen@example.com")
        dues.check_access(customer_id=customer.customer_id, product_id="prod_…").allowed

One connection may be used by many threads at once: calls run concurrently and answers are paired by id.
Standard library only; Python 3.9 or later.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import json
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import (
    IO, Any, BinaryIO, Callable, ClassVar, Dict, List, Literal, Mapping, Optional, Sequence, Type, TypeVar, Union, cast)

__all__ = ["Dues", "DuesError", "DuesConnectionError", "Violation", "StripeRefusal"]

PROTOCOL_VERSION = 1
"""The version of the wire protocol that this client speaks."""

_LONGEST_LINE = 1 << 20
_GRACE_SECONDS = 1.0  # how much longer than the server a caller waits for its own deadline
_EXIT_SECONDS = 10.0  # how long a spawned server may take to finish what is in flight

_C = TypeVar("_C", bound="_Core")
_M = TypeVar("_M")


@dataclass(frozen=True)
class Violation:
    """One place of a call's params that breaks the method's schema."""

    pointer: str  #: JSON Pointer from params; empty for params themselves
    rule: str
    message: str


@dataclass(frozen=True)
class StripeRefusal:
    """What Stripe's error object said."""

    type: Optional[str]
    code: Optional[str]
    decline_code: Optional[str]
    param: Optional[str]
    request_id: Optional[str]
    doc_url: Optional[str]
    http_status: Optional[int]


class DuesError(Exception):
    """The server refused or failed a call. `reason` is a constant to act on; `message` is for a person."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        data = _mapping(error.get("data"))
        self.code: int = error.get("code", 0)
        self.message: str = error.get("message", "")
        self.status: str = data.get("status", "UNKNOWN")
        self.reason: str = data.get("reason", "UNSPECIFIED")
        self.retryable: bool = data.get("retryable", False)
        milliseconds = data.get("retryAfterMs")
        self.retry_after: Optional[float] = None if milliseconds is None else milliseconds / 1000
        self.subject_id: Optional[str] = data.get("subjectId")
        self.violations: List[Violation] = [
            Violation(entry.get("pointer", ""), entry.get("rule", ""), entry.get("message", ""))
            for entry in data.get("violations", [])]
        names = ("type", "code", "declineCode", "param", "requestId", "docUrl", "httpStatus")
        stripe = data.get("stripe")
        self.stripe: Optional[StripeRefusal] = (
            StripeRefusal(*(stripe.get(name) for name in names)) if isinstance(stripe, dict) else None)
        super().__init__(f"{self.status} {self.reason}: {self.message}")


class DuesConnectionError(ConnectionError):
    """The connection is lost. Whether a pending call took effect is unknown: repeat it with its idempotency key."""


class _Core:
    """The connection: one writer at a time, one thread that reads answers and pairs them with calls."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, end: Callable[[], None], timeout: Optional[float]) -> None:
        self._writer, self._end, self._timeout = writer, end, timeout
        self._ids = itertools.count(1)
        self._pending: Dict[int, concurrent.futures.Future[Any]] = {}
        self._lock = threading.Lock()  # guards _pending and _lost: a call is either failed or never registered
        self._writing = threading.Lock()  # keeps lines whole
        self._lost: Optional[str] = None
        self._thread = threading.Thread(target=self._read, args=(reader,), name="dues-reader", daemon=True)
        self._thread.start()

    @classmethod
    def connect(
        cls: Type[_C], host: str = "127.0.0.1", port: int = 7171, *, unix: Optional[str] = None,
        tls: Optional[ssl.SSLContext] = None, token: Optional[str] = None, timeout: Optional[float] = None,
    ) -> _C:
        """Connects to a server. `token` is given to it once, by rpc.hello; `timeout` is every call's default."""
        if unix is not None:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(unix)
        else:
            sock = socket.create_connection((host, port), timeout=10)
            sock.settimeout(None)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=host)
        stream = sock.makefile("rwb")

        def end() -> None:
            with contextlib.suppress(OSError):  # the peer was first
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

        client = cls(cast(BinaryIO, stream), cast(BinaryIO, stream), end, timeout)
        if token is not None:
            try:
                client.call("rpc.hello", {"authorization": f"Bearer {token}", "protocol": PROTOCOL_VERSION})
            except BaseException:
                client.close()
                raise
        return client

    @classmethod
    def spawn(
        cls: Type[_C], command: Sequence[str], *, env: Optional[Mapping[str, str]] = None,
        stderr: Union[None, int, IO[bytes]] = None, timeout: Optional[float] = None,
    ) -> _C:
        """Starts a server (such as ["dues", "stdio", "--sandbox"]) and speaks to it over its stdin and stdout."""
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=env)
        stdin, stdout = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)

        def end() -> None:
            with contextlib.suppress(OSError):  # it is gone already
                stdin.close()  # the server finishes what is in flight, and exits
            for give_up in (child.terminate, child.kill):
                try:
                    child.wait(_EXIT_SECONDS)
                    return
                except subprocess.TimeoutExpired:
                    give_up()
            child.wait()

        return cls(stdout, stdin, end, timeout)

    def call(
        self, method: str, params: Mapping[str, Any], *, timeout: Optional[float] = None,
        idempotency_key: Optional[str] = None, meta: Optional[Mapping[str, Any]] = None,
    ) -> Dict[str, Any]:
        """Calls any method by its name on the wire and gives its result. Params that are None are left out."""
        seconds = self._timeout if timeout is None else timeout
        wire = {name: _wire(value) for name, value in params.items() if value is not None}
        about = dict(meta or {})
        if seconds is not None:
            about["timeoutMs"] = max(1, round(seconds * 1000))
        if idempotency_key is not None:
            about["idempotencyKey"] = idempotency_key
        if about:
            wire["_meta"] = about
        number = next(self._ids)
        line = _line({"jsonrpc": "2.0", "id": number, "method": method, "params": wire})
        answer: concurrent.futures.Future[Any] = concurrent.futures.Future()
        with self._lock:
            if self._lost is not None:
                raise DuesConnectionError(self._lost)
            self._pending[number] = answer
        try:
            self._send(line)
            return cast(Dict[str, Any], answer.result(None if seconds is None else seconds + _GRACE_SECONDS))
        except concurrent.futures.TimeoutError:
            self._send(_line({"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": number}}))
            raise DuesError({"code": -32004, "message": f"{method}: no answer within {seconds} s.", "data": {
                "status": "DEADLINE_EXCEEDED", "reason": "NO_ANSWER", "retryable": True}}) from None
        finally:
            with self._lock:
                self._pending.pop(number, None)

    def close(self) -> None:
        """Ends the connection; a spawned server answers what is in flight and exits."""
        self._end()
        if threading.current_thread() is not self._thread:
            self._thread.join(_EXIT_SECONDS)
        self._fail("the connection is closed")

    def __enter__(self: _C) -> _C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, line: bytes) -> None:
        try:
            with self._writing:
                self._writer.write(line)
                self._writer.flush()
        except (OSError, ValueError) as error:  # ValueError: the file is closed
            self._fail(f"the connection is lost: {error}")
            raise DuesConnectionError(f"the connection is lost: {error}") from error

    def _read(self, reader: BinaryIO) -> None:
        problem = "the server closed the connection"
        try:
            for line in reader:
                message = json.loads(line)
                if isinstance(message, dict) and "method" not in message:
                    self._answer(message)
        except (OSError, ValueError) as error:
            problem = f"the connection is lost: {error}"
        finally:
            self._fail(problem)
            with contextlib.suppress(OSError, ValueError):  # what was not flushed is lost with the connection
                reader.close()

    def _answer(self, message: Dict[str, Any]) -> None:
        number = message.get("id")
        with self._lock:
            if number is None and len(self._pending) == 1:  # an error about a line whose id was not understood
                number = next(iter(self._pending))
            answer = self._pending.pop(number, None) if isinstance(number, int) else None
        if answer is None:
            return  # the caller has given up
        if "error" in message:
            answer.set_exception(DuesError(_mapping(message["error"])))
        else:
            answer.set_result(_mapping(message.get("result")))

    def _fail(self, problem: str) -> None:
        with self._lock:
            self._lost = self._lost or problem
            pending, self._pending = self._pending, {}
        for answer in pending.values():
            answer.set_exception(DuesConnectionError(problem))


class _Message:
    """A value that can be given to the server: its members by their names on the wire."""

    _names: ClassVar[Dict[str, str]] = {}

    def _wire(self) -> Dict[str, Any]:
        members = ((wire, getattr(self, name)) for name, wire in self._names.items())
        return {wire: _wire(value) for wire, value in members if value is not None}


def _wire(value: Any) -> Any:
    if isinstance(value, _Message):
        return value._wire()
    if isinstance(value, Mapping):
        return {name: _wire(member) for name, member in value.items()}
    return [_wire(element) for element in value] if isinstance(value, (list, tuple)) else value


def _line(message: Dict[str, Any]) -> bytes:
    line = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
    if len(line) > _LONGEST_LINE:
        raise ValueError(f"the call is {len(line)} bytes long; a line may have {_LONGEST_LINE}")
    return line


def _mapping(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


def _time(value: Any) -> datetime:
    return datetime.fromisoformat(str(value).replace("Z", "+00:00"))


def _list(of: Callable[[Any], _M], value: Any) -> List[_M]:
    return [of(element) for element in value or []]


def _maybe(of: Callable[[Any], _M], value: Any) -> Optional[_M]:
    return None if value is None else of(value)


# ---- generated by schemagen from Schemas/: below this line nothing is written by hand ----

AccessReason = Literal[
    "ACTIVE", "TRIALING", "GRACE", "NO_SUBSCRIPTION", "PAST_DUE", "UNPAID", "PAUSED", "CANCELED", "INCOMPLETE",
    "INCOMPLETE_EXPIRED", "UNKNOWN_STATUS"]
"""Why access is given or not. ACTIVE, TRIALING and GRACE (payment is late, but not for long) allow; the others do
not. UNKNOWN_STATUS: Stripe says a status that this server does not know, which closes access."""

CancellationFeedback = Literal[
    "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
    "too_expensive", "unused"]
"""Why the customer cancels, in Stripe's words."""

ChangeTiming = Literal["now", "periodEnd"]
"""When a change takes effect: at once, or when the period that is paid for ends."""

CollectionMethod = Literal["charge_automatically", "send_invoice"]
"""How invoices are collected: charged to the payment method, or sent for the customer to pay."""

Intent = Literal["payment", "setup", "none"]
"""What the customer still has to do with the client secret: confirm a payment, confirm a set-up (nothing is due
yet), or nothing."""

PaymentBehavior = Literal["pending_if_incomplete", "allow_incomplete", "default_incomplete", "error_if_incomplete"]
"""What happens where a change needs a payment that fails or needs the customer: the change waits (the old plan
stays), it applies and the subscription is past due, it applies and waits for a confirmation, or it is refused."""

PaymentMethodType = str
"""A payment method's type, in Stripe's words. Stripe has more than are named here. Known: card, sepa_debit,
au_becs_debit, us_bank_account, link."""

PaymentMethodUse = Literal["subscription", "customerDefault", "onlyOneAttached"]
"""Why this is the payment method found: the subscription names it, it is the customer's default, or it is the only
one attached to the customer."""

PlanChangeTiming = Literal["now"]
"""When a change of plan takes effect. `now` is the only value so far."""

PriceInterval = str
"""The unit of a price's billing period, in Stripe's words. Known: day, week, month, year."""

ProrationBehavior = Literal["create_prorations", "always_invoice", "none"]
"""What happens to the part of the period that is left: put on the next invoice, invoiced at once, or ignored."""

Scope = Literal["read", "write", "ingest"]
"""What a token allows: look-ups and streams, whatever changes something, or IngestWebhook."""

ServerMode = Literal["sandbox", "test", "live"]
"""What stands behind the server: its own offline sandbox, Stripe's test mode, or live money."""

ServingStatus = Literal["SERVING", "NOT_SERVING"]
"""Whether it serves, in the words of gRPC's health protocol."""

SubscriptionStatus = str
"""A subscription's status, in Stripe's words. Stripe may add words. Known: incomplete, incomplete_expired,
trialing, active, past_due, canceled, unpaid, paused."""

UsageType = str
"""Whether a price bills a quantity set in advance or measured usage, in Stripe's words. Known: licensed,
metered."""


@dataclass(frozen=True)
class AddressInput(_Message):
    """A postal address, as a caller gives it."""

    line1: Optional[str] = None
    """Street and number, or post-office box."""
    line2: Optional[str] = None
    """Flat, floor, suite or building."""
    city: Optional[str] = None
    """City, district, suburb, town or village."""
    state: Optional[str] = None
    """State, county, province or region."""
    postal_code: Optional[str] = None
    """ZIP or postal code."""
    country: Optional[str] = None
    """Two-letter country code (ISO 3166-1 alpha-2)."""

    _names = {
        "line1": "line1", "line2": "line2", "city": "city", "state": "state", "postal_code": "postalCode",
        "country": "country"}


@dataclass(frozen=True)
class ItemChange(_Message):
    """A change to one item of a subscription: with itemId it changes or removes that item, without it adds one."""

    item_id: Optional[str] = None
    """The subscription item (si_…) that changes. Without it an item is added."""
    price_id: Optional[str] = None
    """The price (price_…) that the item gets."""
    lookup_key: Optional[str] = None
    """The price's lookup key, instead of its id."""
    quantity: Optional[int] = None
    """How many units the item has afterwards; unchanged unless told, 1 for a new item."""
    deleted: Optional[bool] = None
    """true removes the item."""

    _names = {
        "item_id": "itemId", "price_id": "priceId", "lookup_key": "lookupKey", "quantity": "quantity",
        "deleted": "deleted"}


@dataclass(frozen=True)
class ShippingInput(_Message):
    """Where and to whom goods are sent, as a caller gives it."""

    name: str
    """The recipient's name."""
    address: Union[AddressInput, Mapping[str, Any]]
    """The recipient's postal address."""
    phone: Optional[str] = None
    """The recipient's telephone number, extension included."""

    _names = {"name": "name", "address": "address", "phone": "phone"}


@dataclass(frozen=True)
class SubscriptionItemInput(_Message):
    """A price and how many of it, for a new subscription."""

    price_id: Optional[str] = None
    """The recurring price's id (price_…)."""
    lookup_key: Optional[str] = None
    """The recurring price's lookup key, instead of its id."""
    quantity: Optional[int] = None
    """How many units; 1 unless told."""

    _names = {"price_id": "priceId", "lookup_key": "lookupKey", "quantity": "quantity"}


@dataclass(frozen=True)
class Address:
    """A postal address."""

    line1: Optional[str]
    """Street and number, or post-office box."""
    line2: Optional[str]
    """Flat, floor, suite or building."""
    city: Optional[str]
    """City, district, suburb, town or village."""
    state: Optional[str]
    """State, county, province or region."""
    postal_code: Optional[str]
    """ZIP or postal code."""
    country: Optional[str]
    """Two-letter country code (ISO 3166-1 alpha-2)."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> Address:
        raw = _mapping(value)
        return cls(
            line1=raw.get("line1"),
            line2=raw.get("line2"),
            city=raw.get("city"),
            state=raw.get("state"),
            postal_code=raw.get("postalCode"),
            country=raw.get("country"),
            raw=raw)


@dataclass(frozen=True)
class AuBecsDebit:
    """An Australian bank account (BECS)."""

    bsb_number: Optional[str]
    """The six-digit number of bank, state and branch."""
    last4: Optional[str]
    """The last four digits of the account number."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> AuBecsDebit:
        raw = _mapping(value)
        return cls(
            bsb_number=raw.get("bsbNumber"),
            last4=raw.get("last4"),
            raw=raw)


@dataclass(frozen=True)
class BillingDetails:
    """To whom a payment method belongs."""

    name: Optional[str]
    """Full name."""
    email: Optional[str]
    """E-mail address."""
    phone: Optional[str]
    """Telephone number, extension included."""
    address: Optional[Address]
    """Billing address."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> BillingDetails:
        raw = _mapping(value)
        return cls(
            name=raw.get("name"),
            email=raw.get("email"),
            phone=raw.get("phone"),
            address=_maybe(Address._of, raw.get("address")),
            raw=raw)


@dataclass(frozen=True)
class Card:
    """A card, without anything that could be charged."""

    brand: str
    """The card's network, such as visa, mastercard or amex."""
    last4: str
    """The last four digits."""
    exp_month: int
    """Month of expiry, 1 to 12."""
    exp_year: int
    """Year of expiry, four digits."""
    funding: str
    """credit, debit, prepaid or unknown."""
    country: Optional[str]
    """Two-letter code of the issuer's country."""
    wallet: Optional[str]
    """The wallet that the card came from, such as apple_pay; null for none."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> Card:
        raw = _mapping(value)
        return cls(
            brand=raw.get("brand"),
            last4=raw.get("last4"),
            exp_month=raw.get("expMonth"),
            exp_year=raw.get("expYear"),
            funding=raw.get("funding"),
            country=raw.get("country"),
            wallet=raw.get("wallet"),
            raw=raw)


@dataclass(frozen=True)
class Customer:
    """A customer, as Stripe has it."""

    id: str
    """The customer's id (cus_…)."""
    email: Optional[str]
    """The customer's e-mail address."""
    name: Optional[str]
    """The customer's full name or business name."""
    phone: Optional[str]
    """The customer's telephone number."""
    description: Optional[str]
    """The caller's own words about the customer."""
    address: Optional[Address]
    """The customer's postal address."""
    shipping: Optional[Shipping]
    """Where goods for the customer are sent."""
    currency: Optional[str]
    """The currency in which the customer is billed, lower-case ISO 4217; null before the first invoice."""
    balance: int
    """What the customer owes (positive) or has as credit (negative) for the next invoice, in minor units of
    currency."""
    delinquent: bool
    """Whether the latest automatic charge of an invoice failed, or an invoice is overdue."""
    default_payment_method_id: Optional[str]
    """The payment method (pm_…) for invoices where the subscription names none."""
    metadata: Dict[str, str]
    """Names and values of the caller's own."""
    test_clock_id: Optional[str]
    """The test clock (clock_…) on which the customer lives; null on real time."""
    created: datetime
    """When the customer was created."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> Customer:
        raw = _mapping(value)
        return cls(
            id=raw.get("id"),
            email=raw.get("email"),
            name=raw.get("name"),
            phone=raw.get("phone"),
            description=raw.get("description"),
            address=_maybe(Address._of, raw.get("address")),
            shipping=_maybe(Shipping._of, raw.get("shipping")),
            currency=raw.get("currency"),
            balance=raw.get("balance"),
            delinquent=raw.get("delinquent"),
            default_payment_method_id=raw.get("defaultPaymentMethodId"),
            metadata=_mapping(raw.get("metadata")),
            test_clock_id=raw.get("testClockId"),
            created=_time(raw.get("created")),
            raw=raw)


@dataclass(frozen=True)
class HealthCheck:
    """The state of one thing that the server stands on."""

    status: ServingStatus
    """Whether it can be relied on now."""
    age_ms: Optional[int]
    """Milliseconds since this was last known to be so; null before the first check."""
    last_error: Optional[str]
    """What went wrong last, in one sentence; null if nothing did."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> HealthCheck:
        raw = _mapping(value)
        return cls(
            status=raw.get("status"),
            age_ms=raw.get("ageMs"),
            last_error=raw.get("lastError"),
            raw=raw)


@dataclass(frozen=True)
class HealthChecks:
    """The things that the server stands on."""

    stripe: HealthCheck
    """Stripe's API: reachable, and the key accepted."""
    store: HealthCheck
    """The store: it can commit."""
    webhooks: HealthCheck
    """Webhooks: they arrive, and the journal is applied."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> HealthChecks:
        raw = _mapping(value)
        return cls(
            stripe=HealthCheck._of(raw.get("stripe")),
            store=HealthCheck._of(raw.get("store")),
            webhooks=HealthCheck._of(raw.get("webhooks")),
            raw=raw)


@dataclass(frozen=True)
class HelloLimits:
    """The limits that hold for this connection."""

    line_bytes: int
    """Bytes that one line may have."""
    in_flight_calls: int
    """Calls that may run at once on this connection."""
    batch_length: int
    """Requests that one batch may have."""
    output_bytes: int
    """Bytes of answers that may wait for a slow reader."""
    idle_seconds: int
    """Seconds after which a silent connection is closed; 0 means never."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> HelloLimits:
        raw = _mapping(value)
        return cls(
            line_bytes=raw.get("lineBytes"),
            in_flight_calls=raw.get("inFlightCalls"),
            batch_length=raw.get("batchLength"),
            output_bytes=raw.get("outputBytes"),
            idle_seconds=raw.get("idleSeconds"),
            raw=raw)


@dataclass(frozen=True)
class Link:
    """A Link account."""

    email: Optional[str]
    """The account's e-mail address."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> Link:
        raw = _mapping(value)
        return cls(
            email=raw.get("email"),
            raw=raw)


@dataclass(frozen=True)
class PendingUpdate:
    """A change that waits for its payment. Until then the subscription has its old items."""

    expires_at: datetime
    """When the change is dropped if it is not paid before."""
    items: List[PendingUpdateItem]
    """The items as they will be."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> PendingUpdate:
        raw = _mapping(value)
        return cls(
            expires_at=_time(raw.get("expiresAt")),
            items=_list(PendingUpdateItem._of, raw.get("items")),
            raw=raw)


@dataclass(frozen=True)
class PendingUpdateItem:
    """An item as it will be once a pending update applies."""

    id: Optional[str]
    """The item's id (si_…); null for an item that the update adds."""
    price_id: str
    """The price's id (price_…)."""
    product_id: str
    """The product's id (prod_…)."""
    quantity: Optional[int]
    """How many units; null for metered prices."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> PendingUpdateItem:
        raw = _mapping(value)
        return cls(
            id=raw.get("id"),
            price_id=raw.get("priceId"),
            product_id=raw.get("productId"),
            quantity=raw.get("quantity"),
            raw=raw)


@dataclass(frozen=True)
class Period:
    """A span of time."""

    start: datetime
    """Its first moment."""
    end: datetime
    """The moment at which it is over."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> Period:
        raw = _mapping(value)
        return cls(
            start=_time(raw.get("start")),
            end=_time(raw.get("end")),
            raw=raw)


@dataclass(frozen=True)
class Plan:
    """A recurring price with its product: what a customer can choose."""

    price_id: str
    """The price's id (price_…)."""
    product_id: str
    """The product's id (prod_…)."""
    lookup_key: Optional[str]
    """The price's lookup key."""
    name: str
    """The product's name."""
    description: Optional[str]
    """The product's description."""
    active: bool
    """Whether price and product may be sold."""
    unit_amount: Optional[int]
    """The price of one unit in minor units of currency; null where it is tiered or has fractions of the minor
    unit."""
    currency: str
    """Lower-case ISO 4217 code."""
    interval: PriceInterval
    """The unit of the billing period."""
    interval_count: int
    """How many intervals one billing period has."""
    usage_type: UsageType
    """Whether a set quantity or measured usage is billed."""
    metadata: Dict[str, str]
    """The price's names and values."""
    features: List[str]
    """The product's features, by the names that CheckAccess takes."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> Plan:
        raw = _mapping(value)
        return cls(
            price_id=raw.get("priceId"),
            product_id=raw.get("productId"),
            lookup_key=raw.get("lookupKey"),
            name=raw.get("name"),
            description=raw.get("description"),
            active=raw.get("active"),
            unit_amount=raw.get("unitAmount"),
            currency=raw.get("currency"),
            interval=raw.get("interval"),
            interval_count=raw.get("intervalCount"),
            usage_type=raw.get("usageType"),
            metadata=_mapping(raw.get("metadata")),
            features=list(raw.get("features") or []),
            raw=raw)


@dataclass(frozen=True)
class PreviewLine:
    """One line of the invoice that the change makes."""

    description: Optional[str]
    """What the line is for, as the customer reads it."""
    amount: int
    """The line's amount in minor units of currency; negative for a credit."""
    currency: str
    """Lower-case ISO 4217 code."""
    proration: bool
    """Whether the line settles a part of a period."""
    period: Period
    """The time that the line is for."""
    price_id: Optional[str]
    """The price (price_…) behind the line."""
    quantity: Optional[int]
    """How many units the line is for."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> PreviewLine:
        raw = _mapping(value)
        return cls(
            description=raw.get("description"),
            amount=raw.get("amount"),
            currency=raw.get("currency"),
            proration=raw.get("proration"),
            period=Period._of(raw.get("period")),
            price_id=raw.get("priceId"),
            quantity=raw.get("quantity"),
            raw=raw)


@dataclass(frozen=True)
class Renewal:
    """The next ordinary renewal after a change."""

    amount: int
    """What it will cost in minor units of currency."""
    currency: str
    """Lower-case ISO 4217 code."""
    at: datetime
    """When it is due."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> Renewal:
        raw = _mapping(value)
        return cls(
            amount=raw.get("amount"),
            currency=raw.get("currency"),
            at=_time(raw.get("at")),
            raw=raw)


@dataclass(frozen=True)
class ResultMetadata:
    """What the server says about a call beyond its result, in result._meta, where params._meta.verbose asked for
    it."""

    stripe_request_ids: List[str]
    """Stripe's ids of the requests made for this call (req_…), oldest first."""
    attempts: int
    """Requests sent to Stripe for this call, retries included."""
    upstream_ms: int
    """Milliseconds spent waiting for Stripe, all attempts together."""
    replayed: bool
    """Whether this is the kept answer of an earlier call with the same idempotency key."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> ResultMetadata:
        raw = _mapping(value)
        return cls(
            stripe_request_ids=list(raw.get("stripeRequestIds") or []),
            attempts=raw.get("attempts"),
            upstream_ms=raw.get("upstreamMs"),
            replayed=raw.get("replayed"),
            raw=raw)


@dataclass(frozen=True)
class SepaDebit:
    """A SEPA bank account."""

    bank_code: Optional[str]
    """The bank's code."""
    branch_code: Optional[str]
    """The branch's code."""
    country: Optional[str]
    """Two-letter code of the bank's country."""
    last4: Optional[str]
    """The last four characters of the IBAN."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> SepaDebit:
        raw = _mapping(value)
        return cls(
            bank_code=raw.get("bankCode"),
            branch_code=raw.get("branchCode"),
            country=raw.get("country"),
            last4=raw.get("last4"),
            raw=raw)


@dataclass(frozen=True)
class Shipping:
    """Where and to whom goods are sent."""

    name: Optional[str]
    """The recipient's name."""
    phone: Optional[str]
    """The recipient's telephone number, extension included."""
    address: Optional[Address]
    """The recipient's postal address."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> Shipping:
        raw = _mapping(value)
        return cls(
            name=raw.get("name"),
            phone=raw.get("phone"),
            address=_maybe(Address._of, raw.get("address")),
            raw=raw)


@dataclass(frozen=True)
class Subscription:
    """A subscription, as Stripe has it."""

    id: str
    """The subscription's id (sub_…)."""
    customer_id: str
    """The customer's id (cus_…)."""
    status: SubscriptionStatus
    """The subscription's status."""
    currency: str
    """The currency in which it bills, lower-case ISO 4217."""
    collection_method: CollectionMethod
    """How its invoices are collected."""
    items: List[SubscriptionItem]
    """What it bills."""
    cancel_at_period_end: bool
    """Whether it ends with the present period."""
    cancel_at: Optional[datetime]
    """When it will end, where that is known."""
    canceled_at: Optional[datetime]
    """When its cancellation was asked for."""
    ended_at: Optional[datetime]
    """When it ended."""
    trial_end: Optional[datetime]
    """When its trial ends or ended."""
    latest_invoice_id: Optional[str]
    """Its latest invoice (in_…)."""
    default_payment_method_id: Optional[str]
    """The payment method (pm_…) that it names for itself."""
    pending_update: Optional[PendingUpdate]
    """A change that waits for its payment."""
    metadata: Dict[str, str]
    """Names and values of the caller's own."""
    created: datetime
    """When it was created."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> Subscription:
        raw = _mapping(value)
        return cls(
            id=raw.get("id"),
            customer_id=raw.get("customerId"),
            status=raw.get("status"),
            currency=raw.get("currency"),
            collection_method=raw.get("collectionMethod"),
            items=_list(SubscriptionItem._of, raw.get("items")),
            cancel_at_period_end=raw.get("cancelAtPeriodEnd"),
            cancel_at=_maybe(_time, raw.get("cancelAt")),
            canceled_at=_maybe(_time, raw.get("canceledAt")),
            ended_at=_maybe(_time, raw.get("endedAt")),
            trial_end=_maybe(_time, raw.get("trialEnd")),
            latest_invoice_id=raw.get("latestInvoiceId"),
            default_payment_method_id=raw.get("defaultPaymentMethodId"),
            pending_update=_maybe(PendingUpdate._of, raw.get("pendingUpdate")),
            metadata=_mapping(raw.get("metadata")),
            created=_time(raw.get("created")),
            raw=raw)


@dataclass(frozen=True)
class SubscriptionItem:
    """One price that a subscription bills."""

    id: str
    """The item's id (si_…)."""
    price_id: str
    """The price's id (price_…)."""
    product_id: str
    """The id (prod_…) of the product that is paid for: access goes by it."""
    lookup_key: Optional[str]
    """The price's lookup key."""
    quantity: Optional[int]
    """How many units; null for metered prices."""
    current_period_start: datetime
    """Start of the item's present billing period."""
    current_period_end: datetime
    """End of the item's present billing period."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> SubscriptionItem:
        raw = _mapping(value)
        return cls(
            id=raw.get("id"),
            price_id=raw.get("priceId"),
            product_id=raw.get("productId"),
            lookup_key=raw.get("lookupKey"),
            quantity=raw.get("quantity"),
            current_period_start=_time(raw.get("currentPeriodStart")),
            current_period_end=_time(raw.get("currentPeriodEnd")),
            raw=raw)


@dataclass(frozen=True)
class UsBankAccount:
    """A bank account in the United States (ACH)."""

    bank_name: Optional[str]
    """The bank's name."""
    last4: Optional[str]
    """The last four digits of the account number."""
    account_type: Optional[str]
    """checking or savings."""
    account_holder_type: Optional[str]
    """individual or company."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> UsBankAccount:
        raw = _mapping(value)
        return cls(
            bank_name=raw.get("bankName"),
            last4=raw.get("last4"),
            account_type=raw.get("accountType"),
            account_holder_type=raw.get("accountHolderType"),
            raw=raw)


@dataclass(frozen=True)
class CreateCustomerResult:
    """The new customer."""

    customer_id: str
    """The customer's id (cus_…), to be kept with the caller's user."""
    customer: Customer
    """The customer, whole."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> CreateCustomerResult:
        raw = _mapping(value)
        return cls(
            customer_id=raw.get("customerId"),
            customer=Customer._of(raw.get("customer")),
            raw=raw)


@dataclass(frozen=True)
class CreateSubscriptionResult:
    """The new subscription, and what the customer has to do."""

    subscription_id: str
    """The subscription's id (sub_…)."""
    status: SubscriptionStatus
    """incomplete until the first invoice is paid; active or trialing where nothing has to be paid."""
    client_secret: Optional[str] = field(repr=False)
    """The secret with which the browser confirms the payment or set-up; null where there is nothing to confirm.
    Give it to this customer only."""
    intent: Intent
    """What the client secret is for."""
    latest_invoice_id: Optional[str]
    """The first invoice (in_…)."""
    subscription: Subscription
    """The subscription, whole."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> CreateSubscriptionResult:
        raw = _mapping(value)
        return cls(
            subscription_id=raw.get("subscriptionId"),
            status=raw.get("status"),
            client_secret=raw.get("clientSecret"),
            intent=raw.get("intent"),
            latest_invoice_id=raw.get("latestInvoiceId"),
            subscription=Subscription._of(raw.get("subscription")),
            raw=raw)


@dataclass(frozen=True)
class PreviewChangeResult:
    """What the change would cost."""

    quote: str
    """An opaque token for UpdatePlan that binds what is shown here."""
    valid_until: datetime
    """Until when the quote is taken."""
    amount_due_now: int
    """What the customer would be charged at once, in minor units of currency."""
    currency: str
    """Lower-case ISO 4217 code of every amount here."""
    credit: int
    """What the customer would get as credit for later invoices, in minor units of currency."""
    proration_date: datetime
    """The moment at which the old plan is taken to end and the new one to begin, for the arithmetic."""
    effective_at: datetime
    """When the change would take effect."""
    lines: List[PreviewLine]
    """The invoice that the change would make, line by line."""
    next_renewal: Optional[Renewal]
    """The next ordinary renewal after the change; null where the subscription ends before one."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> PreviewChangeResult:
        raw = _mapping(value)
        return cls(
            quote=raw.get("quote"),
            valid_until=_time(raw.get("validUntil")),
            amount_due_now=raw.get("amountDueNow"),
            currency=raw.get("currency"),
            credit=raw.get("credit"),
            proration_date=_time(raw.get("prorationDate")),
            effective_at=_time(raw.get("effectiveAt")),
            lines=_list(PreviewLine._of, raw.get("lines")),
            next_renewal=_maybe(Renewal._of, raw.get("nextRenewal")),
            raw=raw)


@dataclass(frozen=True)
class UpdatePlanResult:
    """The subscription after the change, and what the customer has to do."""

    subscription: Subscription
    """The subscription as it is now."""
    status: SubscriptionStatus
    """The subscription's status."""
    pending_update: Optional[PendingUpdate]
    """The change, where it waits for its payment; null where it has taken effect or was for the period's end."""
    effective_at: Optional[datetime]
    """When the change took effect or will; null while it waits for its payment."""
    invoice_id: Optional[str]
    """The invoice (in_…) that the change made."""
    amount_charged: int
    """What was charged for the change, in minor units of currency."""
    currency: str
    """Lower-case ISO 4217 code of amountCharged."""
    client_secret: Optional[str] = field(repr=False)
    """The secret with which the browser confirms the change's payment; null where there is nothing to confirm. Give
    it to this customer only."""
    intent: Intent
    """What the client secret is for."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> UpdatePlanResult:
        raw = _mapping(value)
        return cls(
            subscription=Subscription._of(raw.get("subscription")),
            status=raw.get("status"),
            pending_update=_maybe(PendingUpdate._of, raw.get("pendingUpdate")),
            effective_at=_maybe(_time, raw.get("effectiveAt")),
            invoice_id=raw.get("invoiceId"),
            amount_charged=raw.get("amountCharged"),
            currency=raw.get("currency"),
            client_secret=raw.get("clientSecret"),
            intent=raw.get("intent"),
            raw=raw)


@dataclass(frozen=True)
class CancelResult:
    """The subscription's end."""

    subscription_id: str
    """The subscription's id (sub_…)."""
    status: SubscriptionStatus
    """canceled, or its status until the period ends."""
    cancel_at_period_end: bool
    """Whether it ends with the period."""
    ends_at: Optional[datetime]
    """When it ends or ended."""
    subscription: Subscription
    """The subscription as it is now."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> CancelResult:
        raw = _mapping(value)
        return cls(
            subscription_id=raw.get("subscriptionId"),
            status=raw.get("status"),
            cancel_at_period_end=raw.get("cancelAtPeriodEnd"),
            ends_at=_maybe(_time, raw.get("endsAt")),
            subscription=Subscription._of(raw.get("subscription")),
            raw=raw)


@dataclass(frozen=True)
class GetPaymentMethodResult:
    """The payment method."""

    payment_method_id: str
    """The payment method's id (pm_…)."""
    customer_id: Optional[str]
    """The customer (cus_…) to whom it is attached."""
    type: PaymentMethodType
    """What kind it is; the member of that name says more."""
    card: Optional[Card]
    """The card, where type is card."""
    sepa_debit: Optional[SepaDebit]
    """The account, where type is sepa_debit."""
    au_becs_debit: Optional[AuBecsDebit]
    """The account, where type is au_becs_debit."""
    us_bank_account: Optional[UsBankAccount]
    """The account, where type is us_bank_account."""
    link: Optional[Link]
    """The account, where type is link."""
    billing_details: BillingDetails
    """To whom it belongs."""
    used_for: Optional[PaymentMethodUse]
    """Why this one was found; null where it was asked for by paymentMethodId."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> GetPaymentMethodResult:
        raw = _mapping(value)
        return cls(
            payment_method_id=raw.get("paymentMethodId"),
            customer_id=raw.get("customerId"),
            type=raw.get("type"),
            card=_maybe(Card._of, raw.get("card")),
            sepa_debit=_maybe(SepaDebit._of, raw.get("sepaDebit")),
            au_becs_debit=_maybe(AuBecsDebit._of, raw.get("auBecsDebit")),
            us_bank_account=_maybe(UsBankAccount._of, raw.get("usBankAccount")),
            link=_maybe(Link._of, raw.get("link")),
            billing_details=BillingDetails._of(raw.get("billingDetails")),
            used_for=raw.get("usedFor"),
            raw=raw)


@dataclass(frozen=True)
class GetSubscriptionResult:
    """The subscription."""

    subscription: Subscription
    """The subscription, whole."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> GetSubscriptionResult:
        raw = _mapping(value)
        return cls(
            subscription=Subscription._of(raw.get("subscription")),
            raw=raw)


@dataclass(frozen=True)
class ListPlansResult:
    """A page of plans."""

    plans: List[Plan]
    """The plans, newest price first."""
    next_cursor: Optional[str]
    """Ask for the next page with it; null on the last page."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> ListPlansResult:
        raw = _mapping(value)
        return cls(
            plans=_list(Plan._of, raw.get("plans")),
            next_cursor=raw.get("nextCursor"),
            raw=raw)


@dataclass(frozen=True)
class CheckAccessResult:
    """The decision, and why."""

    allowed: bool
    """Whether the customer has access."""
    reason: AccessReason
    """Why."""
    status: Optional[SubscriptionStatus]
    """The status of the subscription that decided; null for none."""
    subscription_id: Optional[str]
    """The subscription (sub_…) that decided; null for none."""
    product_id: Optional[str]
    """The product (prod_…) that is paid for; null for none."""
    since: Optional[datetime]
    """Since when the decision is what it is, as far as the store knows."""
    period_end: Optional[datetime]
    """End of the period that is or was paid for."""
    grace_end: Optional[datetime]
    """When access ends if payment stays away; null unless reason is GRACE."""
    as_of: Optional[datetime]
    """When Stripe made the newest event that the decision rests on; null where none is known."""
    as_of_event_id: Optional[str]
    """That event's id (evt_…)."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> CheckAccessResult:
        raw = _mapping(value)
        return cls(
            allowed=raw.get("allowed"),
            reason=raw.get("reason"),
            status=raw.get("status"),
            subscription_id=raw.get("subscriptionId"),
            product_id=raw.get("productId"),
            since=_maybe(_time, raw.get("since")),
            period_end=_maybe(_time, raw.get("periodEnd")),
            grace_end=_maybe(_time, raw.get("graceEnd")),
            as_of=_maybe(_time, raw.get("asOf")),
            as_of_event_id=raw.get("asOfEventId"),
            raw=raw)


@dataclass(frozen=True)
class IngestWebhookResult:
    """What was taken in."""

    event_id: str
    """The event's id (evt_…)."""
    type: str
    """The event's type, such as customer.subscription.updated."""
    duplicate: bool
    """Whether the journal had the event already."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> IngestWebhookResult:
        raw = _mapping(value)
        return cls(
            event_id=raw.get("eventId"),
            type=raw.get("type"),
            duplicate=raw.get("duplicate"),
            raw=raw)


@dataclass(frozen=True)
class RPCHelloResult:
    """Who answers."""

    server: str
    """The server's name: dues."""
    version: str
    """The server's version."""
    protocol: int
    """The protocol version that it speaks."""
    mode: ServerMode
    """What stands behind it."""
    scopes: List[Scope]
    """What this connection may do."""
    limits: HelloLimits
    """What it must keep to."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> RPCHelloResult:
        raw = _mapping(value)
        return cls(
            server=raw.get("server"),
            version=raw.get("version"),
            protocol=raw.get("protocol"),
            mode=raw.get("mode"),
            scopes=list(raw.get("scopes") or []),
            limits=HelloLimits._of(raw.get("limits")),
            raw=raw)


@dataclass(frozen=True)
class RPCHealthResult:
    """The server's health."""

    status: ServingStatus
    """Whether the server does its work."""
    checks: HealthChecks
    """The things that it stands on."""
    raw: Dict[str, Any] = field(repr=False, compare=False)
    """The whole object as the server gave it, also what this client does not know."""

    @classmethod
    def _of(cls, value: Any) -> RPCHealthResult:
        raw = _mapping(value)
        return cls(
            status=raw.get("status"),
            checks=HealthChecks._of(raw.get("checks")),
            raw=raw)


class Dues(_Core):
    """A connection to a Dues server, with a method for each of the service's."""

    def create_customer(
        self, *, email: Optional[str] = None, name: Optional[str] = None, phone: Optional[str] = None,
        description: Optional[str] = None, address: Optional[Union[AddressInput, Mapping[str, Any]]] = None,
        shipping: Optional[Union[ShippingInput, Mapping[str, Any]]] = None,
        metadata: Optional[Mapping[str, str]] = None, payment_method_id: Optional[str] = None,
        test_clock_id: Optional[str] = None, timeout: Optional[float] = None,
        idempotency_key: Optional[str] = None, meta: Optional[Mapping[str, Any]] = None
    ) -> CreateCustomerResult:
        """Create a customer. Creates a customer in Stripe, and in the store. Nothing is required, but an e-mail
        address is worth having: Stripe sends receipts to it.

        email: The customer's e-mail address; Stripe sends receipts and invoices to it.
        name: The customer's full name or business name.
        phone: The customer's telephone number.
        description: The caller's own words about the customer; the customer does not see them.
        address: The customer's postal address.
        shipping: Where goods for the customer are sent; it appears on invoices.
        metadata: Names and values of the caller's own, kept with the customer.
        payment_method_id: A payment method (pm_…) that is attached to the customer and becomes the default for
        invoices.
        test_clock_id: A test clock (clock_…) on which the customer shall live; in test mode and the sandbox only.
        """
        return CreateCustomerResult._of(self.call(
            "CreateCustomer", {
                "email": email, "name": name, "phone": phone, "description": description, "address": address,
                "shipping": shipping, "metadata": metadata, "paymentMethodId": payment_method_id,
                "testClockId": test_clock_id},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def create_subscription(
        self, *, customer_id: str, price_id: Optional[str] = None, lookup_key: Optional[str] = None,
        items: Optional[Sequence[Union[SubscriptionItemInput, Mapping[str, Any]]]] = None,
        quantity: Optional[int] = None, currency: Optional[str] = None, trial_days: Optional[int] = None,
        promotion_code: Optional[str] = None, default_payment_method_id: Optional[str] = None,
        collection_method: Optional[CollectionMethod] = None, days_until_due: Optional[int] = None,
        metadata: Optional[Mapping[str, str]] = None, allow_duplicate: Optional[bool] = None,
        timeout: Optional[float] = None, idempotency_key: Optional[str] = None,
        meta: Optional[Mapping[str, Any]] = None
    ) -> CreateSubscriptionResult:
        """Subscribe a customer to a price. Creates a subscription whose first invoice waits for the customer's
        payment (payment_behavior default_incomplete, flexible billing, the payment method saved on success). The
        client secret goes to the browser, where Stripe's Payment Element confirms it. With a trial there may be
        nothing to pay yet: then intent says setup or nothing.

        customer_id: The customer (cus_…) who subscribes.
        price_id: The recurring price (price_…) to subscribe to. One of price_id, lookup_key and items.
        lookup_key: The price's lookup key, instead of its id.
        items: Several prices at once, each with its quantity.
        quantity: How many units of price_id or lookup_key; 1 unless told. With items each entry has its own.
        currency: The currency to bill in, lower-case ISO 4217, where the price has several; the price's own unless
        told.
        trial_days: Days of free trial before the first charge.
        promotion_code: A promotion code: the words that the customer types, or its id (promo_…).
        default_payment_method_id: A payment method (pm_…) of the customer's to charge, instead of the customer's
        default.
        collection_method: How invoices are collected. Default: charge_automatically.
        days_until_due: Days that the customer has to pay an invoice. Required with collection_method send_invoice,
        and only there.
        metadata: Names and values of the caller's own, kept with the subscription.
        allow_duplicate: Whether a second live subscription of this customer to the same product is wanted.
        Otherwise it is refused with DUPLICATE_SUBSCRIPTION. Default: false.
        """
        return CreateSubscriptionResult._of(self.call(
            "CreateSubscription", {
                "customerId": customer_id, "priceId": price_id, "lookupKey": lookup_key, "items": items,
                "quantity": quantity, "currency": currency, "trialDays": trial_days,
                "promotionCode": promotion_code, "defaultPaymentMethodId": default_payment_method_id,
                "collectionMethod": collection_method, "daysUntilDue": days_until_due, "metadata": metadata,
                "allowDuplicate": allow_duplicate},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def preview_change(
        self, *, subscription_id: str, price_id: Optional[str] = None, lookup_key: Optional[str] = None,
        quantity: Optional[int] = None, items: Optional[Sequence[Union[ItemChange, Mapping[str, Any]]]] = None,
        proration_behavior: Optional[ProrationBehavior] = None, when: Optional[PlanChangeTiming] = None,
        timeout: Optional[float] = None, idempotency_key: Optional[str] = None,
        meta: Optional[Mapping[str, Any]] = None
    ) -> PreviewChangeResult:
        """Show what a change of plan would cost. Asks Stripe what the change would charge, and changes nothing. The
        quote binds the subscription, its items, the moment of proration and the totals: UpdatePlan with the quote
        charges exactly this, or refuses.

        subscription_id: The subscription (sub_…) that would change.
        price_id: The price (price_…) to change to.
        lookup_key: The lookup key of the price to change to, instead of its id.
        quantity: How many units from then on; unchanged unless told.
        items: Changes item by item, for subscriptions with several.
        proration_behavior: What happens to the part of the period that is left. Default: always_invoice.
        when: When the change takes effect. Default: now.
        """
        return PreviewChangeResult._of(self.call(
            "PreviewChange", {
                "subscriptionId": subscription_id, "priceId": price_id, "lookupKey": lookup_key,
                "quantity": quantity, "items": items, "prorationBehavior": proration_behavior, "when": when},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def update_plan(
        self, *, subscription_id: Optional[str] = None, price_id: Optional[str] = None,
        lookup_key: Optional[str] = None, quantity: Optional[int] = None,
        items: Optional[Sequence[Union[ItemChange, Mapping[str, Any]]]] = None,
        proration_behavior: Optional[ProrationBehavior] = None, when: Optional[PlanChangeTiming] = None,
        quote: Optional[str] = None, payment_behavior: Optional[PaymentBehavior] = None,
        timeout: Optional[float] = None, idempotency_key: Optional[str] = None,
        meta: Optional[Mapping[str, Any]] = None
    ) -> UpdatePlanResult:
        """Change a subscription's plan. Changes prices or quantities, either as a quote of PreviewChange says (then
        Stripe charges exactly what was shown, or nothing is changed), or directly. Unless told otherwise an upgrade
        whose payment fails leaves the old plan in place.

        subscription_id: The subscription (sub_…) that changes. Required unless a quote is given.
        price_id: The price (price_…) to change to.
        lookup_key: The lookup key of the price to change to, instead of its id.
        quantity: How many units from then on; unchanged unless told.
        items: Changes item by item, for subscriptions with several.
        proration_behavior: What happens to the part of the period that is left. Default: always_invoice.
        when: When the change takes effect. Default: now.
        quote: The token of a PreviewChange. It says everything about the change: only payment_behavior may stand
        beside it.
        payment_behavior: What happens where the change needs a payment that fails or needs the customer. Default:
        pending_if_incomplete.
        """
        return UpdatePlanResult._of(self.call(
            "UpdatePlan", {
                "subscriptionId": subscription_id, "priceId": price_id, "lookupKey": lookup_key,
                "quantity": quantity, "items": items, "prorationBehavior": proration_behavior, "when": when,
                "quote": quote, "paymentBehavior": payment_behavior},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def cancel(
        self, *, subscription_id: str, when: Optional[ChangeTiming] = None,
        feedback: Optional[CancellationFeedback] = None, comment: Optional[str] = None,
        invoice_now: Optional[bool] = None, prorate: Optional[bool] = None, timeout: Optional[float] = None,
        idempotency_key: Optional[str] = None, meta: Optional[Mapping[str, Any]] = None
    ) -> CancelResult:
        """Cancel a subscription. Cancels at once, as the guide does, or at the end of the period that is paid for.
        A subscription that was cancelled at once cannot be revived.

        subscription_id: The subscription (sub_…) to cancel.
        when: At once, or at the end of the period that is paid for. Default: now.
        feedback: Why the customer cancels.
        comment: The customer's own words about it.
        invoice_now: Whether what is not invoiced yet (usage, prorations) is invoiced at once. With when now only.
        Default: false.
        prorate: Whether the unused part of the period is credited. With when now only. Default: false.
        """
        return CancelResult._of(self.call(
            "Cancel", {
                "subscriptionId": subscription_id, "when": when, "feedback": feedback, "comment": comment,
                "invoiceNow": invoice_now, "prorate": prorate},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def get_payment_method(
        self, *, subscription_id: Optional[str] = None, customer_id: Optional[str] = None,
        payment_method_id: Optional[str] = None, timeout: Optional[float] = None,
        idempotency_key: Optional[str] = None, meta: Optional[Mapping[str, Any]] = None
    ) -> GetPaymentMethodResult:
        """Show the payment method that would be charged. Finds the payment method behind a subscription, the
        default one of a customer, or one by its id, with what a customer needs to recognise it.

        subscription_id: A subscription (sub_…): the payment method that its next invoice would charge.
        customer_id: A customer (cus_…): the default, or the only one attached.
        payment_method_id: A payment method (pm_…).
        """
        return GetPaymentMethodResult._of(self.call(
            "GetPaymentMethod", {
                "subscriptionId": subscription_id, "customerId": customer_id, "paymentMethodId": payment_method_id},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def get_subscription(
        self, *, subscription_id: str, timeout: Optional[float] = None, idempotency_key: Optional[str] = None,
        meta: Optional[Mapping[str, Any]] = None
    ) -> GetSubscriptionResult:
        """Look up a subscription. Gives a subscription as Stripe has it.

        subscription_id: The subscription (sub_…) to look up.
        """
        return GetSubscriptionResult._of(self.call(
            "GetSubscription", {"subscriptionId": subscription_id},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def list_plans(
        self, *, active: Optional[bool] = None, limit: Optional[int] = None, cursor: Optional[str] = None,
        timeout: Optional[float] = None, idempotency_key: Optional[str] = None,
        meta: Optional[Mapping[str, Any]] = None
    ) -> ListPlansResult:
        """List the plans that customers can choose. Lists recurring prices with their products, for a page that
        sells them.

        active: Whether the plans that are sold are listed, or those that are not any more. Default: true.
        limit: How many plans one page may have. Default: 20.
        cursor: nextCursor of the page before.
        """
        return ListPlansResult._of(self.call(
            "ListPlans", {"active": active, "limit": limit, "cursor": cursor},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def check_access(
        self, *, customer_id: str, product_id: Optional[str] = None, feature: Optional[str] = None,
        timeout: Optional[float] = None, idempotency_key: Optional[str] = None,
        meta: Optional[Mapping[str, Any]] = None
    ) -> CheckAccessResult:
        """Decide whether a customer has access. Says whether a customer may use a product or a feature, from what
        was paid, and why. Answered from the local store and never from Stripe, so that it can be asked at every
        request.

        customer_id: The customer (cus_…) who wants access.
        product_id: The product (prod_…) that is wanted. One of product_id and feature.
        feature: The feature that is wanted, by name, whichever product has it.
        """
        return CheckAccessResult._of(self.call(
            "CheckAccess", {"customerId": customer_id, "productId": product_id, "feature": feature},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def ingest_webhook(
        self, *, payload: str, signature: str, timeout: Optional[float] = None,
        idempotency_key: Optional[str] = None, meta: Optional[Mapping[str, Any]] = None
    ) -> IngestWebhookResult:
        """Take in a webhook of Stripe's. For hosts that receive Stripe's webhooks themselves: verifies the
        signature, writes the event into the journal, commits, and answers. A duplicate is answered likewise and
        does nothing.

        payload: The request's raw body, byte for byte as it came: the signature covers it.
        signature: The request's Stripe-Signature header.
        """
        return IngestWebhookResult._of(self.call(
            "IngestWebhook", {"payload": payload, "signature": signature},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def rpc_hello(
        self, *, client: Optional[str] = None, protocol: Optional[int] = None, authorization: Optional[str] = None,
        timeout: Optional[float] = None, idempotency_key: Optional[str] = None,
        meta: Optional[Mapping[str, Any]] = None
    ) -> RPCHelloResult:
        """Meet the server. Optional unless the server requires a token. Gives the connection its token, checks the
        protocol version, and says who answers.

        client: The caller's name and version, for the logs.
        protocol: The protocol version that the caller speaks; any other than the server's is refused with
        PROTOCOL_MISMATCH.
        authorization: Bearer TOKEN, for every later call on this connection.
        """
        return RPCHelloResult._of(self.call(
            "rpc.hello", {"client": client, "protocol": protocol, "authorization": authorization},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

    def rpc_discover(
        self, *, timeout: Optional[float] = None, idempotency_key: Optional[str] = None,
        meta: Optional[Mapping[str, Any]] = None
    ) -> Dict[str, Any]:
        """Describe the server. Gives this very document: every method, type, error and example that the server
        serves.
        """
        return self.call(
            "rpc.discover", {},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta)

    def rpc_health(
        self, *, timeout: Optional[float] = None, idempotency_key: Optional[str] = None,
        meta: Optional[Mapping[str, Any]] = None
    ) -> RPCHealthResult:
        """Ask whether the server serves. The semantics of gRPC's health protocol: NOT_SERVING while it starts,
        stops, or cannot do its work.
        """
        return RPCHealthResult._of(self.call(
            "rpc.health", {},
            timeout=timeout, idempotency_key=idempotency_key, meta=meta))

"""The client at work for the tests: a JSON-RPC server on standard streams that makes each call by the typed methods."""

import argparse
import inspect
import json
import re
import ssl
import sys
import threading
from datetime import datetime
from typing import Any, Dict, List, Type

from dues import (
    AddressInput, CallOptions, Cancellation, Dues, DuesError, ItemChange, ShippingInput, Stream, SubscriptionItemInput)
from dues._types import SAFE_TO_REPEAT, STREAMING
from dues._wire import Message, Result, plain

_writing = threading.Lock()


def say(message: Dict[str, Any]) -> None:
    with _writing:
        print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def snake(name: str) -> str:
    """customer_id, for customerId; rpc_hello, for rpc.hello."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace(".", "_").lower()


def typed(method: str, name: str, value: Any) -> Any:
    """The client's own value for `value`; raises LookupError or TypeError where there is none."""
    if value is None:
        raise TypeError("None says that there is no value")
    if name == "items":
        if not isinstance(value, list):
            raise TypeError("no list of items")
        item = SubscriptionItemInput if method == "CreateSubscription" else ItemChange
        return [made(item, method, element) for element in value]
    of = {"address": AddressInput, "shipping": ShippingInput}.get(name)
    return value if of is None else made(of, method, value)


def made(of: Type[Message], method: str, value: Dict[str, Any]) -> Message:
    names = {wire: name for name, wire in of._names.items()}
    return of(**{names[wire]: typed(method, wire, member) for wire, member in value.items()})


def untyped(value: Any) -> Any:
    """`value` as JSON has it, with the nulls that the server gave, and without what the client does not know."""
    if isinstance(value, Result):
        members = ((wire, getattr(value, name)) for name, wire in value._names.items())
        return {wire: untyped(member) for wire, member in members if member is not None or wire in value.raw}
    if isinstance(value, list):
        return [untyped(element) for element in value]
    return plain(value) if isinstance(value, datetime) else value


def options(meta: Dict[str, Any]) -> CallOptions:
    """`meta` as the client's options; what they cannot say stays as it is."""
    said: CallOptions = {}
    rest = dict(meta)
    if type(rest.get("timeoutMs")) is int and rest["timeoutMs"] > 0:
        said["timeout"] = rest.pop("timeoutMs") / 1000
    if str(rest.get("authorization")).startswith("Bearer "):
        said["token"] = rest.pop("authorization")[len("Bearer "):]
    if isinstance(rest.get("idempotencyKey"), str):
        said["idempotency_key"] = rest.pop("idempotencyKey")
    if isinstance(rest.get("traceparent"), str):
        said["traceparent"] = rest.pop("traceparent")
    if rest.get("verbose") is True:
        said["verbose"] = rest.pop("verbose")
    said["meta"] = rest
    return said


def perform(dues: Dues, method: str, params: Dict[str, Any], how: CallOptions) -> Any:
    """Makes the call by its own method, if the client knows it and its types can say the params."""
    if method not in SAFE_TO_REPEAT:
        return dues.call(method, params, **how)
    function = getattr(dues, snake(method))
    try:
        arguments = {snake(name): typed(method, name, value) for name, value in params.items()}
        signature = inspect.signature(function)
        signature.bind(**arguments)  # raises TypeError where a required one is missing
        if not arguments.keys() <= signature.parameters.keys():
            raise LookupError("an argument without a parameter")
    except (AttributeError, LookupError, TypeError):
        return dues.call(method, params, **how)
    return function(**arguments, **how)


def answer(dues: Dues, message: Dict[str, Any], cancellation: Cancellation) -> None:
    id = message["id"]
    try:
        params = dict(message.get("params", {}))
        how = options(params.pop("_meta", {}))
        how["cancel"] = cancellation
        result = perform(dues, message["method"], params, how)
        if isinstance(result, Stream):
            with result as stream:
                for seq, value in enumerate(stream, 1):
                    say({"method": "rpc.stream", "params": {"id": id, "seq": seq, "value": untyped(value)}})
                result = stream.result
        say({"id": id, "result": untyped(result)})
    except DuesError as error:
        data = {
            "status": error.status, "reason": error.reason, "retryable": error.retryable, "subjectId": error.subject_id,
            "retryAfterMs": None if error.retry_after is None else round(error.retry_after * 1000),
            "violations": untyped(error.violations) or None, "stripe": untyped(error.stripe)}
        say({"id": id, "error": {
            "code": error.code, "message": error.message,
            "data": {name: value for name, value in data.items() if value is not None}}})
    except Exception as error:
        say({"id": id, "error": {"code": -32603, "message": f"{type(error).__name__}: {error}"}})


def client() -> Dues:
    flags = argparse.ArgumentParser()
    flags.add_argument("--tcp")
    flags.add_argument("--tls-ca")
    flags.add_argument("--unix")
    flags.add_argument("--stdio")
    flags.add_argument("--serve")
    flags.add_argument("--token")
    flags.add_argument("--retries", type=int, default=0)
    given = flags.parse_args()
    tls = None if given.tls_ca is None else ssl.create_default_context(cafile=given.tls_ca)
    if given.stdio is not None:
        return Dues.spawn(["/bin/sh", "-c", f"exec {given.stdio}"], token=given.token, retries=given.retries)
    if given.serve is not None:
        return Dues.launch(["/bin/sh", "-c", f"exec {given.serve}"], tls=tls, token=given.token, retries=given.retries)
    host, _, port = (given.tcp or ":0").rpartition(":")
    return Dues.connect(host, int(port), unix=given.unix, tls=tls, token=given.token, retries=given.retries)


def main() -> None:
    calls: List[threading.Thread] = []  # but for the streams: they end with the client
    cancellations: Dict[Any, Cancellation] = {}
    with client() as dues:
        for line in sys.stdin:
            message = json.loads(line)
            if message["method"] == "rpc.cancel":
                cancellations[message["params"]["id"]].cancel()
                continue
            cancellation = cancellations[message["id"]] = Cancellation()
            thread = threading.Thread(target=answer, args=(dues, message, cancellation))
            thread.start()
            if message["method"] not in STREAMING:
                calls.append(thread)
        for thread in calls:
            thread.join()


if __name__ == "__main__":
    main()

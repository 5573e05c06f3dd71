"""The client at work for the tests: a JSON-RPC server on standard streams that makes each call by the typed methods."""

import argparse
import inspect
import json
import re
import ssl
import sys
import threading
from typing import Any, Callable, Dict, Optional, Type, Union

from dues import (
    AddressInput, CallOptions, Cancellation, Dues, DuesError, ItemChange, ShippingInput, Stream, SubscriptionItemInput)
from dues._types import SAFE_TO_REPEAT, STREAMING
from dues._wire import Message, plain

_writing = threading.Lock()


def say(message: Dict[str, Any]) -> None:
    with _writing:
        print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def snake(name: str) -> str:
    """customer_id, for customerId; rpc_hello, for rpc.hello."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace(".", "_").lower()


def input_type(method: str, name: str) -> Optional[Type[Message]]:
    if name == "items":
        return SubscriptionItemInput if method == "CreateSubscription" else ItemChange
    return {"address": AddressInput, "shipping": ShippingInput}.get(name)


def typed(method: str, name: str, value: Any) -> Any:
    """The client's own value for `value`; raises LookupError or TypeError where there is none."""
    of = input_type(method, name)
    if value is None:
        raise TypeError("what is None is left out")
    if of is None:
        return value
    if name == "items":
        return [made(of, method, element) for element in value]
    return made(of, method, value)


def made(of: Type[Message], method: str, value: Dict[str, Any]) -> Message:
    names = {wire: name for name, wire in of._names.items()}
    return of(**{names[wire]: typed(method, wire, member) for wire, member in value.items()})


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


def perform(dues: Dues, method: str, params: Dict[str, Any], how: CallOptions) -> Union[Message, Dict[str, Any], Stream[Any, Any]]:
    if method in SAFE_TO_REPEAT:
        function: Callable[..., Any] = getattr(dues, snake(method))
        try:
            arguments = {snake(name): typed(method, name, value) for name, value in params.items()}
            inspect.signature(function).bind(**arguments)
            known = set(inspect.signature(function).parameters)
            if not known.issuperset(arguments):
                raise TypeError("no such parameter")
        except (AttributeError, LookupError, TypeError):
            return dues.call(method, params, **how)
        return function(**arguments, **how)  # type: ignore[no-any-return]
    return dues.call(method, params, **how)


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
                    say({"method": "rpc.stream", "params": {"id": id, "seq": seq, "value": plain(value)}})
                result = stream.result
        say({"id": id, "result": plain(result)})
    except DuesError as error:
        data = {
            "status": error.status, "reason": error.reason, "retryable": error.retryable, "subjectId": error.subject_id,
            "retryAfterMs": None if error.retry_after is None else round(error.retry_after * 1000),
            "violations": plain(error.violations) or None, "stripe": plain(error.stripe)}
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
    if given.unix is not None:
        return Dues.connect(unix=given.unix, token=given.token, retries=given.retries)
    host, _, port = given.tcp.rpartition(":")
    return Dues.connect(host.strip("[]"), int(port), tls=tls, token=given.token, retries=given.retries)


def main() -> None:
    calls = []
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

"""The wire's form: JSON lines, and Python values made of JSON values and back."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Callable, ClassVar, Dict, List, Mapping, Optional, TypeVar

LONGEST_LINE = 1 << 20  # the server takes no longer one

_M = TypeVar("_M")


class Message:
    """An object with a name on the wire for each of its members."""

    _names: ClassVar[Dict[str, str]] = {}


class Result(Message):
    """An object that the server gave."""

    raw: Dict[str, Any]


def given(params: Mapping[str, Any]) -> Dict[str, Any]:
    """Those of `params` that are there."""
    return {name: value for name, value in params.items() if value is not None}


def plain(value: Any) -> Any:
    """`value`, one level of it, as JSON has it; raises TypeError where JSON has no such thing."""
    if isinstance(value, Message):
        return given({wire: getattr(value, name) for name, wire in value._names.items()})
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _not_json(value: str) -> None:
    raise ValueError(f"{value} is not JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain).encode
_decode = json.JSONDecoder(parse_constant=_not_json).decode


def encode(message: Dict[str, Any]) -> bytes:
    """`message` as a line; raises ValueError, or TypeError, where it cannot be one."""
    try:
        line = _encode(message).encode() + b"\n"
    except UnicodeEncodeError:  # whose own words hold the whole line, and a token with it
        raise ValueError("a lone surrogate is no text") from None
    if len(line) > LONGEST_LINE:
        raise ValueError(f"the call is {len(line)} bytes long; a line may have {LONGEST_LINE}")
    return line


def decode(line: bytearray) -> Any:
    """The object that `line` is, or an empty one for another JSON value; raises where it is no JSON."""
    return mapping(_decode(line.decode()))


def mapping(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


def time(value: Any) -> datetime:
    return datetime.fromisoformat(str(value).replace("Z", "+00:00"))


def list_of(of: Callable[[Any], _M], value: Any) -> List[_M]:
    return [of(element) for element in value or []]


def maybe(of: Callable[[Any], _M], value: Any) -> Optional[_M]:
    return None if value is None else of(value)

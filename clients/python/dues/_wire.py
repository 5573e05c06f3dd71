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

    def to_wire(self) -> Dict[str, Any]:
        """The object as JSON has it, without the members that are None."""
        members = ((wire, getattr(self, name)) for name, wire in self._names.items())
        return {wire: plain(value) for wire, value in members if value is not None}


class Result(Message):
    """An object that the server gave."""

    raw: Dict[str, Any]

    def to_wire(self) -> Dict[str, Any]:
        """The object as JSON has it, without what this client does not know."""
        nulls: Dict[str, Any] = {wire: None for wire in self._names.values() if wire in self.raw}
        return {**nulls, **super().to_wire()}


def plain(value: Any) -> Any:
    """`value` as JSON has it."""
    if isinstance(value, Message):
        return value.to_wire()
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, Mapping):
        return {name: plain(member) for name, member in value.items()}
    return [plain(element) for element in value] if isinstance(value, (list, tuple)) else value


def given(params: Mapping[str, Any]) -> Dict[str, Any]:
    """Those of `params` that are there."""
    return {name: value for name, value in params.items() if value is not None}


def _not_json(value: Any) -> Any:
    raise ValueError(f"{value} is not JSON")


def _converted(value: Any) -> Any:
    converted = plain(value)
    if converted is value:
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return converted


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_converted).encode
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


def decode(line: bytes) -> Any:
    """The JSON value that `line` is; raises ValueError where it is none."""
    try:
        return _decode(line.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


def mapping(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


def time(value: Any) -> datetime:
    return datetime.fromisoformat(str(value).replace("Z", "+00:00"))


def list_of(of: Callable[[Any], _M], value: Any) -> List[_M]:
    return [of(element) for element in value or []]


def maybe(of: Callable[[Any], _M], value: Any) -> Optional[_M]:
    return None if value is None else of(value)

"""What may go wrong with a call."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ._types import StripeRefusal, Violation
from ._wire import list_of, mapping, maybe


class DuesError(Exception):
    """A call failed. `reason` is a constant to act on; `message` is for a person.

    With the reason CONNECTION_LOST it is not known whether the call took effect: repeat it with its idempotency key.
    """

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error)
        data = mapping(error.get("data"))
        self.code: int = error.get("code", 0)
        self.message: str = error.get("message", "")
        self.status: str = data.get("status", "UNKNOWN")
        self.reason: str = data.get("reason", "UNSPECIFIED")
        self.retryable: bool = data.get("retryable", False)
        milliseconds = data.get("retryAfterMs")
        self.retry_after: Optional[float] = None if milliseconds is None else milliseconds / 1000
        self.subject_id: Optional[str] = data.get("subjectId")
        self.violations: List[Violation] = list_of(Violation._of, data.get("violations"))
        self.stripe: Optional[StripeRefusal] = maybe(StripeRefusal._of, data.get("stripe"))

    def __str__(self) -> str:
        return f"{self.status} {self.reason}: {self.message}"


# The client's own errors, as the wire would have them.

def connection_lost(problem: str) -> Dict[str, Any]:
    return {"code": -32014, "message": problem, "data": {
        "status": "UNAVAILABLE", "reason": "CONNECTION_LOST", "retryable": True}}


def no_answer(method: str) -> Dict[str, Any]:
    return {"code": -32004, "message": f"{method}: no answer in time.", "data": {
        "status": "DEADLINE_EXCEEDED", "reason": "NO_ANSWER", "retryable": True}}


def caller_cancelled() -> Dict[str, Any]:
    return {"code": -32001, "message": "The caller cancelled the call.", "data": {
        "status": "CANCELLED", "reason": "CALLER_CANCELLED", "retryable": False}}

"""What a world returns: responses, refusals, the content of an output file, and its statistics.

Status codes, error codes and bodies are those of Runbase's public documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response of the API; the body is JSON as data."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServedClip:
    """The output file of a run: clip number `pick` (modulo how many there are) followed by the bytes of `tail`."""

    pick: int
    tail: bytes
    completed_at: float


@dataclass(slots=True)
class Stats:
    """What a world has done. `creates` and `reads` count every request, whatever its response."""

    creates: int = 0
    reads: int = 0
    rate_limited: int = 0
    charged_micro_usd: int = 0
    refunded_micro_usd: int = 0


class ForcedError(Enum):
    """A state in which every request with a known key gets this error, and no run is created.

    BAD_KEY for one key is a key that was revoked.
    """

    BAD_KEY = (401, "invalid_api_key", "this API key is disabled or has expired")
    BAD_ADDRESS = (403, "ip_not_allowed", "this IP address is not on the API key's list")
    QUOTA = (429, "USAGE_EXCEEDED", "the API key's quota is used up")
    BROKEN = (500, "internal_error", "an unexpected error occurred")


class RequestRefused(Exception):  # noqa: N818 - carries a response, is no error of ours
    """Ends a request that is refused; `response` is what to send."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = ApiResponse(status, {"error": {"message": message, "code": code}}, headers or {})

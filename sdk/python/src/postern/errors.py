"""The errors of this package. All are `PosternError`; an answer of the server that is an error is
an `APIError` with the fields of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._retry import retry_after_s

__all__ = [
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "NotFoundError",
    "PermissionDeniedError",
    "PosternError",
    "RateLimitError",
    "ServerError",
    "WebhookVerificationError",
]

# Octets of an answer without JSON that are shown.
SHOWN_CHARACTERS = 200


class PosternError(Exception):
    """Any error of this package."""


class APIConnectionError(PosternError):
    """There was no whole answer: the server could not be reached, or the connection broke."""


class APITimeoutError(APIConnectionError):
    """The server took longer than the time limit of the request."""


class WebhookVerificationError(PosternError):
    """A webhook is not from the server, or is too old."""


class APIError(PosternError):
    """The server has answered with an error."""

    def __init__(self, status: int, error: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.status = status
        """The HTTP status."""
        self.code = str(error.get("code", f"http_{status}"))
        """One word for programs, such as `not_found`."""
        self.message = str(error.get("message", ""))
        """What is wrong."""
        self.hint: str | None = error.get("hint")
        """What to do."""
        self.field: str | None = error.get("field")
        """The field, parameter or header field that it is about."""
        self.request_id: str | None = error.get("request_id") or headers.get("x-request-id")
        """The id of the request, as the log of the server has it."""
        self.details: dict[str, Any] = dict(error)
        """The whole error, with fields such as `limit`, `rule` and `recipients`."""
        self.retry_after = retry_after_s(headers)
        """Seconds to wait, where the server says it."""
        where = f" (field {self.field})" if self.field else ""
        hint = f" {self.hint}" if self.hint else ""
        super().__init__(f"{status} {self.code}{where}: {self.message}{hint}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors go between processes."""
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        return type(self), (self.status, self.details, headers)


class BadRequestError(APIError):
    """The request is wrong: 400, or a body that is too large or of a wrong type."""


class AuthenticationError(APIError):
    """There is no key, or it is wrong, revoked or expired: 401."""


class PermissionDeniedError(APIError):
    """The key lacks a scope, or policy refuses: 403."""


class NotFoundError(APIError):
    """It does not exist, or the key may not see it: 404."""


class ConflictError(APIError):
    """Something else stands in the way: 409."""


class RateLimitError(APIError):
    """Too many requests, or a budget is used up: 429. `retry_after` says how long to wait."""


class ServerError(APIError):
    """The server could not do it: 5xx."""


OF_STATUS: dict[int, type[APIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: BadRequestError,
    414: BadRequestError,
    415: BadRequestError,
    429: RateLimitError,
    431: BadRequestError,
}


def of_answer(status: int, body: bytes, headers: Mapping[str, str]) -> APIError:
    """The error of an answer. One without the JSON of the API comes from something between."""
    kind = OF_STATUS.get(status, ServerError if status >= 500 else APIError)
    try:
        error = json.loads(body)["error"]
        if not isinstance(error, dict):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        said = body[: SHOWN_CHARACTERS * 4].decode("utf-8", "replace")[:SHOWN_CHARACTERS].strip()
        error = {"message": said or "The answer has no body."}
    return kind(status, error, headers)

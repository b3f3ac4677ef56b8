"""One request as plain values: what the resources make and the clients send. It does no I/O."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import ssl
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from ._model import time_text, to_json
from .errors import APIError, PosternError

# What a broken connection raises; httpx lets some errors of TLS through.
FAULTS = (httpx.HTTPError, httpx.StreamError, ssl.SSLError)

DEFAULT_BASE_URL = "http://localhost:8080"
DEFAULT_TIMEOUT_S = 30.0
DEFAULT_RETRIES = 5
CONNECT_TIMEOUT_S = 10.0


class NotGiven:
    """Stands for an argument that was left out, where None has a meaning of its own."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False


NOT_GIVEN: Final = NotGiven()


@dataclasses.dataclass
class Call:
    """One request."""

    method: str
    path: str
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content: bytes | None = None
    headers: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    idempotency_key: str | None = None
    timeout_s: float | None = None

    def __post_init__(self) -> None:
        # The same key over all attempts is what makes a second attempt safe.
        if self.method == "POST" and self.idempotency_key is None:
            self.idempotency_key = f"py-{uuid.uuid4()}"

    @property
    def is_repeatable(self) -> bool:
        """Whether a second attempt does nothing that the first has not done."""
        return self.method != "POST" or self.idempotency_key is not None

    def target(self) -> str:
        """The path and the query."""
        text = urlencode(query_values(self.query))
        return f"{self.path}?{text}" if text else self.path

    def fields(self) -> dict[str, str]:
        """The header fields of this request alone."""
        found = {name: value for name, value in self.headers.items() if value is not None}
        if self.idempotency_key is not None:
            found["Idempotency-Key"] = self.idempotency_key
        if self.body is not None:
            found["Content-Type"] = "application/json"
        return found

    def octets(self) -> bytes | None:
        """The body."""
        if self.body is None:
            return self.content
        # None clears a field in a PATCH; elsewhere it is the same as no value.
        none_counts = self.method != "POST"
        given = {
            name: to_json(value)
            for name, value in self.body.items()
            if value is not NOT_GIVEN and (value is not None or none_counts)
        }
        return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()


def place(value: str) -> str:
    """A value as one segment of a path."""
    text = str(value)
    # A client or a proxy would take these for steps in the path.
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} is no id")
    return quote(text, safe="")


def query_values(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The parameters that are given; a list repeats its name."""
    found: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None or value is NOT_GIVEN:
            continue
        values = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
        found.extend((name, query_text(item)) for item in values)
    return found


def query_text(value: Any) -> str:
    """One value of a query."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return time_text(value)
    return str(value)


def json_of(status: int, octets: bytes, headers: Mapping[str, str]) -> Any:
    """The JSON of an answer."""
    try:
        return json.loads(octets)
    except ValueError:
        error = {"code": "invalid_answer", "message": "The answer is not JSON. Is this the URL of the server?"}
        raise APIError(status, error, headers) from None


@dataclasses.dataclass
class Settings:
    """What a client was made with: its arguments, else the environment, else the defaults."""

    api_key: str
    base_url: str
    ca: str | None
    organization: str | None
    timeout_s: float
    retries: int
    depth: str | None = None

    def headers(self) -> dict[str, str]:
        """The header fields of every request."""
        found = {"Authorization": f"Bearer {self.api_key}", "User-Agent": "postern-python/0.1.0"}
        if self.organization is not None:
            found["Postern-Organization"] = self.organization
        if self.depth is not None:
            found["Postern-Depth"] = self.depth
        return found

    def caused_by(self, headers: Mapping[str, str]) -> Settings:
        """The same for what a webhook with these header fields causes."""
        given = {str(name).lower(): str(value) for name, value in headers.items()}
        return dataclasses.replace(self, depth=given.get("postern-depth"))

    def trust(self) -> ssl.SSLContext | bool:
        """The authorities that are trusted: those of the system, and those of `ca` beside them."""
        if self.ca is None:
            return True
        context = ssl.create_default_context()
        try:
            if "-----BEGIN" in self.ca:
                context.load_verify_locations(cadata=self.ca)
            else:
                context.load_verify_locations(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise PosternError(f"ca: {self.ca[:200]} cannot be read as PEM: {error}") from error
        return context


def settings(
    api_key: str | None,
    base_url: str | None,
    ca: str | os.PathLike[str] | None,
    organization: str | None,
    timeout_s: float | None,
    retries: int | None,
) -> Settings:
    """The settings of a client."""
    api_key = api_key or os.environ.get("POSTERN_API_KEY") or os.environ.get("POSTERN_KEY")
    if not api_key:
        raise PosternError("There is no key. Pass api_key, or set POSTERN_API_KEY.")
    if any(not "!" <= c <= "~" for c in api_key):
        raise PosternError("The api_key has a character that no key has, such as a space.")
    url = base_url or os.environ.get("POSTERN_BASE_URL") or os.environ.get("POSTERN_URL") or DEFAULT_BASE_URL
    url = url.rstrip("/").removesuffix("/api/v1").rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise PosternError(f"base_url must begin with https:// or http://, not {url[:100]!r}.")
    authority = ca or os.environ.get("POSTERN_CA") or None
    return Settings(
        api_key=api_key,
        base_url=url,
        ca=None if authority is None else os.fspath(authority),
        organization=organization,
        timeout_s=DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s,
        retries=DEFAULT_RETRIES if retries is None else retries,
    )

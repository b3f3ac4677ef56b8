"""Whether a webhook is from the server, by the rules of Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from .errors import WebhookVerificationError

__all__ = ["TOLERANCE_S", "verify"]

# A webhook whose time is further from now is refused, so that an old one cannot be sent again.
TOLERANCE_S = 300


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | list[str],
    *,
    tolerance: float = TOLERANCE_S,
    now: float | None = None,
) -> Any:
    """The JSON of a webhook, if one of its signatures is of this secret, or of one of these while
    one is being replaced. `body` is the body to the letter. Raises `WebhookVerificationError`."""
    octets = body.encode() if isinstance(body, str) else bytes(body)
    given = {str(name).lower(): str(value) for name, value in headers.items()}
    try:
        name, stamp = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split()
    except KeyError as error:
        raise WebhookVerificationError(f"the header field {error.args[0]} is missing") from None
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 15):
        raise WebhookVerificationError("webhook-timestamp is not a number of seconds")
    if abs((time.time() if now is None else now) - int(stamp)) > tolerance:
        raise WebhookVerificationError(f"webhook-timestamp is more than {tolerance:g} s away from now")
    keys = [key_of(one) for one in ([secret] if isinstance(secret, str) else secret)]
    signed = name.encode() + b"." + stamp.encode() + b"." + octets
    wanted = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    offered = [octets_of(signature) for signature in signatures]
    # Every pair is compared, so that the time says nothing about which one fits.
    fits = [hmac.compare_digest(one, other) for one in wanted for other in offered]
    if not any(fits):
        raise WebhookVerificationError("no signature fits the secret and the body")
    try:
        return json.loads(octets)
    except ValueError:
        raise WebhookVerificationError("the body is signed and is not JSON") from None


def key_of(secret: str) -> bytes:
    """The octets of a secret `whsec_…`."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise WebhookVerificationError("the secret is not whsec_ and base64")
    return key


def octets_of(signature: str) -> bytes:
    """The octets of one signature `v1,…`; none for another version."""
    version, _, text = signature.partition(",")
    if version != "v1":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


class WebhookVerifying:
    """The part of `webhooks` that is written by hand."""

    def verify(
        self,
        body: bytes | str,
        headers: Mapping[str, str],
        secret: str | list[str],
        *,
        tolerance: float = TOLERANCE_S,
    ) -> Any:
        """The JSON of a webhook that is from the server; see `postern.webhooks.verify`."""
        return verify(body, headers, secret, tolerance=tolerance)

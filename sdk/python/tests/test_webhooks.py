"""Webhooks: the vector of Standard Webhooks, and everything that must be refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unittest

from postern import WebhookVerificationError, webhooks

from .fake import Fake, ok

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
NOW = 1614265330
HEADERS = {
    "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "Webhook-Timestamp": str(NOW),
    "Webhook-Signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 oct").decode()


class Verify(unittest.TestCase):
    def test_the_vector(self) -> None:
        self.assertEqual(webhooks.verify(BODY, HEADERS, SECRET, now=NOW), {"test": 2432232314})
        self.assertEqual(webhooks.verify(BODY.decode(), HEADERS, SECRET, now=NOW + 300), {"test": 2432232314})

    def test_two_signatures_and_two_secrets_while_one_is_replaced(self) -> None:
        two = {**HEADERS, "Webhook-Signature": "v1,AAAA v2,x " + HEADERS["Webhook-Signature"]}
        self.assertTrue(webhooks.verify(BODY, two, SECRET, now=NOW))
        self.assertTrue(webhooks.verify(BODY, HEADERS, [OTHER, SECRET], now=NOW))

    def refused(self, body: bytes, headers: dict[str, str], secret: str | list[str], now: float = NOW) -> None:
        with self.assertRaises(WebhookVerificationError):
            webhooks.verify(body, headers, secret, now=now)

    def test_what_is_refused(self) -> None:
        self.refused(BODY + b" ", HEADERS, SECRET)
        self.refused(BODY, HEADERS, OTHER)
        self.refused(BODY, HEADERS, [])
        for secret in ("", "whsec_", "whsec_***", "\u00e9"):
            self.refused(BODY, HEADERS, secret)
        self.refused(BODY, HEADERS, SECRET, NOW + 301)
        self.refused(BODY, HEADERS, SECRET, NOW - 301)
        for name in HEADERS:
            self.refused(BODY, {key: value for key, value in HEADERS.items() if key != name}, SECRET)
        for stamp in ("", "x", "-1", "1e9", "1" * 400, "\u0661"):
            self.refused(BODY, {**HEADERS, "Webhook-Timestamp": stamp}, SECRET)
        right = HEADERS["Webhook-Signature"]
        for signature in ("", "v1,", "v1", right[3:], right.replace("v1", "v1a"), right[:-2], "v1,\u00e9", right + "x"):
            self.refused(BODY, {**HEADERS, "Webhook-Signature": signature}, SECRET)
        self.refused(BODY, {**HEADERS, "Webhook-Id": "msg_other"}, SECRET)

    def test_a_body_that_is_signed_and_no_json(self) -> None:
        key = base64.b64decode(SECRET[6:])
        signed = b"%s.%d.{" % (HEADERS["Webhook-Id"].encode(), NOW)
        signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        self.refused(b"{", {**HEADERS, "Webhook-Signature": "v1," + signature}, SECRET)

    def test_clients_have_it(self) -> None:
        with self.assertRaises(WebhookVerificationError):
            Fake([]).client().webhooks.verify(BODY, HEADERS, SECRET)
        self.assertTrue(Fake([]).async_client().webhooks.verify(BODY, HEADERS, SECRET, tolerance=1e12))


class CausedBy(unittest.TestCase):
    def test_the_depth_of_a_webhook_goes_with_what_it_causes(self) -> None:
        fake = Fake([ok({"id": "inb_1"}), ok({"id": "inb_1"}), ok({"id": "inb_1"})])
        client = fake.client()
        for one in (client.caused_by({**HEADERS, "Postern-Depth": "3"}), client.caused_by(HEADERS), client):
            one.inboxes.get("inb_1")
        depths = [request.headers.get("postern-depth") for request in fake.requests]
        self.assertEqual(depths, ["3", None, None])


if __name__ == "__main__":
    unittest.main()

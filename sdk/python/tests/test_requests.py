"""Requests: what is sent, when it is sent again, and what becomes of errors."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import pickle
import ssl
import unittest
from typing import Any
from unittest import mock

import httpx
import postern
from postern import errors
from postern._retry import Attempts

from .fake import Fake, Step, both, fault, ok

SENT = {"id": "msg_1", "message_id": "<a@b>", "thread_id": "thr_1", "status": "delivered"}


def send(client: Any) -> Any:
    return client.messages.send("a@b.example", to="c@d.example", text="Hello")


class Again(unittest.TestCase):
    """Which requests are sent again."""

    def test_a_post_keeps_its_key_over_all_attempts(self) -> None:
        def steps() -> list[Step]:
            return [fault(500), httpx.ReadError("cut"), ssl.SSLError("bad record"), fault(503), ok(SENT, 202)]

        for sent, fake in both(steps, send):
            self.assertEqual(sent.id, "msg_1")
            keys = {request.headers["idempotency-key"] for request in fake.requests}
            self.assertEqual((len(fake.requests), len(keys)), (5, 1))
            self.assertTrue(keys.pop().startswith("py-"))

    def test_two_posts_have_two_keys_and_a_given_key_is_kept(self) -> None:
        fake = Fake([ok(SENT, 202), ok(SENT, 202), ok(SENT, 202)])
        client = fake.client()
        send(client)
        send(client)
        client.messages.send("a@b.example", to="c@d.example", idempotency_key="order-17")
        keys = [request.headers["idempotency-key"] for request in fake.requests]
        self.assertEqual(len(set(keys)), 3)
        self.assertEqual(keys[2], "order-17")

    def test_the_waits_double_and_end(self) -> None:
        for found, fake in both(lambda: [fault(503)] * 6, lambda client: client.me.get()):
            self.assertIsInstance(found, errors.ServerError)
            self.assertEqual(len(fake.requests), 6)
            for wait, longest in zip(fake.waits, [0.5, 1, 2, 4, 8], strict=True):
                self.assertTrue(longest / 2 <= wait <= longest, fake.waits)

    def test_retry_after_is_obeyed_and_a_long_one_is_told(self) -> None:
        for found, fake in both(
            lambda: [fault(429, headers={"retry-after": "7"}), ok({"data": [], "next_cursor": None})],
            lambda client: client.inboxes.list().page(),
        ):
            self.assertEqual(found.data, [])
            self.assertTrue(7 <= fake.waits[0] <= 8, fake.waits)
        for found, fake in both(lambda: [fault(429, headers={"retry-after": "3600"})], lambda client: client.me.get()):
            self.assertIsInstance(found, errors.RateLimitError)
            self.assertEqual((found.retry_after, fake.waits), (3600.0, []))

    def test_what_is_wrong_is_not_sent_again(self) -> None:
        for status in (400, 401, 403, 404, 409, 410, 413, 501):

            def steps(status: int = status) -> list[Step]:
                return [fault(status)]

            for found, fake in both(steps, send):
                self.assertIsInstance(found, errors.APIError)
                self.assertEqual(found.status, status)
                self.assertEqual(fake.waits, [])

    def test_a_server_that_is_not_there_yet(self) -> None:
        def steps() -> list[Step]:
            return [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), ok(SENT, 202)]

        for sent, fake in both(steps, send):
            self.assertEqual(sent.status, "delivered")
            self.assertEqual(len(fake.waits), 2)
        for found, fake in both(lambda: [httpx.ConnectError("refused")] * 6, send):
            self.assertIsInstance(found, errors.APIConnectionError)
            self.assertEqual(len(fake.requests), 6)

    def test_a_timeout_has_a_type_of_its_own(self) -> None:
        for found, _ in both(lambda: [httpx.ReadTimeout("slow")] * 6, lambda client: client.me.get()):
            self.assertIsInstance(found, errors.APITimeoutError)
            self.assertIsInstance(found, errors.APIConnectionError)

    def test_a_wrong_certificate_is_told_at_once(self) -> None:
        wrong = "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"
        for found, fake in both(lambda: [httpx.ConnectError(wrong)], send):
            self.assertIsInstance(found, errors.PosternError)
            self.assertIn("POSTERN_CA", str(found))
            self.assertEqual(fake.waits, [])

    def test_a_deletion_whose_answer_was_lost_is_done(self) -> None:
        def delete(client: Any) -> Any:
            return client.inboxes.delete("a@b.example")

        for found, fake in both(lambda: [httpx.ReadError("cut"), fault(404)], delete):
            self.assertIsNone(found)
            self.assertEqual(len(fake.requests), 2)
        for found, _ in both(lambda: [fault(404)], delete):
            self.assertIsInstance(found, errors.NotFoundError)
        # One that never left proves nothing.
        for found, _ in both(lambda: [httpx.ConnectError("refused"), fault(404)], delete):
            self.assertIsInstance(found, errors.NotFoundError)

    def test_a_post_without_a_key_is_not_repeated_when_it_may_have_been_done(self) -> None:
        self.assertIsNone(Attempts(False, 5).after_fault(sent=True))
        self.assertIsNone(Attempts(False, 5).after_answer(500, {}))
        self.assertIsNotNone(Attempts(False, 5).after_fault(sent=False))
        self.assertIsNotNone(Attempts(False, 5).after_answer(503, {}))


class Errors(unittest.TestCase):
    """Errors of the API, and of what stands between."""

    def test_the_fields_of_an_error(self) -> None:
        kinds = {
            400: errors.BadRequestError,
            401: errors.AuthenticationError,
            403: errors.PermissionDeniedError,
            404: errors.NotFoundError,
            409: errors.ConflictError,
            410: errors.APIError,
        }
        for status, kind in kinds.items():

            def steps(status: int = status) -> list[Step]:
                return [fault(status, "the_code", field="to", limit=7)]

            for found, _ in both(steps, send):
                self.assertIs(type(found), kind)
                self.assertEqual(
                    (found.status, found.code, found.hint, found.field, found.request_id),
                    (status, "the_code", "Do it right.", "to", "req_1"),
                )
                self.assertEqual(found.details["limit"], 7)
                self.assertIn("Do it right.", str(found))

    def test_an_answer_that_is_not_of_the_api(self) -> None:
        for found, _ in both(lambda: [httpx.Response(404, content=b"<h1>no</h1>")], send):
            self.assertIsInstance(found, errors.NotFoundError)
            self.assertEqual((found.code, found.message, found.hint), ("http_404", "<h1>no</h1>", None))
        for body in (b"", b"[]", b'{"error":3}', b"\xff\xfe"):
            self.assertEqual(errors.of_answer(502, body, {}).code, "http_502")
        for found, _ in both(lambda: [httpx.Response(200, content=b"<html>")], lambda client: client.me.get()):
            self.assertEqual(found.code, "invalid_answer")

    def test_a_redirect_is_an_error_and_the_key_goes_nowhere(self) -> None:
        def steps() -> list[Step]:
            return [httpx.Response(302, headers={"location": "http://elsewhere.test/"})]

        for found, fake in both(steps, lambda client: client.me.get()):
            self.assertIsInstance(found, errors.APIError)
            self.assertEqual(len(fake.requests), 1)

    def test_an_error_goes_between_processes(self) -> None:
        error = errors.of_answer(429, b'{"error":{"code":"rate_limited","message":"m"}}', {"retry-after": "5"})
        copy = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(copy), copy.code, copy.retry_after), (errors.RateLimitError, "rate_limited", 5.0))


class Sent(unittest.TestCase):
    """What a request has in it."""

    def test_places_queries_and_bodies(self) -> None:
        fake = Fake([ok({"data": [], "next_cursor": None}), ok(SENT, 202), ok({"id": "inb_1", "address": "a@b"})])
        client = fake.client()
        when = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
        list(client.messages.list("a/b?@c.example", from_="ann@", unread=True, since=when, limit=7))
        client.messages.send(
            "a@b.example", to=["c@d.example", postern.models.Address(name="Ann", address="ann@d.example")], text="é"
        )
        client.inboxes.update("a@b.example", display_name=None)
        listed, sent, updated = fake.requests
        self.assertEqual(
            str(listed.url),
            "http://postern.test/api/v1/inboxes/a%2Fb%3F%40c.example/messages"
            "?limit=7&unread=true&from=ann%40&since=2026-01-31T11%3A00%3A00.000Z",
        )
        self.assertEqual(listed.headers["authorization"], "Bearer ap_sk_test")
        self.assertEqual(
            json.loads(sent.content),
            {"to": ["c@d.example", {"name": "Ann", "address": "ann@d.example"}], "text": "é"},
        )
        # In a PATCH what is left out stays, and None clears.
        self.assertEqual((updated.method, json.loads(updated.content)), ("PATCH", {"display_name": None}))

    def test_no_step_in_a_path_is_an_id(self) -> None:
        client = Fake([]).client()
        for wrong in ("", ".", ".."):
            with self.assertRaises(ValueError):
                client.inboxes.get(wrong)

    def test_settings(self) -> None:
        environment = {"POSTERN_API_KEY": "ap_sk_env", "POSTERN_BASE_URL": "http://env.test:8080/api/v1/"}
        with mock.patch.dict(os.environ, environment):
            with postern.Postern() as client:
                self.assertEqual(client.base_url, "http://env.test:8080")
                self.assertEqual(client._settings.api_key, "ap_sk_env")
            with postern.Postern("other", "http://other.test") as client:
                self.assertEqual((client._settings.api_key, client.base_url), ("other", "http://other.test"))
        # Those of the command line serve too.
        environment = {"POSTERN_KEY": "ap_sk_cli", "POSTERN_URL": "https://cli.test"}
        with mock.patch.dict(os.environ, environment, clear=True), postern.Postern() as client:
            self.assertEqual((client._settings.api_key, client.base_url), ("ap_sk_cli", "https://cli.test"))
        with mock.patch.dict(os.environ, clear=True):
            for arguments in [(None,), ("ap_sk x",), ("ap_sk", "mail.example"), ("ap_sk", None, "/no/such.pem")]:
                with self.assertRaises(errors.PosternError):
                    postern.Postern(*arguments)

    def test_pages(self) -> None:
        def row(at: int) -> dict[str, Any]:
            return {"id": f"inb_{at}", "address": f"{at}@b.example"}

        def steps() -> list[Step]:
            return [
                ok({"data": [row(1), row(2)], "next_cursor": "next"}),
                ok({"data": [], "next_cursor": "more"}),
                ok({"data": [row(3)], "next_cursor": None}),
            ]

        fake = Fake(steps())
        self.assertEqual([inbox.id for inbox in fake.client().inboxes.list(limit=2)], ["inb_1", "inb_2", "inb_3"])
        self.assertEqual(
            [request.url.query for request in fake.requests],
            [b"limit=2", b"limit=2&cursor=next", b"limit=2&cursor=more"],
        )

        async def over_pages() -> list[int]:
            return [len(page.data) async for page in Fake(steps()).async_client().inboxes.list().pages()]

        self.assertEqual(asyncio.run(over_pages()), [2, 0, 1])

    def test_the_log_ends_where_nothing_is_left(self) -> None:
        event = {"seq": 7, "type": "inbox.created", "time": "2026-01-31T12:00:00.000Z", "inbox": None}
        fake = Fake([ok({"data": [event], "next_cursor": "7", "seq": 7}), ok({"data": [], "next_cursor": "7", "seq": 7})])
        self.assertEqual([event.seq for event in fake.client().events.log()], [7])


if __name__ == "__main__":
    unittest.main()

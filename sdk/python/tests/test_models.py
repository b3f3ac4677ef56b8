"""Objects of JSON, files as attachments, and downloads."""

from __future__ import annotations

import asyncio
import base64
import datetime
import io
import json
import os
import pathlib
import tempfile
import unittest
from typing import Any
from unittest import mock

import httpx
from postern import File, errors, models
from postern._async.waiting import wait_for as wait_for_async
from postern._call import Call
from postern._sync.waiting import wait_for

from .fake import Fake, fault, ok

SENT = {"id": "msg_1", "message_id": "<a@b>", "thread_id": "thr_1", "status": "delivered"}


class Models(unittest.TestCase):
    def test_fields_have_their_types_and_unknown_ones_are_kept(self) -> None:
        data = {
            "seq": 7,
            "type": "message.received",
            "time": "2026-01-31T12:00:01.500Z",
            "inbox": {"id": "inb_1", "parent": None, "path": ["inb_1"]},
            "message": {"id": "msg_1", "from": {"name": "Ann", "address": "ann@b.example"}, "to": [{"address": "c@d"}]},
            "of_a_newer_server": [1],
        }
        event = models.Event.from_dict(data)
        self.assertEqual(event.time, datetime.datetime(2026, 1, 31, 12, 0, 1, 500000, datetime.timezone.utc))
        assert event.inbox is not None and event.message is not None
        assert event.message.from_ is not None and event.message.to is not None
        self.assertIsNone(event.inbox.parent)
        self.assertEqual(event.message.from_.address, "ann@b.example")
        self.assertEqual(event.message.to[0].address, "c@d")
        self.assertIsNone(event.message.subject)
        self.assertEqual(event.to_dict(), data)

    def test_what_has_another_form_stays_as_it_is(self) -> None:
        event = models.Event.from_dict({"seq": 7, "type": "of.tomorrow", "time": "soon", "inbox": 3, "messages": "x"})
        self.assertEqual((event.type, event.time, event.inbox, event.messages), ("of.tomorrow", "soon", 3, "x"))

    def test_one_of_two_objects(self) -> None:
        whole = {"id": "inb_1", "address": "a@b", "created_at": "2026-01-31T12:00:00.000Z"}
        for body, kind in [(whole, models.Inbox), ({"id": "inb_1", "address": "a@b"}, models.NamedInbox)]:
            required = {"display_name": None, "parent": None, "client_id": None, "metadata": None, "messages": 0}
            bounds: dict[str, Any] = {"expires_at": None, "retention_days": None, "quota_bytes": None, "limits": {}}
            full = {**required, **bounds, "bytes": 0, "send_mode": "direct", "receive_default": "allow", **body}
            made = Fake([ok(full if kind is models.Inbox else body, 201)]).client().inboxes.create()
            self.assertIs(type(made), kind)


class Files(unittest.TestCase):
    def attached(self, attachments: Any) -> Any:
        fakes = [Fake([ok(SENT, 202)]), Fake([ok(SENT, 202)])]
        fakes[0].client().messages.send("a@b.example", to="c@d.example", attachments=attachments)
        asyncio.run(fakes[1].async_client().messages.send("a@b.example", to="c@d.example", attachments=attachments))
        bodies = [json.loads(fake.requests[0].content) for fake in fakes]
        self.assertEqual(bodies[0], bodies[1])
        return bodies[0].get("attachments")

    def test_paths_octets_and_open_files(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "report.pdf"
            path.write_bytes(b"%PDF")
            content = base64.b64encode(b"%PDF").decode()
            wanted = {"filename": "report.pdf", "content_type": "application/pdf", "content": content}
            with path.open("rb") as file:
                given = [path, File(path), File(str(path)), File(b"%PDF", "report.pdf"), File(file), wanted]
                self.assertEqual(self.attached(given), [wanted] * 6)
        picture = File(io.BytesIO(b"x"), "a.png", content_id="a", inline=True)
        self.assertEqual(
            self.attached([picture]),
            [{"filename": "a.png", "content_type": "image/png", "content_id": "a", "inline": True, "content": "eA=="}],
        )
        self.assertEqual(self.attached([File(b"x")]), [{"content_type": "application/octet-stream", "content": "eA=="}])
        self.assertIsNone(self.attached(None))
        with self.assertRaises(TypeError):
            self.attached([b"octets without a name"])


    def test_large_files_go_by_an_upload_where_the_server_has_them(self) -> None:
        uploaded: list[tuple[bytes, str | None]] = []

        class Uploads:
            def create(self, content: bytes, *, filename: str | None, content_type: str | None) -> Any:
                uploaded.append((content, filename))
                return mock.Mock(id="upl_1")

        fake = Fake([ok(SENT, 202), ok(SENT, 202)])
        client: Any = fake.client()
        large = [File(b"small", "a.txt"), File(b"x" * (9 << 20), "b.bin", content_id="b")]
        client.uploads = Uploads()
        client.messages.send("a@b.example", to="c@d.example", attachments=large)
        small, big = json.loads(fake.requests[0].content)["attachments"]
        self.assertEqual((small["content"], big), ("c21hbGw=", {"upload_id": "upl_1", "content_id": "b"}))
        self.assertEqual([(len(octets), name) for octets, name in uploaded], [(9 << 20, "b.bin")])
        # A server without uploads gets all in the body.
        client.uploads = None
        client.messages.send("a@b.example", to="c@d.example", attachments=large)
        self.assertEqual(len(json.loads(fake.requests[1].content)["attachments"][1]["content"]), 12 << 20)


class Downloads(unittest.TestCase):
    def test_saving(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.eml")
            answer = httpx.Response(200, content=b"octets", headers={"content-type": "message/rfc822", "etag": '"a"'})
            with Fake([fault(503), answer]).client().messages.stream_raw("a@b.example", "msg_1") as download:
                self.assertEqual((download.size, download.content_type, download.etag), (6, "message/rfc822", '"a"'))
                self.assertEqual(download.save(path), 6)
            self.assertEqual(os.listdir(folder), ["a.eml"])

            class Broken(httpx.SyncByteStream):
                def __iter__(self) -> Any:
                    yield b"oct"
                    raise httpx.ReadError("cut")

            os.remove(path)
            cut = httpx.Response(200, stream=Broken())
            with Fake([cut]).client().messages.stream_raw("a@b.example", "msg_1") as download:
                with self.assertRaises(errors.APIConnectionError):
                    download.save(path)
            self.assertEqual(os.listdir(folder), [])


class Waiting(unittest.TestCase):
    def test_a_long_wait_is_several_requests(self) -> None:
        call = Call("GET", "/wait", {"from": "ann@"})
        for is_async in (False, True):
            fake = Fake([httpx.Response(204), fault(503), ok({"id": "msg_1"})])
            if is_async:
                made = asyncio.run(wait_for_async(fake.async_client(), call, dict, 1000.0))
            else:
                made = wait_for(fake.client(), call, dict, 1000.0)
            self.assertEqual(made, {"id": "msg_1"})
            self.assertEqual([request.url.query for request in fake.requests], [b"from=ann%40&timeout=300"] * 3)
        fake = Fake([httpx.Response(204)])
        self.assertIsNone(wait_for(fake.client(), call, dict, 0.0))
        self.assertEqual(fake.requests[0].url.query, b"from=ann%40&timeout=0")


if __name__ == "__main__":
    unittest.main()

"""The iterator over events: frames in pieces of any size, and where it goes on."""

from __future__ import annotations

import asyncio
import json
import unittest
from collections.abc import Iterator
from typing import Any

import httpx
from postern import errors
from postern._cursor import EventCursor
from postern._sse import FRAME_CHARACTERS_MAX, Frame, FrameReader, FrameTooLong

from .fake import Fake, Step, fault

STREAM = (
    "\ufeffretry: 1500\r\nid: 7\r\nevent: ready\r\ndata: {\"seq\":7}\r\n\r\n"
    ": heartbeat\n"
    "id: 8\nevent: message.received\ndata: {\"a\":\"é — 🦀\"}\n\n"
    "id: 9\rdata:one\rdata: two\r\r"
    "event: empty\n\n"
    "id\nnothing\ndata\n\n"
).encode()
FRAMES = [
    Frame("7", "ready", '{"seq":7}'),
    Frame("8", "message.received", '{"a":"é — 🦀"}'),
    Frame("9", "message", "one\ntwo"),
    Frame("", "message", ""),
]


class Frames(unittest.TestCase):
    """The reader of frames."""

    def test_a_stream_reads_the_same_however_it_is_cut(self) -> None:
        for cut in range(len(STREAM) + 1):
            reader = FrameReader()
            self.assertEqual(reader.feed(STREAM[:cut]) + reader.feed(STREAM[cut:]), FRAMES, cut)
        reader = FrameReader()
        singly = [frame for at in range(len(STREAM)) for frame in reader.feed(STREAM[at : at + 1])]
        self.assertEqual(singly, FRAMES)
        self.assertEqual(reader.retry_ms, 1500)

    def test_a_frame_without_an_end_is_refused(self) -> None:
        reader = FrameReader()
        with self.assertRaises(FrameTooLong):
            for _ in range(20):
                reader.feed(b"data: " + b"x" * (FRAME_CHARACTERS_MAX // 16))

    def test_heartbeats_alone_never_fill_it(self) -> None:
        reader = FrameReader()
        for _ in range(20):
            self.assertEqual(reader.feed(b": " + b"x" * (FRAME_CHARACTERS_MAX // 16) + b"\n"), [])


def frame(kind: str, seq: int, **fields: Any) -> bytes:
    """One frame of a stream."""
    event = {"seq": seq, "type": kind, "time": "2026-01-31T12:00:00.000Z", "inbox": None, **fields}
    return f"id: {seq}\nevent: {kind}\ndata: {json.dumps(event)}\n\n".encode()


class Parts(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in parts; an exception among them breaks it off."""

    def __init__(self, parts: list[bytes | Exception]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def __aiter__(self) -> Any:
        for part in self:
            yield part


def stream(*parts: bytes | Exception) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Parts(list(parts)))


def steps() -> list[Step]:
    """Every way in which a connection ends."""
    return [
        httpx.ConnectError("refused"),
        stream(b"retry: 2000\n" + frame("ready", 10), frame("message.received", 12)),
        # It was killed between an event and its end.
        stream(frame("message.received", 12), frame("message.received", 13)[:-9], httpx.ReadError("cut")),
        stream(frame("message.received", 13), frame("closing", 13, reason="shutdown", reconnect_after_ms=3000)),
        fault(503),
        httpx.ReadTimeout("no heartbeat"),
        # The server still counts the connection that has ended.
        fault(429, "too_many_streams", limit=20),
        stream(frame("ready", 13), frame("ready", 40), httpx.ReadError("cut")),
        stream(frame("reset", 90, reason="too_old"), frame("message.received", 90)),
        fault(401, "unauthorized"),
    ]


SEEN = [("message.received", 12), ("message.received", 13), ("reset", 90), ("message.received", 90)]
ASKED = [None, None, "12", "12", "13", "13", "13", "13", "40", "90"]


class Streams(unittest.TestCase):
    """The iterator of both clients."""

    def check(self, fake: Fake, seen: list[tuple[str, int]], end: Exception | None) -> None:
        self.assertEqual(seen, SEEN)
        self.assertIsInstance(end, errors.AuthenticationError)
        self.assertEqual([request.headers.get("last-event-id") for request in fake.requests], ASKED)
        # The times that the server has named, made different for each client.
        self.assertTrue(1.5 <= fake.waits[1] <= 2, fake.waits)
        self.assertTrue(2.25 <= fake.waits[3] <= 3, fake.waits)
        self.assertTrue(all(wait <= 30 for wait in fake.waits), fake.waits)

    def test_it_goes_on_behind_the_last_event(self) -> None:
        fake = Fake(steps())
        seen: list[tuple[str, int]] = []
        end = None
        try:
            with fake.client().events.stream("a@b.example", type=["message.received", "message.sent"]) as events:
                for event in events:
                    seen.append((event.type, event.seq))
        except errors.PosternError as error:
            end = error
        self.check(fake, seen, end)
        self.assertEqual(
            str(fake.requests[0].url),
            "http://postern.test/api/v1/inboxes/a%40b.example/events?type=message.received&type=message.sent",
        )

    def test_it_does_so_asynchronously(self) -> None:
        fake = Fake(steps())
        seen: list[tuple[str, int]] = []

        async def run() -> Exception | None:
            try:
                async with fake.async_client().events.stream() as events:
                    async for event in events:
                        seen.append((event.type, event.seq))
            except errors.PosternError as error:
                return error
            return None

        self.check(fake, seen, asyncio.run(run()))

    def test_since_is_a_number_or_a_time(self) -> None:
        cases: list[tuple[int | str, str | None, bytes]] = [
            (7, "7", b""),
            ("8", "8", b""),
            ("2026-01-31T12:00:00Z", None, b"since=2026-01-31T12%3A00%3A00Z"),
        ]
        for since, header, query in cases:
            fake = Fake([fault(403, "missing_scope")])
            with self.assertRaises(errors.PermissionDeniedError):
                next(fake.client().events.stream(since=since))
            self.assertEqual(fake.requests[0].headers.get("last-event-id"), header)
            self.assertEqual(fake.requests[0].url.query, query)

    def test_last_id_waits_for_what_has_not_been_given(self) -> None:
        fake = Fake([stream(frame("inbox.created", 5) + frame("inbox.created", 9)), fault(401)])
        events = fake.client().events.stream(since=1)
        self.assertEqual(events.last_id, 1)
        self.assertEqual(next(events).seq, 5)
        self.assertEqual(events.last_id, 8)
        self.assertEqual(next(events).seq, 9)
        self.assertEqual(events.last_id, 9)
        events.close()
        self.assertEqual(list(events), [])

    def test_a_frame_that_is_no_event_ends_the_connection(self) -> None:
        fake = Fake([stream(b"data: x\n\n"), stream(frame("inbox.created", 5)), fault(401)])
        self.assertEqual(next(fake.client().events.stream(since=1)).seq, 5)

    def test_waits_grow_while_nothing_comes(self) -> None:
        cursor = EventCursor(None, chance=lambda: 1.0)
        self.assertEqual([cursor.lost() for _ in range(9)], [0.5, 1, 2, 4, 8, 16, 30, 30, 30])


if __name__ == "__main__":
    unittest.main()

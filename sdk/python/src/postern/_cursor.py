"""Where a stream of events is, over all its connections: what to ask for next, which frames are
events for the program, and how long to wait before the next connection. It does no I/O."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from ._sse import FrameReader, FrameTooLong
from .errors import APIConnectionError, APIError
from .models import Event

# A heartbeat comes every 15 seconds.
SILENCE_S = 45.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


class EventCursor:
    """The place of one reader in the log."""

    def __init__(self, since: int | str | datetime.datetime | None, chance: Callable[[], float] = random.random) -> None:
        self.last_id: int | None = None
        """The number of the last event that the program was given or that was told to be passed."""
        self.since = since
        self.chance = chance
        self.is_open = False
        """Whether the server has answered on this connection."""
        self.was_open = False
        self.faults = 0
        self.retry_s: float | None = None
        self.reader = FrameReader()
        self.is_ready = False
        if isinstance(since, int):
            self.last_id, self.since = since, None
        elif isinstance(since, str) and since.isascii() and since.isdecimal():
            self.last_id, self.since = int(since), None

    def query(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The query of the next connection."""
        return {**query, "since": self.since if self.last_id is None else None}

    def headers(self) -> dict[str, str | None]:
        """The header fields of the next connection."""
        last_id = None if self.last_id is None else str(self.last_id)
        return {"Accept": "text/event-stream", "Last-Event-ID": last_id}

    def opened(self) -> None:
        """A connection has begun to answer."""
        self.reader = FrameReader()
        self.is_open = self.was_open = True

    def feed(self, octets: bytes) -> list[Event]:
        """The events for the program in these octets."""
        try:
            frames = self.reader.feed(octets)
        except FrameTooLong as error:
            raise APIConnectionError("a frame of the event stream has no end") from error
        events = [self.frame(frame.type, frame.data) for frame in frames]
        if self.reader.retry_ms is not None:
            self.retry_s = self.reader.retry_ms / 1000
        return [event for event in events if event is not None]

    def frame(self, kind: str, data: str) -> Event | None:
        """The event of a frame; None for one that only the cursor needs, and for a repetition."""
        try:
            content = json.loads(data)
            seq = int(content["seq"])
        except (ValueError, KeyError, TypeError) as error:
            raise APIConnectionError(f"a frame of the event stream is no event: {data[:100]}") from error
        self.faults = 0
        if kind == "ready":
            self.is_ready = True
            self.last_id = seq if self.last_id is None else max(seq, self.last_id)
            return None
        if kind == "closing":
            wait_ms = content.get("reconnect_after_ms")
            self.retry_s = self.retry_s if wait_ms is None else wait_ms / 1000
            return None
        if kind == "reset":
            # The log goes on with this one. The program is told, because some are missing.
            self.is_ready = True
            self.last_id = seq - 1
            return Event.from_dict({"inbox": None, **content})
        self.is_ready = True
        if self.last_id is not None and seq <= self.last_id:
            return None
        self.last_id = seq
        return Event.from_dict(content)

    def lost(self) -> float:
        """The connection has ended. Seconds until the next one."""
        was_open, self.is_open, self.is_ready = self.is_open, False, False
        if was_open and self.faults == 0 and self.retry_s is not None:
            self.faults += 1
            wait, self.retry_s = self.retry_s, None
            return wait * (0.75 + self.chance() / 4)
        longest = min(FIRST_WAIT_S * 2.0 ** min(self.faults, 10), LONGEST_WAIT_S)
        self.faults += 1
        return longest * (0.5 + self.chance() / 2)

    def refused(self, error: APIError) -> float:
        """The server has answered a connection with an error. Seconds until the next one; it raises
        the error when another attempt is of no use."""
        # After a fault the server may still count the connection that has ended. An older server
        # says `limit_reached`.
        is_full = error.code in ("too_many_streams", "limit_reached")
        is_final = error.status < 500 and error.status not in (408, 429)
        if (is_full and not self.was_open) or (is_final and not is_full):
            raise error
        return max(self.lost(), min(error.retry_after or 0.0, LONGEST_WAIT_S * 2))

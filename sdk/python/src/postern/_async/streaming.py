"""The iterator over events: it connects again when the connection ends, and goes on behind the last
event that it has given."""

from __future__ import annotations

import collections
import datetime
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from .. import errors
from .._call import FAULTS, Call, place
from .._cursor import SILENCE_S, EventCursor
from ..models import Event

if TYPE_CHECKING:
    from .client import AsyncPostern


class AsyncEventStream:
    """Events, one after the other, without end, without loss and without repetition: over broken
    connections and restarts of the server.

    It connects with the first event that is asked for; in `async with`, or after `open`, at once.
    It ends by an error only where the server refuses, such as an `AuthenticationError` when the key
    has ended. An event `reset` says that the log no longer has the events behind the cursor.
    `last_id` is where it is: give it as `since` to go on in another process.
    """

    def __init__(
        self,
        client: AsyncPostern,
        path: str,
        query: Mapping[str, Any],
        since: int | str | datetime.datetime | None,
    ) -> None:
        self._client = client
        self._path = path
        self._query = query
        self._cursor = EventCursor(since)
        self._pending: collections.deque[Event] = collections.deque()
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._closed = False

    @property
    def last_id(self) -> int | None:
        """The number of the last event that was given, or that the server has told to be passed."""
        return self._pending[0].seq - 1 if self._pending else self._cursor.last_id

    async def open(self) -> None:
        """Connects, and comes back when the server has said where the stream begins: what happens
        from then on is in it."""
        while not self._closed and not self._cursor.is_ready:
            await self._step()

    async def aclose(self) -> None:
        """Ends the stream."""
        self._closed = True
        await self._leave()

    def __aiter__(self) -> AsyncEventStream:
        return self

    async def __anext__(self) -> Event:
        while not self._pending:
            if self._closed:
                raise StopAsyncIteration
            await self._step()
        return self._pending.popleft()

    async def __aenter__(self) -> AsyncEventStream:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def _step(self) -> None:
        """Connects, or takes what the connection has."""
        try:
            if self._chunks is None:
                await self._connect()
            else:
                chunk = await self._chunks.__anext__()
                self._pending.extend(self._cursor.feed(chunk))
            return
        except errors.APIError as error:
            wait = self._cursor.refused(error)
        except (StopAsyncIteration, errors.APIConnectionError, *FAULTS):
            wait = self._cursor.lost()
        await self._leave()
        await self._client._sleep(wait)

    async def _connect(self) -> None:
        call = Call(
            "GET",
            self._path,
            self._cursor.query(self._query),
            headers=self._cursor.headers(),
            timeout_s=SILENCE_S,
        )
        response = await self._client._once(call, whole=False)
        if response.status_code >= 300:
            raise errors.of_answer(response.status_code, response.content, response.headers)
        self._response = response
        self._chunks = response.aiter_bytes()
        self._cursor.opened()

    async def _leave(self) -> None:
        response, self._response, self._chunks = self._response, None, None
        if response is not None:
            await response.aclose()


class AsyncStreaming:
    """The part of `events` that is written by hand."""

    _client: AsyncPostern

    def stream(
        self,
        inbox: str | Sequence[str] | None = None,
        since: int | str | datetime.datetime | None = None,
        *,
        tree: bool = False,
        type: str | Sequence[str] | None = None,
        from_: str | None = None,
        label: str | None = None,
        priority: str | None = None,
        verdict: str | None = None,
    ) -> AsyncEventStream:
        """An iterator over events, which connects again by itself.

        `inbox` is one inbox or several; without it, all that the key may see. With `tree` it is one
        inbox and all its sub-agents. `since` is the number of the last event that is known, or a
        time; without it the stream begins now. The other arguments choose events as in the API.
        """
        query: dict[str, Any] = {
            "type": type,
            "from": from_,
            "label": label,
            "priority": priority,
            "verdict": verdict,
        }
        if isinstance(inbox, str):
            path = f"/api/v1/inboxes/{place(inbox)}/" + ("watch" if tree else "events")
        elif tree:
            raise ValueError("tree needs one inbox")
        else:
            path, query["inbox"] = "/api/v1/events", inbox
        return AsyncEventStream(self._client, path, query, since)

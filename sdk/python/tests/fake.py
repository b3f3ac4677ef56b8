"""A server that answers from a list, and clients of both kinds on it whose waits take no time."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from postern import AsyncPostern, Postern

Step = httpx.Response | Exception


def ok(body: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Response:
    """An answer with JSON."""
    return httpx.Response(status, content=json.dumps(body or {}).encode(), headers=headers)


def fault(status: int, code: str = "some_code", headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    """An answer that is an error of the API."""
    error = {"code": code, "message": "It is wrong.", "hint": "Do it right.", "request_id": "req_1", **fields}
    return httpx.Response(status, content=json.dumps({"error": error}).encode(), headers=headers)


class Fake:
    """The steps that are left, the requests that came, and the waits that were wanted."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def client(self) -> Postern:
        http = httpx.Client(transport=httpx.MockTransport(self.answer))
        client = Postern("ap_sk_test", "http://postern.test", http_client=http)
        client._sleep = self.waits.append
        return client

    def async_client(self) -> AsyncPostern:
        async def wait(seconds: float) -> None:
            self.waits.append(seconds)

        http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        client = AsyncPostern("ap_sk_test", "http://postern.test", http_client=http)
        client._sleep = wait
        return client


def both(steps: Callable[[], Iterable[Step]], use: Callable[[Any], Any]) -> list[tuple[Any, Fake]]:
    """What both clients give: `use` gets a client, and gives a value or something to await. An
    exception stands for its value."""

    async def run(client: AsyncPostern) -> Any:
        found = use(client)
        return await found if inspect.isawaitable(found) else found

    results: list[tuple[Any, Fake]] = []
    for is_async in (False, True):
        fake = Fake(steps())
        try:
            found = asyncio.run(run(fake.async_client())) if is_async else use(fake.client())
        except Exception as error:  # noqa: BLE001
            found = error
        results.append((found, fake))
    return results

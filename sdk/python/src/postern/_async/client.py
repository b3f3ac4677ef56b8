"""The asynchronous client: it sends requests, again where that is safe, and opens answers."""

from __future__ import annotations

import copy
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, TypeVar

import anyio
import httpx

from .. import errors
from .._call import CONNECT_TIMEOUT_S, FAULTS, Call, json_of, settings
from .._model import converter
from .._retry import Attempts
from .download import AsyncDownload
from .resources import AsyncResources

T = TypeVar("T")


class AsyncPostern(AsyncResources):
    """A client of one Postern server. It is an asynchronous context manager; without `with`, call
    `aclose` at the end.

    `api_key`, `base_url` and `ca` come from POSTERN_API_KEY, POSTERN_BASE_URL and POSTERN_CA
    where they are not given; POSTERN_KEY and POSTERN_URL serve too. `ca` is the path or the text
    of a PEM file of authorities that are trusted beside those of the system. `organization` is
    for the token of the operator. `timeout` is in seconds, for each wait of a request;
    `max_retries` is how often a request is sent again.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        ca: str | os.PathLike[str] | None = None,
        *,
        organization: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._settings = settings(api_key, base_url, ca, organization, timeout, max_retries)
        self._owns_http = http_client is None
        self._http = http_client or httpx.AsyncClient(verify=self._settings.trust(), follow_redirects=False)
        self._sleep: Callable[[float], Any] = anyio.sleep
        super().__init__(self)

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._settings.base_url

    def caused_by(self, headers: Mapping[str, str]) -> AsyncPostern:
        """This client for what is done because of a webhook, whose header fields these are. The
        server ends a loop of webhooks by what they say. It has the connections of this one."""
        other = copy.copy(self)
        other._settings = self._settings.caused_by(headers)
        other._owns_http = False
        AsyncResources.__init__(other, other)
        return other

    async def __aenter__(self) -> AsyncPostern:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._owns_http:
            await self._http.aclose()

    async def _object(self, call: Call, kind: Any) -> Any:
        """The object that a request gives, or None where it gives none."""
        response = await self._send(call)
        if response.status_code == 204 or not response.content:
            return None
        return converter(kind)(json_of(response.status_code, response.content, response.headers))

    async def _nothing(self, call: Call) -> None:
        """A request that gives nothing."""
        await self._send(call)

    async def _text(self, call: Call) -> str:
        """The text that a request gives."""
        return (await self._send(call)).content.decode("utf-8", "replace")

    async def _octets(self, call: Call) -> bytes:
        """The octets that a request gives."""
        return (await self._send(call)).content

    @asynccontextmanager
    async def _download(self, call: Call) -> AsyncIterator[AsyncDownload]:
        """The octets that a request gives, while they come."""
        response = await self._begin(call)
        try:
            yield AsyncDownload(response)
        finally:
            await response.aclose()

    async def _send(self, call: Call) -> httpx.Response:
        """A whole answer that is no error."""
        return await self._attempt(call, whole=True)

    async def _begin(self, call: Call) -> httpx.Response:
        """An answer that is no error, of which the head has come."""
        return await self._attempt(call, whole=False)

    async def _attempt(self, call: Call, whole: bool) -> httpx.Response:
        attempts = Attempts(call.is_repeatable, self._settings.retries)
        while True:
            try:
                response = await self._once(call, whole)
            except errors.APIConnectionError as error:
                cause = error.__cause__
                never_sent = isinstance(cause, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
                wait = attempts.after_fault(sent=not never_sent)
                if wait is None:
                    raise
                await self._sleep(wait)
                continue
            if response.status_code < 300:
                return response
            wait = attempts.after_answer(response.status_code, response.headers)
            if wait is not None:
                await self._sleep(wait)
                continue
            # An attempt before this one has deleted it, and its answer was lost.
            if call.method == "DELETE" and response.status_code == 404 and attempts.perhaps_done:
                return httpx.Response(204, request=response.request)
            raise errors.of_answer(response.status_code, response.content, response.headers)

    async def _once(self, call: Call, whole: bool) -> httpx.Response:
        """One attempt. An answer that is an error is whole in any case."""
        wait_s = self._settings.timeout_s if call.timeout_s is None else call.timeout_s
        try:
            request = self._http.build_request(
                call.method,
                self._settings.base_url + call.target(),
                content=call.octets(),
                headers={**self._settings.headers(), **call.fields()},
                timeout=httpx.Timeout(wait_s, connect=min(wait_s, CONNECT_TIMEOUT_S)),
            )
            response = await self._http.send(request, stream=True)
            if whole or response.status_code >= 300:
                try:
                    await response.aread()
                finally:
                    await response.aclose()
        except httpx.TimeoutException as error:
            raise errors.APITimeoutError(f"{call.method} {call.path}: no answer in {wait_s:g} s") from error
        except httpx.InvalidURL as error:
            raise errors.PosternError(f"base_url {self._settings.base_url!r} is no URL: {error}") from error
        except FAULTS as error:
            what = str(error) or type(error).__name__
            if "CERTIFICATE_VERIFY_FAILED" in what:
                # Another attempt would see the same certificate.
                what += ". Pass the authority of the server as ca, or set POSTERN_CA."
                raise errors.PosternError(f"{self._settings.base_url}: {what}") from error
            raise errors.APIConnectionError(f"{call.method} {self._settings.base_url}{call.path}: {what}") from error
        return response

    async def _page(self, call: Call, kind: Any, cursor: str | None) -> tuple[list[Any], Mapping[str, Any]]:
        """The rows of one page, and the page as it came."""
        query = dict(call.query) if cursor is None else {**call.query, "cursor": cursor}
        response = await self._send(Call(call.method, call.path, query, timeout_s=call.timeout_s))
        page = json_of(response.status_code, response.content, response.headers)
        return converter(list[kind])(page["data"]), page

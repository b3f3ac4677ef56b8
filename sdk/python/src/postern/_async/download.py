"""Octets while they come, so that a large message is never whole in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import httpx

from .. import errors
from .._call import FAULTS


class AsyncDownload:
    """The body of an answer."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def content_type(self) -> str:
        """The media type that the server says."""
        return str(self._response.headers.get("content-type", ""))

    @property
    def size(self) -> int | None:
        """How many octets come, where the server says it."""
        text = self._response.headers.get("content-length", "")
        return int(text) if text.isdecimal() else None

    @property
    def etag(self) -> str | None:
        """What names these octets, for `if_range` of the download that goes on."""
        found: str | None = self._response.headers.get("etag")
        return found

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except httpx.TimeoutException as error:
            raise errors.APITimeoutError("the download has stopped") from error
        except FAULTS as error:
            raise errors.APIConnectionError(f"the download broke off: {error}") from error

    async def save(self, path: str | os.PathLike[str]) -> int:
        """Writes all of it to a file, and gives the number of octets. A download that breaks off
        leaves no file."""
        part = f"{os.fspath(path)}.part"
        written = 0
        try:
            with open(part, "wb") as file:
                async for chunk in self:
                    written += file.write(chunk)
            os.replace(part, path)
        except BaseException:
            if os.path.exists(part):
                os.remove(part)
            raise
        return written

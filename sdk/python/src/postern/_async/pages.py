"""Lists that come in pages. Iterating goes over every row of every page."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._call import Call

if TYPE_CHECKING:
    from .client import AsyncPostern

T = TypeVar("T")


@dataclasses.dataclass
class AsyncPage(Generic[T]):
    """One page: its rows, and the cursor of the next page if there is one."""

    data: list[T]
    next_cursor: str | None


class AsyncPages(Generic[T]):
    """A list. `async for row in pages` goes over all rows; `pages.pages()` over the pages. Nothing
    is asked before that, and each pass asks anew."""

    def __init__(self, client: AsyncPostern, call: Call, kind: Any, follows: bool) -> None:
        self._client = client
        self._call = call
        self._kind = kind
        # The log of events always has a next cursor: it ends with an empty page.
        self._follows = follows

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for row in page.data:
                yield row

    async def pages(self) -> AsyncIterator[AsyncPage[T]]:
        """Every page."""
        cursor: str | None = None
        while True:
            page = await self.page(cursor)
            if self._follows and not page.data:
                return
            yield page
            # A server that gives the same cursor again would never end.
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    async def page(self, cursor: str | None = None) -> AsyncPage[T]:
        """The page at a cursor; without one, the first."""
        data, page = await self._client._page(self._call, self._kind, cursor)
        return AsyncPage(data, page.get("next_cursor"))

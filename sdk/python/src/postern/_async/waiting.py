"""Waiting for a message, for longer than the server waits in one request, and over its restarts."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from .._call import Call

if TYPE_CHECKING:
    from .client import AsyncPostern

# What the server takes at most.
LONGEST_S = 300
# How much longer than the server its answer may take.
GRACE_S = 15.0


async def wait_for(client: AsyncPostern, call: Call, kind: Any, timeout: float) -> Any:
    """The object that comes within `timeout` seconds, or None."""
    end = time.monotonic() + timeout
    while True:
        left_s = max(0, math.ceil(end - time.monotonic()))
        once_s = min(left_s, LONGEST_S)
        limit_s = once_s + GRACE_S if call.timeout_s is None else call.timeout_s
        query = {**call.query, "timeout": once_s}
        found = await client._object(Call(call.method, call.path, query, timeout_s=limit_s), kind)
        if found is not None or left_s <= LONGEST_S:
            return found

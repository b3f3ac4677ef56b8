"""When a request is sent again, and how long to wait before it. It does no I/O and reads no clock.

A request is sent again only where that cannot do a thing twice: it was not sent at all, the server
said that it did nothing (429, 503), the method may be repeated (every method of the API but POST),
or a POST carries an idempotency key, which every POST of this package does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
# A longer Retry-After is told to the caller instead, as a RateLimitError.
LONGEST_RETRY_AFTER_S = 60.0

# The server has done nothing.
REFUSED = {408, 425, 429, 503}
# The server may have done it.
UNCLEAR = {500, 502, 504, 507}


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` names."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None


class Attempts:
    """The attempts of one request."""

    def __init__(self, repeatable: bool, retries: int, chance: Callable[[], float] = random.random) -> None:
        self.repeatable = repeatable
        self.left = retries
        self.made = 0
        self.chance = chance
        self.perhaps_done = False
        """Whether an attempt may have been carried out though no answer came."""

    def after_answer(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Seconds until the next attempt after this answer; None when the answer stands."""
        if status in UNCLEAR:
            self.perhaps_done = True
        again = status in REFUSED or (status in UNCLEAR and self.repeatable)
        if not again:
            return None
        wanted = retry_after_s(headers)
        if wanted is not None and wanted > LONGEST_RETRY_AFTER_S:
            return None
        wait = self.next_wait()
        return wait if wait is None or wanted is None else max(wanted, min(wait, wanted + 1))

    def after_fault(self, sent: bool) -> float | None:
        """Seconds until the next attempt after an attempt without an answer; None when there is
        none. `sent`: the request may have reached the server."""
        self.perhaps_done |= sent
        if sent and not self.repeatable:
            return None
        return self.next_wait()

    def next_wait(self) -> float | None:
        """Twice as long each time, and different for each client."""
        if self.left <= 0:
            return None
        self.left -= 1
        longest = min(FIRST_WAIT_S * 2.0**self.made, LONGEST_WAIT_S)
        self.made += 1
        return longest * (0.5 + self.chance() / 2)

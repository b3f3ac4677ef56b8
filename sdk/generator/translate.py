"""The synchronous Python client, made from the asynchronous one: the same code with the words that
wait left out. Both are tested; only one is written."""

from __future__ import annotations

import re

WORDS = [
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit|iter|next)__\b", None),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\bAbstractAsyncContextManager\b", "AbstractContextManager"),
    (r"\bAsync([A-Z]\w*)", r"\1"),
    (r"\baiter_bytes\b", "iter_bytes"),
    (r"\baread\b", "read"),
    (r"\baclose\b", "close"),
    (r"\banyio\b", "time"),
    (r"\basynchronous\b", "synchronous"),
]


def to_sync(text: str) -> str:
    """The text of a module for the synchronous client."""
    for pattern, word in WORDS:
        if word is None:
            text = re.sub(pattern, r"__\1__", text)
        else:
            text = re.sub(pattern, word, text)
    return text

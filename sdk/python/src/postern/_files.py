"""Files as attachments: a path, octets or an open file becomes what the API takes."""

from __future__ import annotations

import base64
import mimetypes
import os
import pathlib
from collections.abc import Mapping
from typing import IO, Any

# Octets of the attachments of one message that go in its body; larger ones are uploaded before.
INLINE_BYTES_MAX = 8 * 1024 * 1024


class File:
    """A file to attach: `File("report.pdf")`, `File(b"...", "report.pdf")`, `File(open(…, "rb"))`.

    A path gives the name and the media type, unless they are given. With a `content_id` HTML can
    show it, as `cid:…`.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes],
        filename: str | None = None,
        content_type: str | None = None,
        *,
        content_id: str | None = None,
        inline: bool | None = None,
    ) -> None:
        if isinstance(source, (str, os.PathLike)):
            path = pathlib.Path(source)
            filename = path.name if filename is None else filename
            self.octets = path.read_bytes()
        elif isinstance(source, (bytes, bytearray, memoryview)):
            self.octets = bytes(source)
        else:
            filename = os.path.basename(str(getattr(source, "name", ""))) or None if filename is None else filename
            self.octets = source.read()
        self.filename = filename
        guessed = mimetypes.guess_type(filename)[0] if filename else None
        self.content_type = content_type or guessed or "application/octet-stream"
        self.content_id = content_id
        self.inline = inline

    def fields(self) -> dict[str, Any]:
        """What the API takes beside the octets."""
        found = {
            "filename": self.filename,
            "content_type": self.content_type,
            "content_id": self.content_id,
            "inline": self.inline,
        }
        return {name: value for name, value in found.items() if value is not None}

    def attachment(self) -> dict[str, Any]:
        """The attachment with its octets in it."""
        return {**self.fields(), "content": base64.b64encode(self.octets).decode()}


def as_file(value: Any) -> File | None:
    """The file of an argument; None when it is what the API takes already."""
    if isinstance(value, File):
        return value
    if isinstance(value, os.PathLike):
        return File(value)
    if isinstance(value, (Mapping, type(None))):
        return None
    raise TypeError(f"an attachment is a postern.File, a pathlib.Path or a dict, not {type(value).__name__}")

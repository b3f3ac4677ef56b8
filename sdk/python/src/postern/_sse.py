"""Frames of server-sent events (HTML Standard, section 9.2) out of octets that come in pieces of
any size. It does no I/O."""

from __future__ import annotations

import codecs
import dataclasses

# Characters of one frame; the events of a server have far fewer.
FRAME_CHARACTERS_MAX = 16 * 1024 * 1024


@dataclasses.dataclass
class Frame:
    """One frame."""

    id: str
    """The last id that the stream has told."""
    type: str
    data: str


class FrameTooLong(Exception):
    """A frame has no end in sight."""


class FrameReader:
    """The reader of one connection."""

    def __init__(self) -> None:
        self.retry_ms: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._left: list[str] = []
        self._length = 0
        self._after_cr = False
        self._at_start = True
        self._id = ""
        self._type = ""
        self._data: list[str] = []

    def feed(self, octets: bytes) -> list[Frame]:
        """The frames that end within these octets."""
        text = self._decoder.decode(octets)
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        frames = []
        start = 0
        for at, c in enumerate(text):
            if c not in "\r\n":
                self._after_cr = False
                continue
            if c == "\n" and self._after_cr:
                # The second half of one line end.
                self._after_cr = False
                start = at + 1
                continue
            self._after_cr = c == "\r"
            frame = self._line("".join([*self._left, text[start:at]]))
            self._left = []
            start = at + 1
            if frame is not None:
                frames.append(frame)
        if start < len(text):
            self._left.append(text[start:])
        self._length += len(text)
        if frames:
            self._length = 0
        if self._length > FRAME_CHARACTERS_MAX and (self._data or self._left):
            raise FrameTooLong
        return frames

    def _line(self, line: str) -> Frame | None:
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry_ms = int(value[:9])
        elif name == "" and not self._data:
            # A comment, such as a heartbeat, between two frames.
            self._length = 0
        return None

    def _end(self) -> Frame | None:
        data, kind = self._data, self._type
        self._data, self._type = [], ""
        return Frame(self._id, kind or "message", "\n".join(data)) if data else None

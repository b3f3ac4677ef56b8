"""Attachments of a message that is sent: files become attachments, large ones by an upload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._files import INLINE_BYTES_MAX, File, as_file

if TYPE_CHECKING:
    from .client import AsyncPostern


async def attach(client: AsyncPostern, attachments: Sequence[Any] | None) -> Any:
    """What the API takes for these attachments."""
    # NOT_GIVEN and None stay what they are.
    if not attachments:
        return attachments
    made: list[Any] = []
    files: list[tuple[int, File]] = []
    for given in attachments:
        file = as_file(given)
        if file is None:
            made.append(given)
        else:
            made.append(file.attachment() if len(file.octets) <= INLINE_BYTES_MAX else None)
            files.append((len(made) - 1, file))
    uploads = getattr(client, "uploads", None)
    room = INLINE_BYTES_MAX
    for at, file in files:
        room -= len(file.octets)
        if uploads is not None and room < 0:
            upload = await uploads.create(file.octets, filename=file.filename, content_type=file.content_type)
            rest = {"content_id": file.content_id, "inline": file.inline}
            given = {name: value for name, value in rest.items() if value is not None}
            made[at] = {"upload_id": upload.id, **given}
        elif made[at] is None:
            made[at] = file.attachment()
    return made

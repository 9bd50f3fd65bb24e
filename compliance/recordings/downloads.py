"""A batch download or an outside check on its way, for the API and the console alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from uuid import UUID

from django.http import StreamingHttpResponse

from accounts.actors import Actor
from compliance.recordings.operations import archives, outside_delivery


def stream_download(actor: Actor, download_id: UUID, *, after: int = 0) -> StreamingHttpResponse:
    """The archive of a batch download."""
    pieces = archives.archive_of(actor=actor, download_id=download_id, after=after)
    return _streamed(pieces, f"calls-{download_id}.zip")


def stream_outside_check(actor: Actor, check_id: UUID) -> StreamingHttpResponse:
    """The archive of an outside check, with the keys."""
    pieces = outside_delivery.deliver_outside_check(actor=actor, check_id=check_id)
    return _streamed(pieces, f"outside-check-{check_id}.zip")


def _streamed(pieces: Iterator[bytes], name: str) -> StreamingHttpResponse:
    """A ZIP. Its first piece is made now, so that what cannot be read is an error and not a broken stream."""
    first = next(pieces, b"")
    answer = StreamingHttpResponse(chain([first], pieces), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    answer["X-Accel-Buffering"] = "no"  # a buffering proxy would lay decrypted sound on its disk
    return answer

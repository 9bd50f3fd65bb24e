"""A batch download on its way, for the API and the console alike."""

from __future__ import annotations

from itertools import chain
from uuid import UUID

from django.http import StreamingHttpResponse

from accounts.actors import Actor
from compliance.recordings.operations import archives


def stream_download(actor: Actor, download_id: UUID, *, after: int = 0) -> StreamingHttpResponse:
    """The archive. Its first piece is made now, so that what cannot be read is an error and not a broken stream."""
    pieces = archives.archive_of(actor=actor, download_id=download_id, after=after)
    first = next(pieces, b"")
    answer = StreamingHttpResponse(chain([first], pieces), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="calls-{download_id}.zip"'
    answer["Cache-Control"] = "private, no-store"
    answer["X-Accel-Buffering"] = "no"  # a buffering proxy would lay decrypted sound on its disk
    return answer

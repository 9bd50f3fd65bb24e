"""A package as a download, for an officer and for the person alike."""

from __future__ import annotations

from django.http import StreamingHttpResponse

from compliance.dsr.operations import delivering
from compliance.vault import store


def stream_package(opened: delivering.Opened) -> StreamingHttpResponse:
    """The file; its rows are loaded and its keys are checked before the first byte."""
    answer = StreamingHttpResponse(store.open_stream(opened.sealed), content_type="application/zip")
    answer["Content-Length"] = str(opened.sealed.size)
    answer["Content-Disposition"] = f'attachment; filename="your-data-{opened.package.request.reference}.zip"'
    answer["Cache-Control"] = "private, no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer

"""GET /play/<token>: sound for a browser, opened range by range.

A plain view, because an answer of the API framework would be buffered and negotiated. Every row and key is loaded and
the entry is committed before the first byte; each piece is authenticated before it is sent; nothing in clear is kept
by us or by a proxy.
"""

from __future__ import annotations

from itertools import chain

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.http import require_http_methods

from accounts import authentication
from accounts.errors import Refusal
from compliance import rest
from compliance.recordings import ranges
from compliance.recordings.operations import opening
from compliance.recordings.operations.opening import Playable, Playing

_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the token is in the address
    "X-Accel-Buffering": "no",  # a buffering proxy would lay decrypted sound on its disk
    "X-Content-Type-Options": "nosniff",
}


@require_http_methods(["GET", "HEAD"])
def play(request: HttpRequest, token: str) -> HttpResponseBase:
    """One recording, or a range of it (RFC 9110 §14)."""
    try:
        playable = opening.look_up_link(token)
    except Refusal as refusal:
        return _refused(refusal.status, refusal.code, refusal.title)
    try:
        if request.method == "HEAD":
            return _described(HttpResponse(content_type=playable.media_type), playable, playable.size)
        asked = request.headers.get("Range") if _still_the_same(request, playable) else None
        return _answer(opening.open_link(playable, asked, origin=authentication.origin_of(request)))
    except ranges.Unsatisfiable:
        response = _refused(416, "range_not_satisfiable", "This range is not in the recording")
        response["Content-Range"] = f"bytes */{playable.size}"
        return response
    except Refusal as refusal:
        return _refused(refusal.status, refusal.code, refusal.title)


def _answer(playing: Playing) -> HttpResponseBase:
    pieces = playing.pieces
    # The first piece is opened now, so that what cannot be read is an error and not a broken stream. A later one that
    # is not what was sealed ends the answer in the middle, after the vault has raised the alarm.
    first = next(pieces, b"")
    response = StreamingHttpResponse(chain([first], pieces), content_type=playing.playable.media_type)
    part, size = playing.part, playing.playable.size
    if part.length < size:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return _described(response, playing.playable, part.length)


def _still_the_same(request: HttpRequest, playable: Playable) -> bool:
    """`If-Range` (RFC 9110 §13.1.5): a range of something else than the client has the start of is of no use to it."""
    known = request.headers.get("If-Range")
    return known is None or known.strip() == f'"{playable.etag}"'


def _described(response: HttpResponseBase, playable: Playable, length: int) -> HttpResponseBase:
    for name, value in _HEADERS.items():
        response[name] = value
    response["ETag"] = f'"{playable.etag}"'
    response["Content-Length"] = str(length)
    response["Content-Disposition"] = "inline"
    return response


def _refused(status: int, code: str, title: str) -> HttpResponse:
    response = JsonResponse(rest.problem(status, code, title), status=status, content_type=rest.PROBLEM_JSON)
    for name, value in _HEADERS.items():
        response[name] = value
    return response


urlpatterns = [path("play/<str:token>", play)]

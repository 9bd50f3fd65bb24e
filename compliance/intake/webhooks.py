"""POST /hooks/<platform>/<address>[/<token>]: what platforms call.

A plain view: the signature is over the raw bytes, so nothing may read or decode them first. No more than the platform's
limit is ever read, and nothing at an address that leads nowhere. Every wrong address answers the same. 202 is said
after the commit, never before.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import authentication
from accounts.errors import Refusal
from compliance import rest
from compliance.connectors import access as connectors
from compliance.connectors.providers.base import Incoming, UnknownPlatform
from compliance.connectors.providers.registry import provider_for
from compliance.intake import operations

_RETRY_SECONDS = "60"


@csrf_exempt
@require_POST
def receive(request: HttpRequest, platform: str, address: str, token: str | None = None) -> HttpResponse:
    """Take in one webhook call. 202 with our id; 401, 404, 411, 413 and 503 change nothing."""
    try:
        provider = provider_for(platform)
    except UnknownPlatform:
        return _nowhere()
    length = _length(request, min(provider.max_body_bytes, settings.WEBHOOK_MAX_BYTES))
    if isinstance(length, HttpResponse):
        return length
    reached = connectors.connection_at(platform, address)
    if reached is None:
        return _nowhere()
    body = _read(request, length)
    if isinstance(body, HttpResponse):
        return body
    incoming = Incoming(
        headers=dict(request.headers),
        raw_body=body,
        path_token=token,
        url=f"{settings.PUBLIC_URL}{request.get_full_path()}",
    )
    try:
        accepted = operations.accept_delivery(
            reached=reached, incoming=incoming, origin=authentication.origin_of(request)
        )
    except Refusal as refusal:
        return _problem(refusal.status, refusal.code, refusal.title)
    return JsonResponse({"delivery": str(accepted.delivery_id)}, status=202)


def _length(request: HttpRequest, limit: int) -> int | HttpResponse:
    """How long the body says it is, at most the limit."""
    length = request.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdecimal()):
        return _problem(411, "length_required", "Content-Length is needed")
    if len(length) > 12 or int(length) > limit:
        return _problem(413, "too_large", f"A delivery of this platform has at most {limit} bytes")
    return int(length)


def _read(request: HttpRequest, length: int) -> bytes | HttpResponse:
    """The body, of which no byte more than it said is read."""
    try:
        body = request.read(length)
    except UnreadablePostError:
        body = b""
    return body if len(body) == length else _problem(400, "incomplete", "The body is shorter than it says")


def _nowhere() -> HttpResponse:
    return _problem(404, "not_found", "Not found")


def _problem(status: int, code: str, title: str) -> HttpResponse:
    response = JsonResponse(rest.problem(status, code, title), status=status, content_type=rest.PROBLEM_JSON)
    if status == 503:
        response["Retry-After"] = _RETRY_SECONDS
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


urlpatterns = [
    path("hooks/<str:platform>/<str:address>", receive),
    path("hooks/<str:platform>/<str:address>/<str:token>", receive),
]

"""Answers where no view of ours got to answer: problem details for programs, the framework's pages for people."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views import defaults

from compliance import rest


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _problem(request, 400, "invalid", "The request is not valid") or defaults.bad_request(request, exception)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    found = _problem(request, 403, "not_allowed", "You may not do this")
    return found or defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _problem(request, 404, "not_found", "Not found") or defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponseBase:
    found = _problem(request, 500, "internal_error", "Something went wrong here; the request changed nothing")
    return found or defaults.server_error(request)


def _problem(request: HttpRequest, status: int, code: str, title: str) -> JsonResponse | None:
    if not request.path.startswith("/api/"):
        return None
    return JsonResponse(rest.problem(status, code, title), status=status, content_type=rest.PROBLEM_JSON)

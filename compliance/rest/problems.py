"""Errors as problem details (RFC 9457), each with a code of ours that does not change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts.errors import Refusal

PROBLEM_JSON = "application/problem+json"


def problem(
    status: int, code: str, title: str, *, detail: str = "", errors: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A problem details object (RFC 9457) with our stable `code`."""
    body: dict[str, Any] = {"type": f"urn:callwarden:problem:{code}", "title": title, "status": status, "code": code}
    if detail and detail != title:
        body["detail"] = detail
    if errors:
        body["errors"] = errors
    return body


def handle_exception(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler: every error as problem+json; anything unexpected is left to Django's 500."""
    body = _problem_of(error)
    if body is None:
        return None
    set_rollback()
    headers = {}
    if isinstance(error, exceptions.APIException):
        if getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
        if getattr(error, "wait", None):
            headers["Retry-After"] = str(int(error.wait))  # type: ignore[attr-defined]
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM_JSON)


def _problem_of(error: Exception) -> dict[str, Any] | None:
    match error:
        case Refusal():
            return problem(error.status, error.code, error.title, detail=error.message, errors=error.errors)
        case Http404():
            return problem(404, "not_found", "Not found")
        case PermissionDenied():
            return problem(403, "not_allowed", "You may not do this")
        case RequestDataTooBig():
            return problem(413, "too_large", "The body is too large")
        case SuspiciousOperation():
            return problem(400, "invalid", "The request is not valid")
        case exceptions.ValidationError():
            return problem(400, "invalid", "The input is not valid", errors=_flat(error.detail))
        case exceptions.APIException():
            code = str(error.get_codes()) if isinstance(error.detail, str) else error.default_code
            return problem(error.status_code, code, str(error.default_detail), detail=str(error.detail))
    return None


def _flat(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Nested field errors as {"path.to.field": [messages]}."""
    if isinstance(detail, Mapping):
        pairs: Iterable[tuple[str, Any]] = (
            (f"{prefix}.{name}" if prefix else str(name), part) for name, part in detail.items()
        )
    elif isinstance(detail, list) and any(isinstance(part, Mapping | list) for part in detail):
        pairs = ((f"{prefix}.{index}" if prefix else str(index), part) for index, part in enumerate(detail))
    else:
        return {prefix or "body": [str(part) for part in (detail if isinstance(detail, list) else [detail])]}
    flat: dict[str, list[str]] = {}
    for path, part in pairs:
        flat.update(_flat(part, path))
    return flat

"""DRF plumbing: one organisation's scope a request, problem details, strict input, cursor pages, Idempotency-Key."""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpResponse
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from accounts import idempotency, tenancy
from accounts.actors import Actor
from accounts.errors import Invalid, NotAllowed, Refusal
from audit import log

_Row = TypeVar("_Row", bound=models.Model)
PROBLEM_JSON = "application/problem+json"
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Written:
    """What a write handler answers: the resource to render, with which status."""

    resource_id: UUID | None
    status: int = 200


class OrganisationView(APIView):
    """A view that runs inside its actor's organisation, as one transaction. Write handlers return `Written`; `represent` renders."""

    def actor(self) -> Actor:
        """Who asks."""
        return cast(Actor, self.request.auth)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        """The body of a write's answer, rendered from the row: at once, and again for a repeated Idempotency-Key."""
        return None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not isinstance(request.auth, Actor):
            raise exceptions.NotAuthenticated()
        method = (request.method or "").lower()
        handler = getattr(self, method, None)
        if handler is not None:
            setattr(self, method, functools.partial(self._scoped, handler))

    def _scoped(self, handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> Any:
        try:
            with tenancy.scope(self.actor().organisation_id):
                return self._keyed(handler, request, *args, **kwargs)
        except NotAllowed as refusal:
            _log_denial(self.actor(), type(self).__name__, request.method or "", refusal)
            raise

    def _keyed(self, handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get("Idempotency-Key") if request.method in _UNSAFE else None
        if key is None:
            return self._answer(handler(request, *args, **kwargs))
        asked = idempotency.read(
            self.actor(), key, method=request.method or "", path=request.get_full_path(), body=request.body
        )
        done = idempotency.earlier(asked)
        if done is not None:
            return self._answer(Written(done[1], done[0]), {"Idempotent-Replayed": "true"})
        outcome = handler(request, *args, **kwargs)
        if isinstance(outcome, Written):
            idempotency.remember(asked, status=outcome.status, resource_id=outcome.resource_id)
        return self._answer(outcome)

    def _answer(self, outcome: Any, headers: Mapping[str, str] | None = None) -> Any:
        if not isinstance(outcome, Written):
            return outcome
        return Response(self.represent(outcome.resource_id), status=outcome.status, headers=dict(headers or {}))


def _log_denial(actor: Actor, view: str, method: str, refusal: Refusal) -> None:
    """A refusal is an entry of its own: the request's transaction was rolled back."""
    with tenancy.scope(actor.organisation_id):
        log.append(
            actor=actor,
            event="accounts.action.denied",
            organisation_id=actor.organisation_id,
            obj=("view", None),
            cls=log.EntryClass.AUTH,
            outcome="denied",
            what={"view": view.lower(), "method": method.lower(), "code": refusal.code},
        )


class StrictSerializer(serializers.Serializer[Any]):
    """Input whose unknown fields are an error that names them."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(name) for name in data if name not in self.fields)
            if unknown:
                raise serializers.ValidationError({name: ["This field is not known."] for name in unknown})
        return super().to_internal_value(data)


def read_input(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The request's body, checked; a 400 that names the fields otherwise."""
    form = serializer(data=request.data)
    form.is_valid(raise_exception=True)
    return cast(dict[str, Any], form.validated_data)


def read_id(text: str) -> UUID:
    """An id from a query or body; Invalid where it is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("An id must be a UUID", errors={"id": ["Not a UUID."]}) from error


def page_of(
    request: Request, rows: models.QuerySet[_Row], render: Callable[[_Row], Mapping[str, Any]], *, size: int = 50
) -> Response:
    """One page, newest id first (ids are UUIDv7, so this is by time). `next_cursor` is null on the last page; nothing is counted."""
    size = _page_size(request, size)
    after = request.query_params.get("cursor")
    if after:
        rows = rows.filter(pk__lt=_from_cursor(after))
    found = list(rows.order_by("-pk")[: size + 1])
    more = len(found) > size
    found = found[:size]
    cursor = _to_cursor(cast(UUID, found[-1].pk)) if more else None
    return Response({"results": [render(row) for row in found], "next_cursor": cursor})


def _page_size(request: Request, default: int) -> int:
    text = request.query_params.get("limit", str(default))
    if not text.isdecimal() or not 1 <= int(text) <= 200:
        raise Invalid("limit must be a number from 1 to 200", errors={"limit": ["1 to 200."]})
    return int(text)


def _to_cursor(key: UUID) -> str:
    return base64.urlsafe_b64encode(key.bytes).decode().rstrip("=")


def _from_cursor(text: str) -> UUID:
    try:
        return UUID(bytes=base64.urlsafe_b64decode(text + "=="))
    except (ValueError, binascii.Error) as error:
        raise Invalid("This cursor is not one of ours", errors={"cursor": ["Not valid."]}) from error


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
    if isinstance(error, Refusal):
        return problem(error.status, error.code, error.title, detail=error.message, errors=error.errors)
    if isinstance(error, Http404):
        return problem(404, "not_found", "Not found")
    if isinstance(error, PermissionDenied):
        return problem(403, "not_allowed", "You may not do this")
    if isinstance(error, exceptions.ValidationError):
        return problem(
            400, "invalid", "The input is not valid", errors=error.get_full_details() and _flat(error.detail)
        )
    if isinstance(error, exceptions.APIException):
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

"""Cursor pages."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

from django.db import models
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import Invalid

_Row = TypeVar("_Row", bound=models.Model)
MOST = 200
_CURSOR = re.compile("[A-Za-z0-9_-]{22}")


def page_of(
    request: Request, rows: models.QuerySet[_Row], render: Callable[[_Row], Mapping[str, Any]], *, size: int = 50
) -> Response:
    """One page, newest id first (ids are UUIDv7, so this is by time).

    `next_cursor` is null on the last page; nothing is counted.
    """
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
    if not (text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= MOST):
        raise Invalid(f"limit must be a number from 1 to {MOST}", errors={"limit": [f"1 to {MOST}."]})
    return int(text)


def _to_cursor(key: UUID) -> str:
    return base64.urlsafe_b64encode(key.bytes).decode().rstrip("=")


def _from_cursor(text: str) -> UUID:
    if not _CURSOR.fullmatch(text):
        raise Invalid("This cursor is not one of ours", errors={"cursor": ["Not valid."]})
    return UUID(bytes=base64.urlsafe_b64decode(text + "=="))

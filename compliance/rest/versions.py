"""ETag, If-Match and If-None-Match (RFC 9110 §13) for what can be changed: nobody overwrites what they have not
seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, cast

from django.db import connection
from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from accounts.actors import Actor
from accounts.errors import NotFound, Refusal


class PreconditionFailed(Refusal):
    """The resource is not what the caller believes it to be."""

    code = "precondition_failed"
    status = 412
    title = "This has changed since it was read"


def tag_of(body: Any) -> str:
    """The tag of a representation: a digest of the very bytes."""
    return f'"{hashlib.sha256(JSONRenderer().render(body)).hexdigest()[:32]}"'


def is_known(request: Request, tag: str) -> bool:
    """Does the reader have this representation already (If-None-Match)?"""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return known == ["*"] or tag in {one.removeprefix("W/") for one in known}


def require_match(request: Request, current: Callable[[], Any] | None) -> None:
    """Refuse a write whose condition does not hold. `current` reads the body as it is now; None: this address has no
    tag.

    Writers of one address wait for each other, so that of two with the same If-Match the second is refused.
    """
    wanted = parse_etags(request.headers.get("If-Match", ""))
    if current is None:
        if wanted:
            raise PreconditionFailed("What is at this address has no ETag")
        return
    address = f"{cast(Actor, request.auth).organisation_id}{request.path}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [address])
    if not wanted:
        return
    try:
        tag = tag_of(current())
    except NotFound as error:
        raise PreconditionFailed("There is nothing here yet") from error
    if wanted != ["*"] and tag not in wanted:
        raise PreconditionFailed()

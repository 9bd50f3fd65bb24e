"""What the APIs of several platforms have in common: paths from ids, bearer keys, statuses, proof of absence. Pure.

What can go wrong: an id from a delivery that walks out of its path; a page of some proxy that says 404 and is taken for
proof that a call is gone; an answer that is half of what was asked for.
Promise: everything here raises `AskFailed` with a stable code, and nothing else.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from compliance.connectors.providers import payloads
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.questions import Answer, AskFailed, Credentials, Deletion, Part, Target


def segment(external_id: str) -> str:
    """An outside id as one part of a path. Raises AskFailed("bad_id") for what could never be one."""
    if not external_id or set(external_id) == {"."} or len(external_id) > payloads.MAX_ID:
        raise AskFailed("bad_id")
    return quote(external_id, safe="")


def bearer(credentials: Credentials, name: str) -> Mapping[str, str]:
    """`Authorization: Bearer` with the secret of this name. Raises AskFailed("no_credentials") or, where it could not
    stand in a header, ("bad_credentials").
    """
    key = credentials.secret(name)
    if not key.isascii() or not key.isprintable() or " " in key:
        raise AskFailed("bad_credentials")
    return {"Authorization": f"Bearer {key}"}


def encoded(value: Mapping[str, Any] | list[Any]) -> bytes:
    """A question's body as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def object_of(answer: Answer) -> dict[str, Any]:
    """The answer's JSON object. Raises AskFailed for any status but success, and for any other body."""
    _require_success(answer)
    try:
        return payloads.read_object(answer.body)
    except Unparseable:
        raise AskFailed("bad_answer", status=answer.status) from None


def list_of(answer: Answer) -> list[Any]:
    """The answer's JSON array, likewise."""
    _require_success(answer)
    try:
        return payloads.read_list(answer.body)
    except Unparseable:
        raise AskFailed("bad_answer", status=answer.status) from None


def says_not_found(answer: Answer) -> bool:
    """Whether the platform itself says that there is no such thing. A 404 without a JSON object is somebody else's
    (a proxy, a wrong host) and raises AskFailed: it proves nothing.
    """
    if answer.status != 404:
        return False
    try:
        payloads.read_object(answer.body)
    except Unparseable:
        raise AskFailed("bad_answer", status=404) from None
    return True


def whole_call(target: Target) -> str:
    """The path part of a target, for platforms that delete calls as a whole only. Raises AskFailed("unknown_part")."""
    if target.part is not Part.CALL:
        raise AskFailed("unknown_part")
    return segment(target.external_id)


def deletion_ordered(answer: Answer) -> Deletion:
    """What became of an order to delete: taken, or the platform knows no such thing."""
    if says_not_found(answer):
        return Deletion.NOT_FOUND
    _require_success(answer)
    return Deletion.ASKED


def absence(answer: Answer) -> Deletion:
    """Whether the thing that was asked for is still there; for platforms whose proof is their own 404."""
    if says_not_found(answer):
        return Deletion.GONE
    object_of(answer)
    return Deletion.PRESENT


def _require_success(answer: Answer) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    if status in (401, 403):
        raise AskFailed("denied", status=status)
    if status == 429:
        raise AskFailed("rate_limited", status=status, is_retryable=True)
    if status >= 500:
        raise AskFailed("platform_unavailable", status=status, is_retryable=True)
    raise AskFailed("unexpected_status", status=status)

"""Liveness and readiness. `/readyz` names what is wrong in codes.

It also fails where the service's database role could pass row security.
"""

from __future__ import annotations

from collections.abc import Callable

from celery import current_app
from django.db import DatabaseError, connections
from django.http import HttpRequest, JsonResponse
from kombu.exceptions import OperationalError

from audit import tasks
from compliance.errors import Refusal
from compliance.vault import store

_STALE_SECONDS = 60
_ROLE = """SELECT rolsuper OR rolbypassrls OR EXISTS (
               SELECT 1 FROM pg_class
               WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relowner = r.oid)
           FROM pg_roles r WHERE rolname = current_user"""


def alive(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """Every part that an operation needs answers; 503 with the parts that do not."""
    checks = {name: check() for name, check in _CHECKS.items()}
    failed = any(answer != "ok" for answer in checks.values())
    return JsonResponse({"status": "failing" if failed else "ok", "checks": checks}, status=503 if failed else 200)


def _database(alias: str) -> str:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(_ROLE)
            row = cursor.fetchone()
    except DatabaseError:
        return "unreachable"
    return "role_can_pass_row_security" if row is None or row[0] else "ok"


def _broker() -> str:
    if current_app.conf.broker_url == "memory://":
        return "ok"
    try:
        with current_app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
    except (OperationalError, OSError):
        return "unreachable"
    return "ok"


def _vault() -> str:
    try:
        parts = store.is_ready()
    except Refusal as refusal:
        return refusal.code
    missing = sorted(name for name, answers in parts.items() if not answers)
    return "ok" if not missing else f"no_{missing[0]}"


def _log() -> str:
    """A sequencer that has not been heard of for a minute means that evidence stands still."""
    try:
        beat = tasks.freshness().seconds_since_beat
    except DatabaseError:
        return "unreachable"
    return "ok" if beat is not None and beat < _STALE_SECONDS else "stale"


_CHECKS: dict[str, Callable[[], str]] = {
    "database": lambda: _database("default"),
    "keys": lambda: _database("keys"),
    "broker": _broker,
    "vault": _vault,
    "log": _log,
}

"""A fresh address for a recording whose old one does not open any more, asked of the platform itself.

What can go wrong: a link that ended in a day is asked for until the platform's copy is gone; or a platform that does
not answer keeps us from an address that still works. So the platform is asked once a try, its answer is one more word
about the call (`Rank.POLLED`) and is taken in like any other, and where it gives none the old address counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors.facts import CallFacts
from compliance.connectors.operations import asking
from compliance.connectors.providers import registry
from compliance.connectors.providers.questions import Answer, AskFailed, Credentials, PlatformApi, Question
from compliance.recordings import access
from compliance.recordings.operations import keeping, registering
from compliance.recordings.operations.downloading import Task
from compliance.recordings.operations.registering import CallErased

_log = structlog.get_logger(__name__)

RENEWABLE = frozenset({"denied", "not_found", "gone"})
"""How an expired address answers: 401 or 403, 404, 410."""

_MARGIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Renewed:
    """What asking came to: another address, or the platform's word that there is no such recording."""

    is_fresh: bool = False
    absence: str = ""


NOTHING_NEW = Renewed()


def has_expired(task: Task) -> bool:
    """Whether the address has answered for the last time, as far as is known."""
    return bool(task.url) and task.expires_at is not None and task.expires_at <= timezone.now() + _MARGIN


def can_renew(platform: str) -> bool:
    """Whether the platform can be asked for a call at all."""
    return registry.provider_for(platform).api is not None


def renew_link(actor: Actor, task: Task) -> Renewed:
    """Ask the platform about the call and take in its answer. Must be called outside a transaction."""
    if not task.external_id or not can_renew(task.platform):
        return NOTHING_NEW

    def make(api: PlatformApi, credentials: Credentials) -> Question:
        return api.ask_call(credentials, task.external_id)

    def read(api: PlatformApi, answer: Answer) -> CallFacts | None:
        return api.read_call(answer)

    try:
        facts = asking.ask_platform(task.organisation_id, task.connection_id, make, read)
    except AskFailed as error:
        _log.warning("link not renewed", artifact=str(task.artifact_id), code=error.code, status=error.status)
        return NOTHING_NEW
    if facts is None or facts.external_id != task.external_id:
        return NOTHING_NEW
    try:
        registering.register_call(
            actor=actor, connection_id=task.connection_id, facts=facts, received_at=timezone.now()
        )
    except CallErased:
        return NOTHING_NEW
    return Renewed(_address_now(task.organisation_id, task.artifact_id) != task.url, _absence(task, facts))


def _address_now(organisation_id: UUID, artifact_id: UUID) -> str:
    with tenancy.scope(organisation_id):
        return access.source_of(access.artifact_of(organisation_id, artifact_id)) or ""


def _absence(task: Task, facts: CallFacts) -> str:
    for recording in facts.recordings:
        names = keeping.kind_of(recording).value, keeping.variant_of(recording)
        if recording.absence is not None and names == (task.kind, task.variant):
            return recording.absence.value
    return ""

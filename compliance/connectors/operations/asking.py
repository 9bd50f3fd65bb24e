"""Asking platforms ourselves: a question with a connection's credentials, and what the answers change here.

What can go wrong: a lock is held while a platform thinks; credentials stay in memory, or go into a log; a key that
stopped working is noticed by nobody. So questions are asked outside transactions, credentials are opened for one
question, and the first refusal after a success, and the first success after a refusal, are entries.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import access, destinations, events
from compliance.connectors.asking import Asker
from compliance.connectors.models import Agent, Connection
from compliance.connectors.operations.agents import ensure_agent
from compliance.connectors.operations.noting import MAX_LIST, lock_connection, note
from compliance.connectors.providers import registry
from compliance.connectors.providers.questions import (
    AgentFacts,
    Answer,
    AskFailed,
    Credentials,
    PlatformApi,
    Question,
)

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

SHORT_WAIT = 5.0
"""Seconds that are waited on the spot where a platform asks for no more; a longer wish is the job's to fulfil."""
_TRIES = 4
_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)


def ask_platform(
    organisation_id: UUID,
    connection_id: UUID,
    make: Callable[[PlatformApi, Credentials], Question],
    read: Callable[[PlatformApi, Answer], _T],
) -> _T:
    """One question and its answer. Must be called outside a transaction. Raises AskFailed, NotFound."""
    with tenancy.scope(organisation_id):
        connection = access.connection_of(organisation_id, connection_id)
        api = _api_of(connection)
        credentials, host = access.credentials_of(connection), connection.api_host
    asker = Asker(test_hosts=destinations.parse_test_hosts(",".join(settings.FETCH_TEST_HOSTS)))
    return read(api, asker.ask(api, credentials, make(api, credentials), host=host))


def ask_patiently(
    organisation_id: UUID,
    connection_id: UUID,
    make: Callable[[PlatformApi, Credentials], Question],
    read: Callable[[PlatformApi, Answer], _T],
) -> _T:
    """As `ask_platform`, for work that asks many questions: a short wish to wait is granted on the spot."""
    for _ in range(_TRIES - 1):
        try:
            return ask_platform(organisation_id, connection_id, make, read)
        except AskFailed as error:
            if error.code != "rate_limited" or error.retry_after is None or error.retry_after > SHORT_WAIT:
                raise
            time.sleep(error.retry_after)
    return ask_platform(organisation_id, connection_id, make, read)


def may_list_calls(connection: Connection) -> bool:
    """Whether this connection's calls can be asked for: its platform lists them, and the credentials are there."""
    return _is_open(connection, "lists_calls")


def may_list_agents(connection: Connection) -> bool:
    """The same for its agents and their prompts."""
    return _is_open(connection, "lists_agents")


def _is_open(connection: Connection, ability: str) -> bool:
    try:
        api = _api_of(connection)
        api.authorise(access.credentials_of(connection))
    except AskFailed:
        return False
    return bool(getattr(api, ability))


def _api_of(connection: Connection) -> PlatformApi:
    api = registry.provider_for(connection.platform).api
    if api is None:
        raise AskFailed("no_api")
    return api


def note_question(*, actor: Actor, connection_id: UUID, code: str, until: datetime | None = None) -> Connection:
    """Whether the platform answered: `code` is empty, or why it did not. Only a change is an entry.

    `until`: the calls that began before have been looked through.
    """
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        before, connection.last_poll_code, connection.last_poll_at = connection.last_poll_code, code, timezone.now()
        if until is not None and (connection.polled_until is None or until > connection.polled_until):
            connection.polled_until = until
        connection.save(update_fields=["last_poll_code", "last_poll_at", "polled_until"])
        if before != code:
            event = events.QUESTION_FAILED if code else events.QUESTION_ANSWERED
            note(actor, event, "connection", connection.id, what={"code": code or None, "before": before or None})
            if code:
                _log.error("platform refuses our questions", connection=str(connection.id), code=code)
    return connection


def note_pulled_agent(*, actor: Actor, connection_id: UUID, told: AgentFacts) -> Agent:
    """An agent as its platform keeps it. What an officer wrote stays: name and languages fill gaps only."""
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        known = ensure_agent(actor=actor, connection_id=connection_id, external_id=told.external_id)
        rows = Agent.objects.for_organisation(actor.organisation_id).select_for_update(of=("self",), no_key=True)
        agent: Agent = rows.get(id=known.id)
        before = (agent.name, agent.version, agent.languages)
        agent.name = agent.name or told.name[:200]
        agent.version = told.version[:80] or agent.version
        agent.languages = agent.languages or [tag for tag in told.languages if _TAG.fullmatch(tag)][:MAX_LIST]
        agent.prompt_pulled_at = timezone.now()
        agent.save(update_fields=["name", "version", "languages", "prompt_pulled_at"])
        if before != (agent.name, agent.version, agent.languages):
            what: dict[str, str | int | bool | None] = {"field": "pulled", "languages": len(agent.languages)}
            note(actor, events.AGENT_CHANGED, "agent", agent.id, what=what, name=agent.name, version=agent.version)
    return agent

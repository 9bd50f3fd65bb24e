"""Agents and their prompts, as their platform keeps them now; each new text goes to the disclosure audit."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.connectors import access as connectors
from compliance.connectors.operations import asking
from compliance.connectors.providers.questions import AgentFacts, AgentPage, AskFailed
from compliance.disclosure.operations import prompts
from compliance.errors import Invalid, NotFound, Refusal
from compliance.intake import events

_MAX_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull brought. `code` and `wait` as in `pulling.Turn`; empty where all agents were read."""

    agents: int = 0
    new_prompts: int = 0
    failed: int = 0
    code: str = ""
    wait: float | None = None
    is_retryable: bool = False


def ask_for_agents(*, actor: Actor, connection_id: UUID) -> None:
    """Have a connection's agents and their prompts pulled now. Raises Invalid, NotFound."""
    rights.require(actor, "connectors.pull")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        connection = connectors.connections_of(organisation_id).filter(id=connection_id).first()
        if connection is None:
            raise NotFound()
        if not asking.may_list_agents(connection):
            text = "This platform lists no agents, or the connection has no credentials for its API."
            raise Invalid("The agents of this connection cannot be asked for", errors={"connection_id": [text]})
        _note(actor, events.AGENTS_ASKED_FOR, connection_id)
        jobs.enqueue_on_commit("intake.pull_agents", organisation_id=organisation_id, object_id=connection_id)


def ask_for_all_agents(*, actor: Actor) -> int:
    """The same for every connection of an organisation that can be asked, once a day; how many."""
    rights.require(actor, "connectors.pull")
    with tenancy.scope(actor.organisation_id):
        active = connectors.connections_of(actor.organisation_id).filter(state="active").order_by("id")
        wanted = [one.id for one in active if asking.may_list_agents(one)]
    for connection_id in wanted:
        ask_for_agents(actor=actor, connection_id=connection_id)
    return len(wanted)


def pull_agents(*, actor: Actor, connection_id: UUID) -> Pulled:
    """Read every agent of a connection. Must be called outside a transaction; may run twice: the same text is one
    version.
    """
    rights.require(actor, "disclosure.submit_prompt")
    pulled, cursor, code, error = Pulled(), None, "", None
    try:
        for _ in range(_MAX_PAGES):
            page = _page(actor, connection_id, cursor)
            pulled = _take_in(actor, connection_id, page, pulled)
            if page.next_cursor is None or page.next_cursor == cursor:
                break
            cursor = page.next_cursor
    except AskFailed as refused:
        code, error = refused.code, refused
    pulled = Pulled(
        pulled.agents,
        pulled.new_prompts,
        pulled.failed,
        code,
        error.retry_after if error else None,
        bool(error and error.is_retryable),
    )
    with tenancy.operation(actor):
        asking.note_question(actor=actor, connection_id=connection_id, code=code)
        counts = {"agents": pulled.agents, "new_prompts": pulled.new_prompts, "failed": pulled.failed}
        _note(
            actor, events.AGENTS_PULLED, connection_id, outcome="failed" if code else "ok", code=code or None, **counts
        )
    return pulled


def _page(actor: Actor, connection_id: UUID, cursor: str | None) -> AgentPage:
    return asking.ask_patiently(
        actor.organisation_id,
        connection_id,
        lambda api, credentials: api.list_agents(credentials, cursor),
        lambda api, answer: api.read_agents(answer, cursor),
    )


def _take_in(actor: Actor, connection_id: UUID, page: AgentPage, so_far: Pulled) -> Pulled:
    agents, new, failed = so_far.agents, so_far.new_prompts, so_far.failed + page.unreadable
    for told in page.agents:
        try:
            new += _take_in_one(actor, connection_id, told)
            agents += 1
        except Refusal as refusal:
            if refusal.status >= 500:
                raise
            failed += 1
    return Pulled(agents, new, failed)


def _take_in_one(actor: Actor, connection_id: UUID, told: AgentFacts) -> int:
    """One agent; 1 where its words were new."""
    if not told.external_id.strip() or len(told.external_id) > 200:
        raise Invalid("An agent without a usable id")
    agent = asking.note_pulled_agent(actor=actor, connection_id=connection_id, told=told)
    if not told.prompt.strip():
        return 0
    submitted = prompts.submit_prompt(actor=actor, agent=agent.id, text=told.prompt, agent_version=told.version)
    return int(submitted.is_new)


def _note(
    actor: Actor, event: str, connection_id: UUID, *, outcome: str = "ok", **what: str | int | bool | None
) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("connection", connection_id),
        cls=log.EntryClass.CHANGE,
        outcome=outcome,
        what=what,
    )

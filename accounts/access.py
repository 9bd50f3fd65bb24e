"""Who may do what: the only place that knows roles and scopes."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.actors import Actor, ActorKind, Role
from accounts.errors import NotAllowed

_EVERYONE = frozenset(role for role in Role if role is not Role.ROBOT)
_OWNER = frozenset({Role.OWNER})
_OFFICERS = frozenset({Role.OWNER, Role.OFFICER})
_DECIDERS = frozenset({Role.OWNER, Role.OFFICER, Role.REVIEWER})
_READERS = _DECIDERS | {Role.AUDITOR}
_BUILDERS = _OFFICERS | {Role.ENGINEER}


@dataclass(frozen=True, slots=True)
class _Right:
    roles: frozenset[Role]
    scope: str | None = None  # what an API key needs; None: not by key


RIGHTS: dict[str, _Right] = {
    "accounts.manage_members": _Right(_OWNER),
    "accounts.manage_keys": _Right(_OWNER),
    "accounts.read_members": _Right(_OFFICERS | {Role.AUDITOR}),
    "accounts.read_keys": _Right(_OFFICERS | {Role.AUDITOR}),
    "connectors.read": _Right(_READERS | {Role.ENGINEER}, "connections:read"),
    "connectors.manage": _Right(_OFFICERS, "connections:write"),
    "connectors.manage_agents": _Right(_BUILDERS, "agents:write"),
    "connectors.pull": _Right(_OFFICERS, "connections:write"),
    "outlet.read": _Right(_READERS | {Role.ENGINEER}, "webhooks:read"),
    "outlet.manage": _Right(_OFFICERS, "webhooks:write"),
    "intake.read": _Right(_READERS, "calls:read"),
    "intake.replay": _Right(_OFFICERS),
    "intake.import": _Right(_OFFICERS, "calls:write"),
    "intake.accept_gap": _Right(_OFFICERS),
    "recordings.read": _Right(_READERS, "calls:read"),
    "recordings.open_content": _Right(_DECIDERS, "calls:content"),
    "recordings.search_transcripts": _Right(_DECIDERS, "calls:content"),
    "recordings.register": _Right(_OFFICERS, "calls:write"),
    "recordings.describe": _Right(_OFFICERS, "calls:write"),
    "recordings.download_batch": _Right(_OFFICERS, "calls:content"),
    "recordings.propose_outside_check": _Right(_OWNER),
    "recordings.approve_outside_check": _Right(_OWNER),
    "retention.read": _Right(_READERS, "calls:read"),
    "retention.set_schedule": _Right(_OFFICERS),
    "retention.approve_schedule": _Right(_DECIDERS),
    "retention.approve_run": _Right(_DECIDERS),
    "retention.handle_task": _Right(_OFFICERS),
    "retention.propose_disposal": _Right(_OFFICERS),
    "retention.approve_disposal": _Right(_DECIDERS),
    "retention.place_hold": _Right(_OFFICERS, "holds:write"),
    "retention.propose_release": _Right(_OFFICERS),
    "retention.approve_release": _Right(_DECIDERS),
    "retention.dispose": _Right(frozenset()),
    "vault.rotate_keys": _Right(frozenset()),
    "reconciliation.read": _Right(_READERS, "calls:read"),
    "reconciliation.run": _Right(_OFFICERS),
    "reconciliation.propose_repair": _Right(_OFFICERS),
    "reconciliation.approve_repair": _Right(_DECIDERS),
    "disclosure.check": _Right(_EVERYONE, "disclosure:check"),
    "disclosure.read": _Right(_EVERYONE, "agents:read"),
    "disclosure.submit_prompt": _Right(_BUILDERS, "agents:write"),
    "disclosure.resolve_finding": _Right(_BUILDERS),
    "disclosure.assign_finding": _Right(_BUILDERS),
    "disclosure.propose_waiver": _Right(_BUILDERS),
    "disclosure.approve_waiver": _Right(_DECIDERS),
    "disclosure.expire_waivers": _Right(frozenset()),
    "disclosure.set_override": _Right(_OFFICERS),
    "disclosure.approve_override": _Right(_DECIDERS),
    "dsr.read": _Right(_READERS, "requests:read"),
    "dsr.receive": _Right(_OFFICERS, "requests:write"),
    "dsr.handle": _Right(_OFFICERS, "requests:write"),
    "dsr.approve": _Right(_DECIDERS),
    "dsr.read_outbox": _Right(_OFFICERS),
    "log.read": _Right(_OFFICERS | {Role.AUDITOR}, "log:read"),
    "vault.read": _Right(_READERS),
}

SCOPES: frozenset[str] = frozenset(right.scope for right in RIGHTS.values() if right.scope)
"""Every scope that an API key can carry."""

_BY_CONNECTION = frozenset({"recordings.register", "disclosure.submit_prompt"})
_NEVER_ALONE = frozenset(right for right in RIGHTS if right == "dsr.approve" or ".approve_" in right)


def roles_that_may(action: str) -> frozenset[Role]:
    """The roles of the people who may do this."""
    return RIGHTS[action].roles


def may(actor: Actor, action: str) -> bool:
    """Whether this actor may do this. An action that is not in the table is a bug, not a no."""
    right = RIGHTS[action]
    match actor.kind:
        case ActorKind.PERSON:
            return actor.role in right.roles
        case ActorKind.API_KEY:
            return right.scope is not None and right.scope in actor.scopes
        case ActorKind.SCHEDULER | ActorKind.SYSTEM:
            return action not in _NEVER_ALONE
        case ActorKind.CONNECTION:
            return action in _BY_CONNECTION
        case ActorKind.SUBJECT:
            return False


def require(actor: Actor, action: str) -> None:
    """Raise NotAllowed unless the actor may do this."""
    if not may(actor, action):
        raise NotAllowed(f"{actor.role.value if actor.role else actor.kind.value} may not {action}")

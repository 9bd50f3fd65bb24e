"""Prompts of agents: every text that an agent was given is a version, sealed under a key of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from audit.ids import uuid7
from compliance import jobs
from compliance.connectors import access as agents
from compliance.connectors import operations as registry
from compliance.disclosure import access as doors
from compliance.disclosure import events, submissions
from compliance.disclosure.models import PromptTerm, PromptVersion
from compliance.disclosure.submissions import Context, Submission
from compliance.errors import NotFound
from compliance.vault import store


@dataclass(frozen=True, slots=True)
class Submitted:
    """The version that stands for a text; `is_new` where this text, with its language and places, was not known yet."""

    prompt: PromptVersion
    is_new: bool


def submit_prompt(
    *,
    actor: Actor,
    agent: UUID | str,
    text: str,
    language: str | None = None,
    jurisdictions: Sequence[str] | None = None,
    agent_version: str = "",
) -> Submitted:
    """Register the prompt that an agent has from now on, and ask for its judgement.

    `agent` is our id or the platform's; an unknown platform id registers the agent. Language and places left out are
    the agent's own. The same text again is the same version. `agent_version` is the platform's word for what it had
    when this text was read there. Raises Invalid, NotFound, Conflict.
    """
    access.require(actor, "disclosure.submit_prompt")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        known = _agent(actor, agent)
        spoken = submissions.only_language(known.languages) if language is None else language
        context = Context.read(spoken, known.jurisdictions if jurisdictions is None else jurisdictions)
        submission = Submission(text, context)
        digest = store.fingerprint(organisation_id, "prompt", submission.identity)
        found = doors.prompts(organisation_id).filter(agent_id=known.id, digest=digest).first()
        if found is not None and not _is_superseded(found):
            return Submitted(found, False)
        prompt = _put_back(actor, found) if found else _new_version(actor, known.id, submission, digest)
        _begin_term(prompt, agent_version)
        jobs.enqueue_on_commit("disclosure.audit_prompt", organisation_id=organisation_id, object_id=prompt.id)
    return Submitted(prompt, found is None)


def _agent(actor: Actor, reference: UUID | str) -> Any:
    """The agent, its row locked: it puts submissions in order, or two at once would both be version 7."""
    organisation_id = actor.organisation_id
    try:
        agent = agents.agent_named(organisation_id, reference)
    except NotFound:
        if _is_uuid(reference):
            raise
        agent = registry.register_agent(actor=actor, external_id=str(reference))
    return agents.agents_of(organisation_id).select_for_update(of=("self",), no_key=True).get(id=agent.id)


def _is_uuid(reference: UUID | str) -> bool:
    try:
        UUID(str(reference))
    except ValueError:
        return False
    return True


def _new_version(actor: Actor, agent_id: UUID, submission: Submission, digest: bytes) -> PromptVersion:
    organisation_id, prompt_id = actor.organisation_id, uuid7()
    earlier = doors.prompts(organisation_id).filter(agent_id=agent_id)
    sealed = store.put_inline(
        organisation_id=organisation_id,
        scope=doors.prompt_scope(prompt_id),
        kind=store.ObjectKind.PROMPT,
        plaintext=submission.text.encode(),
        media_type="text/plain; charset=utf-8",
    )
    prompt: PromptVersion = PromptVersion.objects.create(
        id=prompt_id,
        organisation_id=organisation_id,
        agent_id=agent_id,
        number=(earlier.aggregate(Max("number"))["number__max"] or 0) + 1,
        digest=digest,
        object_id=sealed.id,
        language=submission.context.language,
        jurisdictions=list(submission.context.jurisdictions),
        submitted_by=actor.reference,
    )
    _note_submission(actor, prompt, characters=len(submission.text))
    return prompt


def _is_superseded(prompt: PromptVersion) -> bool:
    later = doors.prompts(prompt.organisation_id).filter(agent_id=prompt.agent_id, submitted_at__gt=prompt.submitted_at)
    return later.exists()


def _put_back(actor: Actor, prompt: PromptVersion) -> PromptVersion:
    """An agent got an earlier text again: that version is the one in force."""
    prompt.submitted_at, prompt.submitted_by = timezone.now(), actor.reference
    prompt.save(update_fields=["submitted_at", "submitted_by"])
    _note_submission(actor, prompt)
    return prompt


def _begin_term(prompt: PromptVersion, agent_version: str) -> None:
    """From now on it is the agent's: an earlier text can come back, so one day per version would not tell."""
    PromptTerm.objects.create(
        organisation_id=prompt.organisation_id,
        prompt=prompt,
        agent_id=prompt.agent_id,
        begins_at=prompt.submitted_at,
        agent_version=agent_version[:80],
    )


def _note_submission(actor: Actor, prompt: PromptVersion, **what: int) -> None:
    codes: dict[str, str | int | bool | None] = {
        "agent": str(prompt.agent_id),
        "language": prompt.language.lower(),
        "number": prompt.number,
        "places": len(prompt.jurisdictions),
    }
    log.append(
        actor=actor,
        event=events.PROMPT_SUBMITTED,
        organisation_id=actor.organisation_id,
        obj=("prompt", prompt.id),
        cls=log.EntryClass.CHANGE,
        what=codes | what,
    )


def open_prompt(*, actor: Actor, prompt_id: UUID) -> str:
    """A prompt's words, for its engineers. Raises NotFound, Gone."""
    with tenancy.scope(actor.organisation_id):
        return doors.text_of(doors.prompt_for(actor, prompt_id))

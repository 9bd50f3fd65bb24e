"""Judging in the background."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts import routing
from accounts.actors import Actor
from compliance import jobs
from compliance.disclosure.operations import assigning, auditing, ending, objections, rechecking


@jobs.job("disclosure.audit_prompt")
def audit_prompt(organisation_id: UUID, object_id: UUID) -> None:
    """One prompt version."""
    auditing.audit_prompt(actor=Actor.scheduler(organisation_id), prompt_id=object_id)


@jobs.job("disclosure.audit_call")
def audit_call(organisation_id: UUID, object_id: UUID) -> None:
    """The newest transcript of one call; an erased call, or one without words, is refused and done with."""
    auditing.audit_call(actor=Actor.scheduler(organisation_id), call_id=object_id)
    objections.find_refusals(actor=Actor.scheduler(organisation_id), call_id=object_id)


@jobs.job("disclosure.recheck")
def recheck(organisation_id: UUID, object_id: UUID) -> None:
    """An override changed: what was judged under the one before is judged again."""
    rechecking.recheck(actor=Actor.scheduler(organisation_id))


@jobs.job("disclosure.find_refusals")
def find_refusals(organisation_id: UUID, object_id: UUID) -> None:
    """A recording was stored: was it against the caller's word?"""
    objections.find_refusals(actor=Actor.scheduler(organisation_id), call_id=object_id)


@shared_task(name="disclosure.sweep", ignore_result=True)
def sweep() -> None:
    """Nightly: what the rules, or an agent's language and places, outgrew is judged again."""
    for organisation_id in routing.organisations():
        rechecking.recheck(actor=Actor.scheduler(organisation_id))
        objections.sweep_refusals(actor=Actor.scheduler(organisation_id))
        assigning.release_findings(actor=Actor.scheduler(organisation_id))


@shared_task(name="disclosure.expire_waivers", ignore_result=True)
def expire_waivers() -> None:
    """Hourly: what was lived with until yesterday is open again."""
    for organisation_id in routing.organisations():
        ending.expire_waivers(actor=Actor.scheduler(organisation_id))

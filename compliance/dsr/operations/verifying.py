"""Is it really the person? By a one-time code to a recorded address, or on an officer's word. Until then a request
changes nothing else.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.dsr import access as requests
from compliance.dsr import events, notices
from compliance.dsr.models import ClaimedIdentity, SubjectRequest, VerificationCode
from compliance.dsr.operations import telling
from compliance.dsr.states import Reason, State
from compliance.errors import Conflict, Invalid, NotFound
from compliance.recordings import people
from compliance.recordings.identifiers import IdentifierKind
from compliance.vault import store

CODE_LIFETIME = timedelta(minutes=30)
MAX_TRIES = 5
MAX_CODES_A_DAY = 5
_CODE_DIGITS = 8


class CodeRefused(Invalid):
    """Wrong, used up or too late: one answer for all."""

    code = "code_refused"
    status = 400
    title = "This code is not valid"


def send_code(*, actor: Actor, request_id: UUID, claim_id: UUID) -> VerificationCode:
    """Send a code to a claimed e-mail address that the register knows. A claim nobody recorded cannot prove
    anything.
    """
    access.require(actor, "dsr.handle")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id, lock=True)
        requests.require_state(request, State.OPEN, State.IN_PROGRESS)
        code = new_code(actor, request, _claim(request, claim_id))
        if request.state == State.OPEN:
            _move(actor, request, State.IN_PROGRESS, Reason.NEED_USER_VERIFICATION)
    return code


def verify_identity(*, actor: Actor, request_id: UUID, code: str) -> SubjectRequest:
    """Check a code. A wrong one costs a try and is an entry; a right one proves the claim and starts the search."""
    access.require(actor, "dsr.handle")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id, lock=True)
        requests.require_state(request, State.OPEN, State.IN_PROGRESS)
        found = use_code(request, code)
        if found is not None:
            _verified(actor, request, "one_time_code", [found.claim])
            return request
        note_refusal(actor, request)
    raise CodeRefused()


def verify_by_officer(*, actor: Actor, request_id: UUID, evidence: str) -> SubjectRequest:
    """An officer vouches for the identity and says how they know; the words are kept as a disclosure only."""
    access.require(actor, "dsr.handle")
    if not 10 <= len(evidence.strip()) <= 2000:
        raise Invalid("Say how you know the person", errors={"evidence": ["10 to 2000 characters."]})
    if actor.role is None or actor.scopes:
        raise Conflict("Only a person can vouch for a person", code="person_needed")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id, lock=True)
        requests.require_state(request, State.OPEN, State.IN_PROGRESS)
        _verified(actor, request, "officer", requests.claims_of(request), evidence=evidence)
    return request


def new_code(actor: Actor, request: SubjectRequest, claim: ClaimedIdentity) -> VerificationCode:
    """Make a code and queue its letter, in the current transaction. Conflict where the claim cannot be proven like
    this.

    A claim that was proven once stays good for the package, though the register has forgotten the person since.
    """
    organisation_id = request.organisation_id
    if claim.verified_at is None and not _is_recorded(claim):
        raise Conflict("The register does not know this address, so it proves nothing", code="claim_not_recorded")
    since = timezone.now() - timedelta(days=1)
    codes = VerificationCode.objects.for_organisation(organisation_id)
    if codes.filter(claim__request=request, sent_at__gt=since).count() >= MAX_CODES_A_DAY:
        raise Conflict("Too many codes for this request today", code="too_many_codes")
    text = f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}d}"
    code = VerificationCode(organisation_id=organisation_id, claim=claim, expires_at=timezone.now() + CODE_LIFETIME)
    code.digest = _digest(code, text)
    code.save(force_insert=True)
    log.append(
        actor=actor,
        event=events.CODE_SENT,
        organisation_id=organisation_id,
        obj=("request", request.id),
        cls=log.EntryClass.AUTH,
        what={"claim": str(claim.id), "kind": claim.kind},
    )
    notices.queue(actor, request, notices.one_time_code(request, requests.value_of(claim), text, code.expires_at))
    return code


def _verified(
    actor: Actor, request: SubjectRequest, how: str, claims: list[ClaimedIdentity], *, evidence: str = ""
) -> None:
    now = timezone.now()
    for claim in claims:
        claim.verified_at = now
        claim.save(update_fields=["verified_at"])
    request.verified_at = request.verified_at or now
    request.verified_by = how
    _move(actor, request, State.IN_PROGRESS, None)
    log.append(
        actor=actor,
        event=events.IDENTITY_VERIFIED,
        organisation_id=actor.organisation_id,
        obj=("request", request.id),
        cls=log.EntryClass.DECISION,
        what={"how": how, "claims": len(claims)},
        identifying={"evidence": evidence} if evidence else None,
    )
    jobs.enqueue_on_commit("dsr.locate_calls", organisation_id=actor.organisation_id, object_id=request.id)


def _move(actor: Actor, request: SubjectRequest, state: State, reason: Reason | None) -> None:
    before = request.state
    request.state = state.value
    request.reason = reason.value if reason else ""
    request.save(update_fields=["state", "reason", "verified_at", "verified_by"])
    telling.tell_state(actor, request, before)


def _claim(request: SubjectRequest, claim_id: UUID) -> ClaimedIdentity:
    claims = ClaimedIdentity.objects.for_organisation(request.organisation_id).filter(request=request)
    claim = claims.filter(id=claim_id).first()
    if claim is None:
        raise NotFound()
    if claim.kind != IdentifierKind.EMAIL:
        raise Conflict("A code can be sent to an e-mail address only", code="claim_not_reachable")
    return claim


def _is_recorded(claim: ClaimedIdentity) -> bool:
    known = people.Claim(IdentifierKind(claim.kind), requests.value_of(claim))
    return bool(people.subjects_matching(claim.organisation_id, [known]))


def use_code(request: SubjectRequest, text: str) -> VerificationCode | None:
    """The code that this text answers, now used up. Every code that is still good pays a try, whatever the answer."""
    codes = VerificationCode.objects.for_organisation(request.organisation_id).select_related("claim")
    good = codes.filter(claim__request=request, used_at=None, expires_at__gt=timezone.now(), tries__lt=MAX_TRIES)
    found = None
    for code in good.select_for_update(of=("self",)):
        code.tries += 1
        code.save(update_fields=["tries"])
        if hmac.compare_digest(bytes(code.digest), _digest(code, text.strip())):
            found = code
    if found is not None:
        found.used_at = timezone.now()
        found.save(update_fields=["used_at"])
    return found


def _digest(code: VerificationCode, text: str) -> bytes:
    return store.fingerprint(code.organisation_id, "dsr.code", f"{code.id}:{text}")


def note_refusal(actor: Actor, request: SubjectRequest) -> None:
    """A wrong code is an entry."""
    log.append(
        actor=actor,
        event=events.CODE_REFUSED,
        organisation_id=actor.organisation_id,
        obj=("request", request.id),
        cls=log.EntryClass.AUTH,
        outcome="denied",
    )

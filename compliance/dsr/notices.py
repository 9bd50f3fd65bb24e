"""Letters to the person: plain words, each date with its rule. Sealed under the request until a mail server accepts
them.

Without a mail server they wait in the outbox, where an officer opens them (an entry) and passes them on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from smtplib import SMTPException
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.dsr import access as requests
from compliance.dsr import events
from compliance.dsr.models import OutboundMail, RequestRight, SubjectRequest
from compliance.dsr.states import Reason
from compliance.errors import NotFound
from compliance.vault import store

_DENIALS = {
    Reason.SUSPECTED_FRAUD: "we have reason to believe that the request does not come from you",
    Reason.INSUF_VERIFICATION: "we could not verify that the request comes from you",
    Reason.NO_MATCH: "we found no recorded call that belongs to you",
    Reason.CLAIM_NOT_COVERED: "the law does not give this right for the data that we hold",
    Reason.OUTSIDE_JURISDICTION: "the law that the request names does not apply here",
    Reason.TOO_MANY_REQUESTS: "we answered the same request a short time ago",
    Reason.OTHER: "of the reason that is given below",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter in clear; only ever sealed at rest."""

    template: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    body: str = field(repr=False)


def acknowledgement(request: SubjectRequest, rights: Sequence[RequestRight]) -> Letter:
    """We have your request, this is its number, and this is when you hear from us."""
    lines = [f"- {right.right}: by {right.respond_by:%d %B %Y}" for right in rights]
    return _letter(
        request,
        "acknowledgement",
        "We have received your request",
        [
            f"we received your request on {request.received_on:%d %B %Y}. You will have our answer:",
            "\n".join(lines),
            "Before we act we have to make sure that the request comes from you; we will contact you about that.",
        ],
    )


def one_time_code(request: SubjectRequest, to: str, code: str, expires_at: datetime) -> Letter:
    """The code, to the recorded address that is to be proven."""
    letter = _letter(
        request,
        "one_time_code",
        "Your code",
        [
            f"your code is: {code}",
            f"It works once, until {expires_at:%H:%M} UTC on {expires_at:%d %B %Y}.",
            "If you did not ask for it, ignore this letter: nothing happens without the code.",
        ],
    )
    return Letter(letter.template, to, letter.subject, letter.body)


def package_ready(request: SubjectRequest, url: str, expires_at: datetime) -> Letter:
    """Where the copy can be fetched; the link alone does not open it."""
    return _letter(
        request,
        "package_ready",
        "Your data is ready",
        [
            f"your recorded calls, what was said in them, and an explanation are ready at:\n{url}",
            f"The page asks for a code that we send to you again. It is open until {expires_at:%d %B %Y}.",
        ],
    )


def erasure_answer(request: SubjectRequest, *, erased: int, awaiting: int, kept: Sequence[str]) -> Letter:
    """What was erased, what is not proven yet, and what stays and why."""
    parts = [f"we erased {erased} items of your recorded calls. A certificate that anybody can check is kept for you."]
    if awaiting:
        parts.append(
            f"{awaiting} items are erased with us, but the platform that made the call has not yet confirmed its own "
            "copy. We go on asking and write again when it is proven."
        )
    if kept:
        parts.append("We keep, and have to tell you why:\n" + "\n".join(f"- {reason}" for reason in kept))
        parts.append("You may complain to your supervisory authority or go to court (GDPR Art. 12(4)).")
    return _letter(
        request, "erasure_answer", "Your data was erased" if not (awaiting or kept) else "About your erasure", parts
    )


def denial(request: SubjectRequest, reason: Reason, explanation: str) -> Letter:
    """No, why, and where to complain."""
    return _letter(
        request,
        "denial",
        "About your request",
        [
            f"we cannot do what you asked, because {_DENIALS[reason]}.",
            explanation,
            "You may complain to your supervisory authority or go to court (GDPR Art. 12(4)).",
        ],
    )


def queue(actor: Actor, request: SubjectRequest, letter: Letter) -> OutboundMail:
    """Seal a letter in the current transaction, to be sent after it. A person without an address gets it by hand, from
    the outbox.
    """
    row = OutboundMail(organisation_id=request.organisation_id, request=request, template=letter.template)
    row.sealed_letter = store.seal_value(
        request.organisation_id, requests.scope_of(request.id), _label(row.id), json.dumps(asdict(letter)).encode()
    )
    row.state = OutboundMail.State.QUEUED if settings.EMAIL_URL and letter.to else OutboundMail.State.OUTBOX
    row.save(force_insert=True)
    _note(actor, events.LETTER_QUEUED, row, log.EntryClass.CHANGE)
    if row.state == OutboundMail.State.QUEUED:
        jobs.enqueue_on_commit("dsr.send_letter", organisation_id=request.organisation_id, object_id=row.id)
    return row


def send(*, actor: Actor, letter_id: UUID) -> None:
    """Hand one letter to the mail server. `sent` is written only after the server accepted it."""
    with tenancy.scope(actor.organisation_id):
        row = _letter_row(actor.organisation_id, letter_id)
        if row.state != OutboundMail.State.QUEUED:
            return
        letter = read(row)
    try:
        with _mail_server() as server:
            accepted = EmailMessage(
                letter.subject, letter.body, settings.DEFAULT_FROM_EMAIL, [letter.to], connection=server
            ).send()
    except (SMTPException, OSError) as error:
        raise jobs.TryLater(f"mail:{type(error).__name__}"[:64]) from error
    with tenancy.operation(actor):
        row = _letter_row(actor.organisation_id, letter_id)
        row.state = OutboundMail.State.SENT if accepted else OutboundMail.State.FAILED
        row.sent_at = timezone.now()
        row.save(update_fields=["state", "sent_at"])
        _note(actor, events.LETTER_SENT, row, log.EntryClass.CHANGE)


def open_letter(*, actor: Actor, letter_id: UUID) -> Letter:
    """Read a letter of the outbox; that it was read is an entry."""
    access.require(actor, "dsr.read_outbox")
    with tenancy.operation(actor):
        row = _letter_row(actor.organisation_id, letter_id)
        _note(actor, events.LETTER_OPENED, row, log.EntryClass.ACCESS)
        return read(row)


def read(row: OutboundMail) -> Letter:
    """Open a sealed letter. NotFound once it was minimised."""
    if row.sealed_letter is None:
        raise NotFound()
    data = store.open_value(
        row.organisation_id, requests.scope_of(row.request_id), _label(row.id), bytes(row.sealed_letter)
    )
    return Letter(**json.loads(data))


def _letter(request: SubjectRequest, template: str, subject: str, parts: Sequence[str]) -> Letter:
    organisation = requests.organisation_of(request.organisation_id)
    person = requests.person_of(request)
    greeting = f"Dear {person.name}," if person.name else "Hello,"
    ending = f"Your request has the number {request.reference}.\n\n{organisation.name}"
    contact = f"\n{organisation.contact_email}" if organisation.contact_email else ""
    body = "\n\n".join([greeting, *parts, ending + contact])
    return Letter(template, person.email, f"{subject} ({request.reference})", body)


def _letter_row(organisation_id: UUID, letter_id: UUID) -> OutboundMail:
    row = OutboundMail.objects.for_organisation(organisation_id).filter(id=letter_id).first()
    if row is None:
        raise NotFound()
    return row


def _mail_server() -> Any:
    parts = urlsplit(settings.EMAIL_URL)
    return get_connection(
        settings.EMAIL_BACKEND,
        host=parts.hostname,
        port=parts.port,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_tls=parts.scheme == "smtp+tls",
        use_ssl=parts.scheme == "smtps",
        timeout=20,
    )


def _label(letter_id: UUID) -> str:
    return f"dsr_outboundmail.letter/{letter_id}"


def _note(actor: Actor, event: str, row: OutboundMail, cls: log.EntryClass) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=row.organisation_id,
        obj=("letter", row.id),
        cls=cls,
        what={"request": str(row.request_id), "template": row.template, "state": row.state},
    )

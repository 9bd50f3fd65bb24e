"""What stands on a request's page: dates and why, identities, plan, packages, certificates, letters."""

from __future__ import annotations

from datetime import date

from django.http import HttpRequest
from django.urls import reverse

from accounts import access as rights
from accounts import pages
from accounts.console import actor_of, signed
from accounts.pages import Facts, Part, Table
from compliance import law
from compliance.dsr import access
from compliance.dsr.models import SubjectRequest
from compliance.dsr.states import GROUNDS, Decision, Ground, State

STATES = {
    State.OPEN: pages.WAITING,
    State.IN_PROGRESS: pages.PLAIN,
    State.FULFILLED: pages.GOOD,
    State.DENIED: pages.QUIET,
    State.REVOKED: pages.QUIET,
    State.EXPIRED: pages.BAD,
}
_DECISIONS = {Decision.FULFIL: pages.GOOD, Decision.REDACT: pages.WAITING, Decision.KEEP: pages.PLAIN}
_RESULTS = {"delivered": pages.GOOD, "erased": pages.GOOD, "kept": pages.PLAIN, "awaiting_platform": pages.WAITING}
OPEN = frozenset({State.OPEN.value, State.IN_PROGRESS.value})


def parts_of(request: HttpRequest, row: SubjectRequest, today: date) -> list[Part]:
    """The whole page of a request."""
    asked = {right.right for right in access.rights_of(row)}
    parts: list[Part] = [facts(request, row), dates(row, today), identities(row), plan(row)]
    if law.Right.ACCESS in asked:
        parts.append(packages(row))
    if law.Right.ERASURE in asked:
        parts.append(certificates(row))
    if rights.may(actor_of(request), "dsr.read_outbox"):
        parts.append(letters(row))
    return parts


def next_step(row: SubjectRequest) -> str:
    """What the request waits for."""
    if row.state not in OPEN:
        return pages.NOTHING
    if row.verified_at is None:
        return "the person's code" if row.reason else "verification"
    if row.located_at is None:
        return "finding the calls"
    if row.proposed_at is None:
        return "a proposed plan"
    return "a second person" if row.approved_at is None else "carrying out"


def facts(request: HttpRequest, row: SubjectRequest) -> Facts:
    return Facts(
        "Request",
        [
            ("State", pages.state(row.state, STATES)),
            ("Reason", pages.words(row.reason)),
            ("Waits for", next_step(row)),
            ("Law", row.regime),
            ("Place of the person", row.place),
            ("Came by", row.get_channel_display()),
            ("Received", pages.moment(row.received_at)),
            ("Identity proven", pages.moment(row.verified_at)),
            ("Proven by", pages.words(row.verified_by)),
            ("Plan proposed", signed(request, row.proposed_at, row.proposed_by)),
            ("Plan approved", signed(request, row.approved_at, row.approved_by)),
            ("Digest of the plan", pages.code(row.plan_digest)),
            ("Fulfilled", pages.moment(row.fulfilled_at)),
            ("File minimised on", pages.day(row.minimise_on)),
        ],
    )


def dates(row: SubjectRequest, today: date) -> Table:
    is_open = row.state in OPEN
    return Table(
        "Dates, and why",
        ["Right", "Acknowledge by", "Answer by", "Extended", "Outcome", "Rule"],
        [
            [
                right.right,
                pages.day(right.acknowledge_by),
                pages.due(right.respond_by, today) if is_open else pages.day(right.respond_by),
                pages.day(right.extended_respond_by),
                pages.words(right.outcome),
                pages.lines(right.explanation),
            ]
            for right in access.rights_of(row)
        ],
    )


def identities(row: SubjectRequest) -> Table:
    return Table(
        "Identities that the person named",
        ["Identity", "State", "Proven"],
        [
            [
                pages.beside(pages.words(claim.kind), pages.short(claim.id)),
                pages.badge("proven", pages.GOOD) if claim.verified_at else pages.badge("not proven", pages.WAITING),
                pages.moment(claim.verified_at),
            ]
            for claim in access.claims_of(row)
        ],
        "The values are sealed under the request's key and found by fingerprint.",
    )


def plan(row: SubjectRequest) -> Table:
    empty = "The calls are not located yet." if row.located_at is None else "The search found nothing."
    return Table(
        "Plan",
        ["Call", "Artifact", "Right", "Found by", "Decision", "Ground", "Result"],
        [
            [
                pages.to("recordings_call", item.call_id, item.call.external_id or pages.short(item.call_id)),
                pages.to("recordings_artifact", item.artifact_id, pages.words(item.artifact.kind)),
                item.right,
                pages.listed(map(pages.words, item.matched_by)),
                pages.state(item.decision, _DECISIONS),
                _ground(item.ground),
                pages.state(item.result, _RESULTS),
            ]
            for item in access.plan_of(row)
        ],
        "What happens with each artifact. One person proposes it, another approves exactly this.",
        empty,
    )


def packages(row: SubjectRequest) -> Table:
    return Table(
        "Access packages",
        ["Built", "Size", "Open until", "Downloads", "SHA-256"],
        [
            [
                pages.moment(package.created_at),
                pages.size(package.artifact.size),
                pages.moment(package.expires_at),
                package.downloads,
                pages.code(package.sha256),
            ]
            for package in access.packages_of(row)
        ],
        empty="None was built.",
    )


def certificates(row: SubjectRequest) -> Table:
    return Table(
        "Certificates of erasure",
        ["Number", "Issued", "State", "Download", "SHA-256"],
        [
            [
                one.number,
                pages.moment(one.issued_at),
                pages.badge("final", pages.GOOD) if one.is_final else pages.badge("something is open", pages.WAITING),
                pages.beside(
                    *(
                        _certificate_link(row, one.number, form)
                        for form in ("json", "pdf")
                        if form == "json" or one.pdf_id
                    )
                ),
                pages.code(one.sha256),
            ]
            for one in access.certificates_of(row)
        ],
        "Anybody can check the JSON with “python -m audit.verify”. Each download is an entry in the log.",
        "None was issued.",
    )


def letters(row: SubjectRequest) -> Table:
    return Table(
        "Letters",
        ["Letter", "State", "Written", "Sent"],
        [
            [
                pages.to("dsr_outboundmail", letter.id, pages.words(letter.template)),
                letter.get_state_display(),
                pages.moment(letter.created_at),
                pages.moment(letter.sent_at),
            ]
            for letter in access.letters_of(row)
        ],
        empty="None was written.",
    )


def _ground(ground: str) -> str:
    if not ground:
        return ""
    rule = GROUNDS[Ground(ground)]
    return f"{rule.text} ({rule.article})"


def _certificate_link(row: SubjectRequest, number: int, form: str) -> object:
    return pages.link(form.upper(), reverse("admin:dsr_subjectrequest_certificate", args=[row.id, number, form]))

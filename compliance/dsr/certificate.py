"""The erasure certificate: what was erased, where it lay, how its absence was proven, and what is not proven yet.

A signed statement (`audit.tlog.statement`) with an inclusion proof for every entry it names, so that an outsider checks
it with `python -m audit.verify` and nothing of ours. It names artifacts, hashes and log positions, no person. A PDF
says the same in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log, publish, signing
from audit.tlog import statement
from audit.tlog.leaf import Leaf
from audit.tlog.proof import Proof
from audit.tlog.text import JSON
from compliance import jobs, law
from compliance.dsr import access as requests
from compliance.dsr import events, notices, typesetting
from compliance.dsr.models import Certificate, PlanItem, SubjectRequest
from compliance.errors import NotFound
from compliance.outlet import operations as outlet
from compliance.recordings import access as register
from compliance.retention import disposal
from compliance.vault import store

KIND = "erasure-certificate"
_NOT_SAID = [
    "that the data never lay in a place which the register does not know",
    "that a copy which a recipient made before the erasure is gone",
    "that backups of the key store older than the erasure have already expired",
    "that a backup of both databases, made while a webhook still waited to be read, has already expired",
]

_PASSING = frozenset({"number", "index", "checked_at", "answer"})


@dataclass(frozen=True, slots=True)
class _Issued:
    """A signed certificate before it is kept."""

    number: int
    document: bytes
    pdf: bytes
    is_final: bool


def issue_if_changed(*, actor: Actor, request_id: UUID, is_final: bool, letter: notices.Letter) -> bool:
    """Issue a certificate, and the letter that tells of it, where none says the same already.

    Raises jobs.TryLater until the log covers every entry it names.
    """
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        request = requests.request_of(organisation_id, request_id)
        earlier = requests.certificates_of(request)
        body = _body(request, number=len(earlier) + 1, is_final=is_final)
        if earlier and _says_the_same(earlier[0], body):
            return False
        try:
            proven = publish.prove_entries(organisation_id, _entries_in(body))
        except publish.NotYet as error:
            raise jobs.TryLater("log_not_published", seconds=1) from error
    origin = signing.origin(organisation_id)
    document = statement.issue(
        kind=KIND,
        origin=origin,
        body=_with_positions(body, _positions(proven)),
        signer=signing.load_keys().signers(origin)[0],
        issued_at=timezone.now(),
        entries=proven,
    )
    issued = _Issued(len(earlier) + 1, document, render_pdf(document, verifier_key(organisation_id)), is_final)
    _keep(actor, request_id, issued, letter)
    return True


def open_certificate(*, actor: Actor, request_id: UUID, number: int, as_pdf: bool = False) -> bytes:
    """One certificate's bytes, JSON or PDF; each opening is an entry."""
    access.require(actor, "dsr.read")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id)
        found = next((row for row in requests.certificates_of(request) if row.number == number), None)
        document = (found.pdf if as_pdf else found.statement) if found else None
        if found is None or document is None:
            raise NotFound()
        log.append(
            actor=actor,
            event=events.CERTIFICATE_OPENED,
            organisation_id=actor.organisation_id,
            obj=("certificate", found.id),
            cls=log.EntryClass.ACCESS,
            what={"request": str(request_id), "number": number},
        )
        return store.open_bytes(document)


def verifier_key(organisation_id: UUID) -> str:
    """What an outsider checks with: the log's own key."""
    return signing.verifier_keys(organisation_id)[0].vkey


def render_pdf(document: bytes, vkey: str) -> bytes:
    """The certificate for people: PDF/A-3b, the same bytes for the same statement."""
    found = statement.parse(document)
    facts = {
        "body": found.body,
        "origin": found.origin,
        "vkey": vkey,
        "sha256": hashlib.sha256(document).hexdigest(),
        "issued_at": found.issued_at.isoformat(timespec="seconds"),
        "date": [found.issued_at.year, found.issued_at.month, found.issued_at.day],
        "not_said": _NOT_SAID,
    }
    return typesetting.to_pdf("certificate", facts, issued_at=found.issued_at)


def _body(request: SubjectRequest, *, number: int, is_final: bool) -> dict[str, JSON]:
    items = [item for item in requests.plan_of(request) if item.right == law.Right.ERASURE]
    call_ids = sorted({item.call_id for item in items})
    gone = {row.artifact_id: row for row in disposal.disposals_for(request.organisation_id, call_ids=call_ids)}
    return {
        "certificate": "erasure",
        "number": number,
        "final": is_final,
        "request": {
            "id": str(request.id),
            "regime": request.regime,
            "received_on": request.received_on.isoformat(),
            "approved_at": request.approved_at.isoformat() if request.approved_at else None,
            "plan_sha256": request.plan_digest,
        },
        "artifacts": [_artifact(item, gone.get(item.artifact_id)) for item in items],
        "keys": _keys(request.organisation_id, items),
        "not_said": list(_NOT_SAID),
    }


def _artifact(item: PlanItem, row: Any | None) -> dict[str, JSON]:
    locations = register.locations_of(item.organisation_id, item.artifact_id)
    return {
        "id": str(item.artifact_id),
        "call": str(item.call_id),
        "kind": item.artifact.kind,
        "result": item.result or "kept",
        "ground": item.ground or (row.ground if row else None),
        "sha256": row.sha256 or None if row else None,
        "ciphertext_sha256": row.ciphertext_sha256 or None if row else None,
        "locations": [_location(location) for location in locations],
        "entries": [{"entry": {"id": entry}} for entry in row.entries] if row else [],
    }


def _location(location: Any) -> dict[str, JSON]:
    proof: Mapping[str, Any] = location.proof or {}
    return {
        "place": location.place,
        "name": location.name,
        "state": location.state,
        "how": str(proof.get("how", "store")) if location.state == "confirmed_gone" else None,
        "answer": str(proof["answer"]) if "answer" in proof else None,
        "checked_at": str(proof["checked_at"]) if "checked_at" in proof else None,
        "expected_gone_on": location.expected_gone_on.isoformat() if location.expected_gone_on else None,
    }


def _keys(organisation_id: UUID, items: list[PlanItem]) -> list[JSON]:
    """Keys that ended: of each call that went whole, and of the people themselves."""
    scopes = [store.Scope(store.ScopeKind.CALL, call_id) for call_id in sorted({item.call_id for item in items})]
    scopes += [
        store.Scope(store.ScopeKind.SUBJECT, subject_id) for subject_id in sorted({item.subject_id for item in items})
    ]
    return [
        {
            "scope": ended.scope_kind.name.lower(),
            "of": str(ended.scope_id),
            "id": str(ended.key_id),
            "destroyed_at": ended.destroyed_at.isoformat(),
            "entry": {"id": str(ended.entry_id)},
        }
        for ended in store.destroyed_keys(organisation_id, scopes)
    ]


def _entries_in(value: JSON) -> list[UUID]:
    """Ids of every entry that the body names, in order."""
    found: dict[UUID, None] = {}

    def walk(part: JSON) -> None:
        if isinstance(part, dict):
            entry = part.get("entry")
            if isinstance(entry, dict):
                found[UUID(str(entry["id"]))] = None
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(value)
    return list(found)


def _positions(proven: Sequence[statement.ProvenEntry]) -> dict[str, int]:
    return {str(Leaf.parse(entry.leaf).id): Proof.parse(entry.proof).index for entry in proven}


def _with_positions(value: Any, positions: Mapping[str, int]) -> Any:
    """The body with each entry's index beside its id."""
    if isinstance(value, dict):
        if set(value) == {"id"} and value["id"] in positions:
            return {"id": value["id"], "index": positions[value["id"]]}
        return {name: _with_positions(inner, positions) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_positions(inner, positions) for inner in value]
    return value


def _says_the_same(earlier: Certificate, body: Mapping[str, JSON]) -> bool:
    said = statement.parse(store.open_bytes(earlier.statement)).body
    return bool(_comparable(said) == _comparable(body))


def _comparable(body: Mapping[str, Any]) -> Any:
    """What makes two certificates differ: results and the states of places, not the number, nor when and how a place
    answered last.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(inner) for name, inner in value.items() if name not in _PASSING}
        return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value

    return plain(body)


def _keep(actor: Actor, request_id: UUID, issued: _Issued, letter: notices.Letter) -> None:
    """One transaction: a certificate of which nobody is told, or told twice, would be as good as none."""
    organisation_id, scope = actor.organisation_id, requests.scope_of(request_id)
    with tenancy.operation(actor):
        request = requests.request_of(organisation_id, request_id, lock=True)
        if len(requests.certificates_of(request)) >= issued.number:
            raise jobs.TryLater("issued_meanwhile", seconds=1)
        sealed = [
            store.put_inline(
                organisation_id=organisation_id,
                scope=scope,
                kind=store.ObjectKind.REQUEST,
                plaintext=data,
                media_type=media,
            )
            for data, media in ((issued.document, "application/json"), (issued.pdf, "application/pdf"))
        ]
        row = Certificate.objects.create(
            organisation_id=organisation_id,
            request=request,
            number=issued.number,
            is_final=issued.is_final,
            statement=sealed[0],
            pdf=sealed[1],
            sha256=hashlib.sha256(issued.document).hexdigest(),
        )
        log.append(
            actor=actor,
            event=events.CERTIFICATE_ISSUED,
            organisation_id=organisation_id,
            obj=("certificate", row.id),
            cls=log.EntryClass.DECISION,
            why={"request": str(request_id)},
            what={"sha256": row.sha256, "number": issued.number, "final": issued.is_final},
        )
        told = {"request_id": request_id, "certificate_id": row.id, "number": row.number, "sha256": row.sha256}
        outlet.announce_event(actor=actor, type="erasure.certificate.issued", data=told | {"is_final": row.is_final})
        notices.queue(actor, request, letter)

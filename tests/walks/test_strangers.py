"""Somebody else's ids, at every address of the API; and keys that have ended.

The addresses are read from the service itself, so that a new one is tried as well: without an id for its parameter
this fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import operations as accounts
from accounts import tenancy
from accounts.models import Membership
from compliance import law
from compliance.connectors import access as connectors
from compliance.disclosure.models import DisclosureAudit, Finding
from compliance.disclosure.operations import overrides, waiving
from compliance.disclosure.operations.overrides import NewOverride
from compliance.dsr import access as requests
from compliance.intake import access as intake
from compliance.intake.models import BatchReport, ImportRun
from compliance.outlet import operations as outlet
from compliance.reconciliation.models import Finding as Discrepancy
from compliance.reconciliation.models import Run as ReconciliationRun
from compliance.reconciliation.rules.kinds import Dismissal, Kind
from compliance.recordings import access as register
from compliance.recordings.call_filters import CallFilter
from compliance.recordings.operations import downloads, links, outside_checks
from compliance.retention import operations as retention
from compliance.retention import rules
from compliance.retention.models import (
    DisposalProposal,
    RetentionReview,
    RetentionRun,
    RetentionSchedule,
    UpstreamTask,
)
from compliance.retention.operations import proposals
from tests import conftest
from tests.cast import ROBOT_SCOPES, Cast, Member
from tests.compliance.dsr import requests as wishes

Address = tuple[str, str]
"""A method and a path whose parameters stand in <>."""

_PARAMETER = re.compile(r"<\w+:(\w+)>")
_METHODS = ("get", "post", "put", "patch", "delete")
_LOGS = {"log_id", "entry_id", "tile"}
"""The log's own addresses have tests of their own, with a log that was published (tests/audit/test_api.py)."""

_SECOND = {"number": "1", "name": "api_key", "key_id": "CR1"}
"""What stands behind the id of something else in an address."""

_PEM = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
WORDS = "words that are long enough to be an explanation"
_NEXT_MONTH = timezone.now().date() + timedelta(days=30)
_OVERRIDE = NewOverride("DE", "notice", purpose=True, reason="counsel")
BODIES: dict[str, dict[str, Any]] = {
    "links": {"purpose": "complaint"},
    "holds": {"matter": "case", "reason": "a claim"},
    "attestation": {"evidence": WORDS},
    "codes": {"claim": str(uuid4())},
    "verification": {"evidence": WORDS},
    "approval": {"plan_digest": "0" * 64},
    "denial": {"reason": "no_match", "explanation": WORDS},
    "<item_id>": {"decision": "keep", "ground": "gdpr_17_3_e"},
    "<reference>": {"name": "renamed"},
    "prompt": {"prompt": "Say that the call is recorded.", "language": "en", "jurisdictions": ["US-CA"]},
    "resolve": {"resolution": "accepted"},
    "reopen": {"reason": "not_fixed"},
    "overrides": {"code": "DE", "class": "notice", "purpose": True, "reason": "counsel"},
    "assignment": {"assignee": None},
    "waiver": {"until": _NEXT_MONTH.isoformat(), "ground": "fix_under_way", "note": WORDS},
    "accept-gap": {"reason": "erased"},
    "extension": {"days": 3, "reason": WORDS},
    "dismiss": {"code": next(iter(Dismissal)).value},
    "dismissal": {"code": next(iter(proposals.DISMISSALS))},
    "labels": {"labels": ["x"]},
    "places": {"places": []},
    "calls": {"calls": [str(uuid4())]},
    "webhook-secret": {"value": "x" * 40},
    "redeliver": {"endpoint_id": str(uuid4())},
    "redeliver-failed": {"since": "2026-11-01T00:00:00Z"},
    "<name>": {"value": "x" * 40},
    "<key_id>": {"private_key_pem": _PEM},
}
"""Bodies that would be taken, by the last part of the address."""


def _addresses(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[Address]:
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _addresses(entry, path)
        elif path.startswith("/api/v1/"):
            view = getattr(entry.callback, "view_class", None) or getattr(entry.callback, "cls", None)
            yield from ((method, path) for method in _METHODS if hasattr(view, method))


ALL = sorted(_addresses())
WITH_IDS = [address for address in ALL if (found := set(_PARAMETER.findall(address[1]))) and not found & _LOGS]


@pytest.fixture
def ids(cast: Cast, arrived: Callable[..., Any], jobs: conftest.Jobs) -> dict[str, Any]:
    """One of everything of Harbor's, by the names of the parameters."""
    call_id, organisation_id = arrived("02", "01")["01"], cast.organisation_id
    request = wishes.receive(cast, law.Right.ACCESS, law.Right.ERASURE)
    wishes.verify(cast, request)
    jobs.drain()
    hold = retention.place_hold(actor=cast.officer.actor, matter="case", reason="a claim", call_ids=[call_id])
    with tenancy.scope(organisation_id):
        recording = register.recording_of(organisation_id, call_id)
        assert recording is not None
        artifact_id = recording.id
        link = links.issue_playback_link(actor=cast.officer.actor, artifact_id=artifact_id, purpose="complaint").link
        return {
            "reference": [call_id, *connectors.agents_of(organisation_id).values_list("id", flat=True)],
            "artifact_id": [artifact_id],
            "link_id": [link.id],
            "hold_id": [hold.id],
            "location_id": [register.locations_of(organisation_id, artifact_id)[0].id],
            "request_id": [request.id],
            "item_id": [requests.plan_of(request)[0].id],
            "letter_id": [requests.letters_of(request)[0].id],
            "connection_id": [connectors.connections_of(organisation_id)[0].id],
            "delivery_id": [intake.deliveries(organisation_id)[0].id],
            "audit_id": [DisclosureAudit.objects.for_organisation(organisation_id)[0].id],
            "finding_id": [Finding.objects.for_organisation(organisation_id)[0].id, *_reconciled(cast)],
            "waiver_id": [_waived(cast)],
            "override_id": [overrides.set_override(actor=cast.officer.actor, new=_OVERRIDE).id],
            "number": [1],
        } | _of_the_register(cast, call_id, artifact_id)


def _waived(cast: Cast) -> UUID:
    """A waiver that waits for its second person."""
    finding = Finding.objects.for_organisation(cast.organisation_id)[0]
    return waiving.propose_waiver(
        actor=cast.officer.actor, finding_id=finding.id, until=_NEXT_MONTH, ground="fix_under_way", note=WORDS
    ).id


def _reconciled(cast: Cast) -> list[UUID]:
    with tenancy.scope(cast.organisation_id):
        found = Discrepancy.objects.create(
            organisation_id=cast.organisation_id, kind=Kind.COUNT_GAP.value, thing="intake_batchreport/1"
        )
    return [found.id]


def _of_the_register(cast: Cast, call_id: UUID, artifact_id: UUID) -> dict[str, Any]:
    """What polls, runs, tasks and proposals leave."""
    organisation_id, officer, today = cast.organisation_id, cast.officer.actor, timezone.now().date()
    connection = connectors.connections_of(organisation_id)[0]
    location = register.locations_of(organisation_id, artifact_id)[0]
    report = BatchReport.objects.create(
        organisation_id=organisation_id, connection=connection, batch_id="b", outcome="completed", state="gap"
    )
    pulled = ImportRun.objects.create(
        organisation_id=organisation_id, connection=connection, kind="history", started_by=officer.reference
    )
    run = RetentionRun.objects.create(organisation_id=organisation_id, on=today, schedule=0, state="stopped")
    review = RetentionReview.objects.create(
        organisation_id=organisation_id, artifact_id=artifact_id, code="review", rule="r", due_on=today
    )
    task = UpstreamTask.objects.create(
        organisation_id=organisation_id, location=location, platform="dialgen", due_on=today
    )
    proposal = DisposalProposal.objects.create(
        organisation_id=organisation_id, call_id=call_id, ground="objection", cause=uuid4()
    )
    RetentionSchedule.objects.create(
        organisation_id=organisation_id,
        version=7,
        state="proposed",
        created_by=officer.reference,
        document=rules.to_document(rules.DEFAULT_SCHEDULE),
    )
    compared = ReconciliationRun.objects.create(
        organisation_id=organisation_id, started_by=officer.reference, guard_hours=24, state="finished"
    )
    download = downloads.start_download(actor=officer, purpose="complaint", calls=CallFilter())
    outside = outside_checks.propose_outside_check(actor=cast.owner.actor, purpose="x", artifact_ids=[artifact_id])
    listening = outlet.NewEndpoint("https://hooks.integrator.example/", ["*"])
    endpoint = outlet.create_endpoint(actor=officer, new=listening).endpoint
    message = outlet.send_test_event(actor=officer, endpoint_id=endpoint.id)
    return {
        "report_id": [report.id],
        "run_id": [pulled.id, run.id, compared.id],
        "review_id": [review.id],
        "task_id": [task.id],
        "proposal_id": [proposal.id],
        "download_id": [download.id],
        "check_id": [outside.id],
        "endpoint_id": [endpoint.id],
        "message_id": [message.id],
        "version": [7],
        "name": ["api_key"],
        "key_id": ["CR1"],
    }


def _filled(path: str, ids: dict[str, Any], one: Callable[[Any], Any]) -> Iterator[str]:
    """The path with each of the ids that its parameter can take."""
    name, *others = _PARAMETER.findall(path)
    assert set(others) <= _SECOND.keys(), path
    for found in ids[name]:
        is_number = isinstance(found, int)
        values = _SECOND | {name: str(one(found)) if not is_number or one is str else "999999"}
        yield _PARAMETER.sub(partial(_value, values), path)


def _value(values: dict[str, str], match: re.Match[str]) -> str:
    return values[match[1]]


def _ask(client: APIClient, method: str, path: str, template: str) -> tuple[int, str]:
    body = BODIES.get(_PARAMETER.sub(r"<\1>", template).rsplit("/", 1)[-1], {})
    answer: Any = client.get(path) if method == "get" else getattr(client, method)(path, body, format="json")
    text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
    return answer.status_code, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)


def test_somebody_elses_ids_are_nobodys(
    cast: Cast, ids: dict[str, Any], outsider_api: APIClient, signed_in: Callable[[Member], APIClient]
) -> None:
    """For a robot with every scope, an officer and an owner: the same answer as for an id that never was."""
    before, answered = _facts(cast, ids), dict[Address, set[int]]()
    for client in (outsider_api, signed_in(cast.outsider), signed_in(cast.outsider_owner)):
        for method, path in WITH_IDS:
            for theirs, never in zip(_filled(path, ids, str), _filled(path, ids, lambda _: uuid4()), strict=True):
                status, words = _ask(client, method, theirs, path)
                assert (status, words) == _ask(client, method, never, path), (method, path)
                assert 400 <= status < 500, (method, path, words)
                answered.setdefault((method, path), set()).add(status)
    assert [address for address, statuses in answered.items() if 404 not in statuses] == []
    assert _facts(cast, ids) == before


def test_somebody_elses_call_is_not_held(
    cast: Cast, ids: dict[str, Any], signed_in: Callable[[Member], APIClient]
) -> None:
    """Ids in a body are no better than ids in an address."""
    client = signed_in(cast.outsider)
    answers = [
        client.post("/api/v1/holds", BODIES["holds"] | {"calls": [str(id_)]}, format="json")
        for id_ in (ids["reference"][0], uuid4())
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


def _facts(cast: Cast, ids: dict[str, Any]) -> list[Any]:
    """What strangers must not have changed."""
    organisation_id = cast.organisation_id
    with tenancy.scope(organisation_id):
        request = requests.request_of(organisation_id, ids["request_id"][0])
        return [
            (request.state, request.proposed_at, request.plan_digest),
            [(item.id, item.decision, item.ground) for item in requests.plan_of(request)],
            len(requests.letters_of(request)),
            retention.hold_for(cast.officer.actor, ids["hold_id"][0]).state,
            register.link_of(organisation_id, ids["link_id"][0]).revoked_at,
            sorted(register.locations(organisation_id).values_list("id", "state")),
            sorted(connectors.agents_of(organisation_id).values_list("id", "name")),
            sorted(Finding.objects.for_organisation(organisation_id).values_list("id", "state")),
        ]


def test_every_kind_of_id_is_tried(ids: dict[str, Any]) -> None:
    assert {name for _, path in WITH_IDS for name in _PARAMETER.findall(path)} == set(ids)


# --- keys -----------------------------------------------------------------------------------------


def _refusal(client: APIClient, method: str, path: str) -> tuple[int, Any, str]:
    known = _SECOND | {"version": "7"}
    filled = _PARAMETER.sub(lambda match: known.get(match[1], str(UUID(int=7))), path)
    answer = client.get(filled) if method == "get" else getattr(client, method)(filled, {}, format="json")
    return answer.status_code, json.loads(answer.content), answer.headers.get("WWW-Authenticate", "")


def _new_key(cast: Cast, **options: Any) -> tuple[Any, str]:
    return accounts.issue_api_key(actor=cast.owner.actor, name="short", scopes=ROBOT_SCOPES, purpose="test", **options)


def _works(text: str) -> bool:
    return bool(conftest.key_client(text).get("/api/v1/calls").status_code == 200)


@pytest.mark.parametrize("end", ["revoked", "expired", "rotated away"])
def test_a_key_that_has_ended_opens_nothing_anywhere(cast: Cast, end: str) -> None:
    """At every address, and in the same words as a key that never was."""
    row, text = _new_key(cast, expires_at=timezone.now() + timedelta(hours=2))
    assert _works(text)
    unknown = conftest.key_client(text[:-4] + "zzzz")
    later = timezone.now() + timedelta(hours=1 if end != "expired" else 3)
    if end == "revoked":
        accounts.revoke_api_key(actor=cast.owner.actor, key_id=row.id)
    elif end == "rotated away":
        _, successor = accounts.rotate_api_key(actor=cast.owner.actor, key_id=row.id, overlap=timedelta(minutes=30))
        assert _works(text)
        assert _works(successor)
    with time_machine.travel(later, tick=True):
        for method, path in ALL:
            refused = _refusal(conftest.key_client(text), method, path)
            assert refused == _refusal(unknown, method, path), (method, path)
            assert (refused[0], refused[2]) == (401, "Bearer"), (method, path, refused)


def test_a_member_who_left_is_nobody_at_once(cast: Cast, signed_in: Callable[[Member], APIClient]) -> None:
    client = signed_in(cast.officer)
    assert client.get("/api/v1/calls").status_code == 200
    with tenancy.scope(cast.organisation_id):
        member = Membership.objects.for_organisation(cast.organisation_id).get(user=cast.officer.user)
    accounts.end_membership(actor=cast.owner.actor, membership_id=member.id)
    assert client.get("/api/v1/calls").status_code in {401, 403}


def test_nobody_sees_anything_without_a_key(db: None) -> None:
    anybody = APIClient()
    for method, path in ALL:
        assert _refusal(anybody, method, path)[0] in {401, 403}, (method, path)
    assert Client().get("/api/v1/calls").status_code == 401

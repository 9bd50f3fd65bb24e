"""The queue and its waivers over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests.cast import Cast, Member
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import BARE, DISCLOSED, UNTOLD, Hold
from tests.compliance.disclosure.test_operations import audit_call
from tests.compliance.disclosure.workflow import GROUND, WHY, found, in_days, put_in_force
from tests.entries import Entries

FINDINGS = "/api/v1/disclosure/findings"
WAIVERS = "/api/v1/disclosure/waivers"
SignIn = Callable[[Member], APIClient]


@pytest.fixture
def engineer(cast: Cast, signed_in: SignIn) -> APIClient:
    return signed_in(cast.engineer)


@pytest.fixture
def officer(cast: Cast, signed_in: SignIn) -> APIClient:
    return signed_in(cast.officer)


def body(**changes: Any) -> dict[str, Any]:
    return {"until": in_days(30).isoformat(), "ground": GROUND, "note": WHY} | changes


def reasons(client: APIClient, **query: Any) -> list[str]:
    answer = client.get(FINDINGS, query)
    assert answer.status_code == 200, answer.content
    return [one["reason"] for one in answer.json()["results"]]


def test_the_queue_is_narrowed(cast: Cast, agent: Any, held_call: Hold, engineer: APIClient) -> None:
    call_id = held_call(UNTOLD)
    audit_call(cast, call_id)
    put_in_force(cast, agent, BARE, jurisdictions=["DE"])
    purpose, asked, missing = engineer.get(FINDINGS).json()["results"]
    assert [one["reason"] for one in (purpose, asked, missing)] == [
        "purpose_missing", "consent_not_requested", "missing",
    ]  # fmt: skip
    assert {one["agent_id"] for one in (purpose, asked, missing)} == {str(agent.id)}
    mine = {"assignee": str(cast.engineer.user.id)}
    assert engineer.put(f"{FINDINGS}/{asked['id']}/assignment", mine, format="json").status_code == 200
    assert reasons(engineer, assignee="me") == reasons(engineer, **mine) == ["consent_not_requested"]
    assert reasons(engineer, assignee="nobody") == ["purpose_missing", "missing"]
    assert reasons(engineer, assignee=str(cast.officer.user.id)) == []
    assert reasons(engineer, reason="missing") == reasons(engineer, call=str(call_id)) == ["missing"]
    assert reasons(engineer, agent="agent_frontdesk", verdict="review") == ["purpose_missing"]
    assert reasons(engineer, agent=str(agent.id), state="waived") == []


def test_what_is_late_is_asked_for(cast: Cast, agent: Any, signed_in: SignIn, time_machine: Any) -> None:
    put_in_force(cast, agent, BARE, jurisdictions=["DE"])
    time_machine.move_to(timezone.now() + timedelta(days=8))
    client = signed_in(cast.engineer)
    assert reasons(client, overdue="true") == ["consent_not_requested"]
    assert reasons(client, overdue="false") == ["purpose_missing"]
    assert [one["is_overdue"] for one in client.get(FINDINGS).json()["results"]] == [False, True]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"assignee": "somebody"}, 400),
        ({"overdue": "yes"}, 400),
        ({"call": "call_1"}, 400),
        ({"state": "closed"}, 400),
        ({"agent": "nobody"}, 404),
        ({"reason": "no_such_reason"}, 200),
    ],
)
def test_a_filter_that_means_nothing_is_an_error(api: APIClient, query: dict[str, str], status: int) -> None:
    assert api.get(FINDINGS, query).status_code == status
    assert api.get(WAIVERS, {"state": "maybe"}).status_code == 400


def test_one_finding_has_a_version(cast: Cast, agent: Any, engineer: APIClient) -> None:
    path = f"{FINDINGS}/{found(cast, agent).id}"
    first = engineer.get(path)
    assert (first.json()["state"], first.json()["due_on"]) == ("open", in_days(7).isoformat())
    assert engineer.get(path, headers={"If-None-Match": first["ETag"]}).status_code == 304
    engineer.put(f"{path}/assignment", {"assignee": str(cast.officer.user.id)}, format="json")
    assert engineer.get(path)["ETag"] != first["ETag"]
    assert engineer.get(f"{FINDINGS}/{uuid4()}").status_code == 404


def test_one_waives_and_another_approves(
    cast: Cast, agent: Any, engineer: APIClient, officer: APIClient, entries: Entries
) -> None:
    path = f"{FINDINGS}/{found(cast, agent).id}"
    made = engineer.post(f"{path}/waiver", body(), format="json")
    assert (made.status_code, made.json()["state"]) == (201, "proposed")
    assert "Quentin" not in made.content.decode()
    waiver = f"{WAIVERS}/{made.json()['id']}"
    own = engineer.post(f"{waiver}/approval")
    assert (own.status_code, own.json()["code"]) == (403, "not_allowed")  # engineers decide about nothing
    shown = engineer.get(path).json()
    assert (shown["state"], shown["waiver_state"], shown["waived_until"]) == ("open", "proposed", None)
    assert officer.post(f"{waiver}/approval").json()["decided_by"] == cast.officer.actor.reference
    shown = engineer.get(path).json()
    assert (shown["state"], shown["verdict"], shown["waiver_id"]) == ("waived", "fail", made.json()["id"])
    assert shown["waived_until"] == in_days(30).isoformat()
    assert [one["id"] for one in officer.get(WAIVERS, {"state": "in_force"}).json()["results"]] == [made.json()["id"]]
    assert officer.get(WAIVERS, {"state": "proposed"}).json()["results"] == []
    again = officer.post(f"{waiver}/refusal")
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    back = engineer.post(f"{path}/reopen", {"reason": "waiver_needless"}, format="json")
    assert (back.json()["state"], back.json()["waiver_id"]) == ("open", None)
    assert (officer.get(waiver).json()["state"], officer.get(waiver).json()["code"]) == ("ended", "reopened")


def test_nobody_approves_their_own(cast: Cast, agent: Any, officer: APIClient, signed_in: SignIn) -> None:
    made = officer.post(f"{FINDINGS}/{found(cast, agent).id}/waiver", body(), format="json").json()
    own = officer.post(f"{WAIVERS}/{made['id']}/approval")
    assert (own.status_code, own.json()["code"]) == (403, "own_proposal")
    assert signed_in(cast.owner).post(f"{WAIVERS}/{made['id']}/withdrawal").status_code == 403
    assert signed_in(cast.colleague).post(f"{WAIVERS}/{made['id']}/refusal").json()["state"] == "refused"


def test_a_proposal_is_withdrawn(cast: Cast, agent: Any, engineer: APIClient) -> None:
    made = engineer.post(f"{FINDINGS}/{found(cast, agent).id}/waiver", body(), format="json").json()
    assert engineer.post(f"{WAIVERS}/{made['id']}/withdrawal").json()["state"] == "withdrawn"


def test_a_repeated_key_proposes_once(cast: Cast, agent: Any, engineer: APIClient, entries: Entries) -> None:
    path = f"{FINDINGS}/{found(cast, agent).id}/waiver"
    answers = [engineer.post(path, body(), format="json", headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(entries.of("disclosure.waiver.proposed")) == 1
    assert engineer.post(path, body(), format="json").json()["code"] == "already_proposed"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"until": "soon"}, "until"),
        ({"until": "2020-01-01"}, "until"),
        ({"ground": "because"}, "ground"),
        ({"note": ""}, "note"),
        ({"approved_by": "me"}, "approved_by"),
    ],
)
def test_what_is_no_proposal_is_named(
    cast: Cast, agent: Any, engineer: APIClient, change: dict[str, str], field: str
) -> None:
    answer = engineer.post(f"{FINDINGS}/{found(cast, agent).id}/waiver", body(**change), format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_a_resolution_is_taken_back_once(cast: Cast, agent: Any, engineer: APIClient) -> None:
    path = f"{FINDINGS}/{found(cast, agent).id}"
    fixed = engineer.post(f"{path}/resolve", {"resolution": "fixed"}, format="json")
    assert (fixed.status_code, fixed.json()["code"]) == (409, "still_found")
    engineer.post(f"{path}/resolve", {"resolution": "false_alarm"}, format="json")
    assert engineer.post(f"{path}/reopen", {"reason": "boredom"}, format="json").status_code == 400
    back = engineer.post(f"{path}/reopen", {"reason": "decided_wrongly"}, format="json").json()
    assert (back["state"], back["resolution"], back["reopened_for"]) == ("open", None, "decided_wrongly")
    twice = engineer.post(f"{path}/reopen", {"reason": "decided_wrongly"}, format="json")
    assert (twice.status_code, twice.json()["code"]) == (409, "already_open")
    put_in_force(cast, agent, DISCLOSED)
    assert engineer.get(path).json()["resolution"] == "fixed"


def test_the_auditor_reads_and_a_key_reads_and_neither_writes(
    cast: Cast, agent: Any, api: APIClient, engineer: APIClient, signed_in: SignIn
) -> None:
    finding = found(cast, agent)
    made = engineer.post(f"{FINDINGS}/{finding.id}/waiver", body(), format="json").json()
    writes: list[tuple[str, str, Any]] = [
        ("put", f"{FINDINGS}/{finding.id}/assignment", {"assignee": None}),
        ("post", f"{FINDINGS}/{finding.id}/resolve", {"resolution": "accepted"}),
        ("post", f"{FINDINGS}/{finding.id}/reopen", {"reason": "not_fixed"}),
        ("post", f"{FINDINGS}/{finding.id}/waiver", body()),
        *(("post", f"{WAIVERS}/{made['id']}/{word}", {}) for word in ("approval", "refusal", "withdrawal")),
    ]
    for client in (api, signed_in(cast.auditor)):
        for path in (FINDINGS, WAIVERS, f"{FINDINGS}/{finding.id}", f"{WAIVERS}/{made['id']}"):
            assert client.get(path).status_code == 200
        for method, path, data in writes:
            refused = getattr(client, method)(path, data, format="json")
            assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), path
    assert room.findings(cast.officer.actor, id=finding.id)[0].state == "open"

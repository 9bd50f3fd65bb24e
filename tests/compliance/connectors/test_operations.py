from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts import routing, tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.connectors import access, operations
from compliance.connectors.access import Governance
from compliance.connectors.models import Connection
from compliance.connectors.operations import NewAddress, NewConnection
from compliance.connectors.providers import base
from compliance.errors import Conflict, Invalid, NotFound
from tests.cast import Cast
from tests.compliance.calls import Entries, Line, connect, entries, line

__all__ = ["entries", "line"]
NEW = NewConnection("dialgen", "Main line", allowed_hosts=["Recordings.DialGen.example", "*.media.example:8443"])


def proves(connection: Connection, token: str) -> bool:
    with tenancy.scope(connection.organisation_id):
        secrets = access.receiver(connection.organisation_id, connection.id).secrets
    try:
        base.check_tokens(base.Incoming({}, b"", path_token=token), secrets, datetime.now(UTC))
    except base.BadSignature:
        return False
    return True


def test_a_connection_has_an_address_nobody_can_guess_and_a_token_nobody_keeps(cast: Cast, entries: Entries) -> None:
    made = operations.create_connection(actor=cast.officer.actor, new=NEW)
    connection = made.connection
    assert connection.allowed_hosts == ["recordings.dialgen.example", "*.media.example:8443"]
    assert len(connection.address) == 32
    assert made.url.endswith(f"/hooks/dialgen/{connection.address}")
    assert made.url_with_token == f"{made.url}/{made.token}"
    assert access.connection_at("dialgen", connection.address) == access.Reached(
        cast.organisation_id, connection.id, "dialgen"
    )
    assert proves(connection, made.token)
    (entry,) = entries
    assert (entry.event, entry.obj) == ("connectors.connection.created", ("connection", connection.id))
    assert made.token not in str(entry)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"platform": "nothing"}, "platform"),
        ({"name": " "}, "name"),
        ({"allowed_hosts": ["https://x.example"]}, "allowed_hosts"),
        ({"allowed_hosts": ["10.0.0.1"]}, "allowed_hosts"),
        ({"allowed_hosts": ["*.example"]}, "allowed_hosts"),
        ({"governance": Governance(lawful_basis="because")}, "lawful_basis"),
        ({"governance": Governance(purposes=("",))}, "purposes"),
        ({"governance": Governance(recipients=("x" * 301,))}, "recipients"),
    ],
)
def test_what_cannot_be_used_is_named_and_changes_nothing(cast: Cast, change: dict[str, Any], field: str) -> None:
    details: dict[str, Any] = {"platform": "dialgen", "name": "x"} | change
    with pytest.raises(Invalid) as refused:
        operations.create_connection(actor=cast.officer.actor, new=NewConnection(**details))
    assert list(refused.value.errors) == [field]
    with tenancy.scope(cast.organisation_id):
        assert access.connections_of(cast.organisation_id).count() == 0


@pytest.mark.parametrize("who", ["colleague", "auditor", "engineer"])
def test_only_owners_and_officers_connect(cast: Cast, who: str) -> None:
    with pytest.raises(NotAllowed):
        operations.create_connection(actor=getattr(cast, who).actor, new=NEW)
    operations.create_connection(actor=cast.owner.actor, new=NEW)


def test_another_organisations_connection_is_not_found(line: Line, cast: Cast) -> None:
    arguments: dict[str, Any] = {"actor": cast.outsider.actor, "connection_id": line.connection.id}
    with pytest.raises(NotFound):
        operations.rotate_token(**arguments)
    with pytest.raises(NotFound):
        operations.set_connection_state(**arguments, state=Connection.State.PAUSED)
    with pytest.raises(NotFound):
        operations.set_allowed_hosts(**arguments, hosts=[])
    with pytest.raises(NotFound):
        access.connection_for(cast.outsider.actor, line.connection.id)


def rotate(line: Line, cast: Cast, **options: Any) -> NewAddress:
    return operations.rotate_token(actor=cast.officer.actor, connection_id=line.connection.id, **options)


def test_two_tokens_are_good_during_the_overlap(line: Line, cast: Cast, entries: Entries) -> None:
    new = rotate(line, cast)
    assert new.url == access.webhook_url(line.connection)
    assert proves(line.connection, line.token)
    assert proves(line.connection, new.token)
    with time_machine.travel(datetime.now(UTC) + operations.TOKEN_OVERLAP + timedelta(seconds=1)):
        assert not proves(line.connection, line.token)
        assert proves(line.connection, new.token)
    assert entries.of("connectors.token.rotated")[0].what == {"overlap_seconds": 86_400}


def test_a_leaked_token_ends_at_once_even_one_that_was_being_replaced(line: Line, cast: Cast) -> None:
    second = rotate(line, cast)
    third = rotate(line, cast, overlap=timedelta(0))
    assert [proves(line.connection, token) for token in (line.token, second.token, third.token)] == [False, False, True]


def test_governance_of_the_agent_comes_before_the_connections(line: Line, cast: Cast, entries: Entries) -> None:
    ours = Governance(("appointments",), "contract", ("hosting provider",))
    operations.set_connection_governance(actor=cast.officer.actor, connection_id=line.connection.id, governance=ours)
    scheduler = Actor.scheduler(cast.organisation_id)
    agent = operations.ensure_agent(actor=scheduler, connection_id=line.connection.id, external_id="a")
    with tenancy.scope(cast.organisation_id):
        assert access.governance_of(cast.organisation_id, line.connection.id, agent.id) == ours
    details = operations.AgentDetails("Front desk", ["en"], ["US-CA"], Governance(("sales",), "consent"))
    operations.set_agent(actor=cast.engineer.actor, agent_id=agent.id, details=details)
    with tenancy.scope(cast.organisation_id):
        merged = access.governance_of(cast.organisation_id, line.connection.id, agent.id)
        assert access.governance_of(cast.organisation_id, line.connection.id) == ours
    assert merged == Governance(("sales",), "consent", ("hosting provider",))
    assert {entry.event for entry in entries} >= {"connectors.agent.registered", "connectors.agent.changed"}


def test_an_agent_is_registered_once(line: Line) -> None:
    scheduler = Actor.scheduler(line.organisation_id)
    arguments: dict[str, Any] = {"actor": scheduler, "connection_id": line.connection.id, "external_id": "a"}
    with tenancy.scope(line.organisation_id):
        first = operations.ensure_agent(**arguments)
        assert operations.ensure_agent(**arguments) == first


def test_an_agent_known_before_its_first_call_is_adopted(line: Line, cast: Cast) -> None:
    early = operations.register_agent(actor=cast.engineer.actor, external_id="a")
    assert operations.register_agent(actor=cast.engineer.actor, external_id="a") == early
    line.deliver(agentId="a")
    with tenancy.scope(line.organisation_id):
        (agent,) = access.agents_of(line.organisation_id)
    assert (agent.id, agent.connection_id) == (early.id, line.connection.id)
    assert line.call().agent_id == early.id


def test_two_agents_of_one_name_are_told_apart_by_our_id(line: Line, cast: Cast) -> None:
    line.deliver(agentId="a")
    connect(cast.officer.actor).deliver(agentId="a")
    with tenancy.scope(line.organisation_id):
        with pytest.raises(Conflict):
            access.agent_for(cast.officer.actor, "a")
        for agent in access.agents_of(line.organisation_id):
            assert access.agent_for(cast.officer.actor, str(agent.id)) == agent
        with pytest.raises(NotFound):
            access.agent_for(cast.officer.actor, uuid4())


class TestOverHttp:
    def test_connecting(self, api: APIClient) -> None:
        body = {"platform": "dialgen", "name": "Main", "purposes": ["appointments"], "lawful_basis": "contract"}
        answer = api.post("/api/v1/connections", body, format="json", headers={"Idempotency-Key": "k"})
        assert answer.status_code == 201
        made = answer.json()
        assert made["webhook_url_with_token"] == f"{made['webhook_url']}/{made['token']}"
        assert made["is_verified"] is False
        again = api.post("/api/v1/connections", body, format="json", headers={"Idempotency-Key": "k"}).json()
        assert again == made | {"token": None, "webhook_url_with_token": None}
        (listed,) = api.get("/api/v1/connections").json()["results"]
        assert listed["id"] == made["id"]
        assert made["token"] not in str(listed)

    def test_rotating(self, line: Line, api: APIClient) -> None:
        path = f"/api/v1/connections/{line.connection.id}/rotate-token"
        answer = api.post(path, {"overlap_seconds": 0}, format="json")
        assert answer.status_code == 200
        assert not proves(line.connection, line.token)
        assert proves(line.connection, answer.json()["token"])

    def test_bad_input(self, line: Line, api: APIClient) -> None:
        answer = api.post("/api/v1/connections", {"platform": "dialgen", "colour": 1}, format="json")
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"colour"})
        path = f"/api/v1/connections/{line.connection.id}/rotate-token"
        assert api.post(path, {"overlap_seconds": -1}, format="json").status_code == 400

    def test_others_see_nothing(self, line: Line, outsider_api: APIClient) -> None:
        line.deliver()
        assert outsider_api.get("/api/v1/connections").json()["results"] == []
        assert outsider_api.get("/api/v1/agents").json()["results"] == []
        assert outsider_api.get("/api/v1/agents/agent_frontdesk").status_code == 404
        path = f"/api/v1/connections/{line.connection.id}/rotate-token"
        assert outsider_api.post(path, {}, format="json").status_code == 404

    def test_agents_by_either_id_field_by_field(self, line: Line, api: APIClient) -> None:
        line.deliver()
        first = api.put("/api/v1/agents/agent_frontdesk", {"name": "Front desk", "languages": ["en"]}, format="json")
        assert first.status_code == 200
        agent = first.json()
        second = api.put(f"/api/v1/agents/{agent['id']}", {"jurisdictions": ["US-CA"]}, format="json").json()
        assert second == agent | {"jurisdictions": ["US-CA"]}
        assert api.get("/api/v1/agents").json()["results"] == [second]
        assert api.put(f"/api/v1/agents/{agent['id']}", {"jurisdictions": ["Utopia"]}, format="json").status_code == 400
        assert api.put(f"/api/v1/agents/{uuid4()}", {}, format="json").status_code == 404

    def test_an_agent_may_be_told_before_its_first_call(self, api: APIClient) -> None:
        answer = api.put("/api/v1/agents/agent_new", {"languages": ["de"]}, format="json")
        assert (answer.status_code, answer.json()["connection_id"]) == (200, None)
        assert routing.resolve_route(routing.CONNECTION, "agent_new") is None

"""Histories and prompts through each vendor's own shapes, as their documents stand among the payloads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts import tenancy
from compliance.connectors import access as connections
from compliance.connectors import operations as connectors
from compliance.connectors.providers import registry
from compliance.disclosure import access as disclosure
from compliance.intake.operations import agents, pulling
from compliance.recordings import access as register
from tests.cast import Cast
from tests.compliance.connectors.platforms import FarEnd, far_end
from tests.compliance.intake.phones import Phone

PAYLOADS = Path(__file__).parents[1] / "connectors" / "payloads"
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC)


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def vapi(far: FarEnd) -> None:
    far.pages["/call"] = [payload("vapi/list_calls"), []]
    far.documents["/assistant"] = payload("vapi/list_assistants")


def retell(far: FarEnd) -> None:
    call = payload("retell/get_call")
    far.pages["/v3/list-calls"] = [payload("retell/list_calls"), payload("retell/list_calls_last")]
    far.documents[f"/v2/get-call/{call['call_id']}"] = call


def elevenlabs(far: FarEnd) -> None:
    listed, call = payload("elevenlabs/api_conversations"), payload("elevenlabs/api_conversation")
    far.pages["/v1/convai/conversations"] = [listed, {"conversations": [], "has_more": False, "next_cursor": None}]
    for one in listed["conversations"]:
        if id_ := one.get("conversation_id"):
            far.documents[f"/v1/convai/conversations/{id_}"] = call | {"conversation_id": id_}
    found = payload("elevenlabs/api_agents")
    far.pages["/v1/convai/agents"] = [found, {"agents": [], "has_more": False, "next_cursor": None}]
    for one in found["agents"]:
        if id_ := one.get("agent_id"):
            far.documents[f"/v1/convai/agents/{id_}"] = payload("elevenlabs/api_agent") | {"agent_id": id_}


VENDORS: dict[str, Callable[[FarEnd], None]] = {"vapi": vapi, "retell": retell, "elevenlabs": elevenlabs}


@pytest.fixture
def far(settings: Any) -> Iterator[FarEnd]:
    with far_end() as found:
        settings.FETCH_TEST_HOSTS = [found.host]
        yield found


def account(cast: Cast, far: FarEnd, platform: str) -> Phone:
    VENDORS[platform](far)
    new = connectors.NewConnection(platform=platform, name=platform, api_host=far.host, account_id="acc_1")
    made = connectors.create_connection(actor=cast.owner.actor, new=new).connection
    for one in registry.provider_for(platform).credentials:
        connectors.set_credential(actor=cast.owner.actor, connection_id=made.id, name=one.name, value="key-of-tests-17")
    return Phone(cast, far, made.id)


@pytest.mark.parametrize("platform", VENDORS)
def test_a_vendors_history(cast: Cast, far: FarEnd, jobs: Any, platform: str) -> None:
    phone = account(cast, far, platform)
    run = pulling.start_history_import(
        actor=cast.officer.actor, connection_id=phone.connection_id, since=SINCE, until=UNTIL
    )
    for _ in range(3):
        if not pulling.carry_on(actor=cast.officer.actor, run_id=run.id).code:
            break
    done = phone.run(run.id)
    assert (done.state, done.last_code) == ("finished", ""), far.asked
    calls = phone.calls()
    assert done.registered == len(calls) > 0
    kinds = set()
    with tenancy.scope(cast.organisation_id):
        for call in calls.values():
            assert call.status == "in_progress" or "listed_only" not in register.kept_facts(call).notes
            kinds |= {one.kind for one in register.artifacts_of(cast.organisation_id, call.id)}
    assert {"recording", "transcript"} <= kinds


@pytest.mark.parametrize("platform", ["vapi", "elevenlabs"])
def test_a_vendors_prompts(cast: Cast, far: FarEnd, jobs: Any, platform: str) -> None:
    phone = account(cast, far, platform)
    pulled = agents.pull_agents(actor=cast.officer.actor, connection_id=phone.connection_id)
    assert (pulled.code, pulled.agents > 0, pulled.new_prompts > 0) == ("", True, True), far.asked
    with tenancy.scope(cast.organisation_id):
        rows = connections.agents_of(cast.organisation_id).filter(connection_id=phone.connection_id)
        assert {agent.name for agent in rows} >= {"Front desk"}
        texts = [disclosure.text_of(prompt) for prompt in disclosure.prompts(cast.organisation_id)]
    assert any("Harbor Dental" in text for text in texts)
    again = agents.pull_agents(actor=cast.officer.actor, connection_id=phone.connection_id)
    assert again.new_prompts == 0

"""Polls and pulled prompts: what no delivery told of, and what an agent is told to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts import tenancy
from accounts.errors import NotAllowed
from accounts.models import DueWork
from compliance.connectors import access as connections
from compliance.connectors import operations as connectors
from compliance.connectors.models import Agent, Connection
from compliance.disclosure import access as disclosure
from compliance.errors import Invalid, NotFound
from compliance.intake import tasks
from compliance.intake.operations import agents, runs
from compliance.recordings.models import Call
from tests.compliance.connectors.platforms import FarEnd, Fault
from tests.compliance.intake.phones import Phone, far, open_phone, phone

__all__ = ["far", "phone"]


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def poll(jobs: Any, phone: Phone, kind: str = "recent") -> Any:
    getattr(tasks, f"poll_{kind}")()
    jobs.drain()
    (run,) = phone.runs(kind)
    return run


def test_a_call_without_a_delivery_is_found(phone: Phone, jobs: Any, entries: Any) -> None:
    """The delivery of one came, the other's never did; a third ended just now, and its delivery may be on its way."""
    told, lost = phone.far.add_calls(2, since=ago(hours=5))
    (fresh,) = phone.far.add_calls(1, since=ago(minutes=3))
    phone.far.add_calls(1, since=ago(hours=60))
    poll(jobs, phone)
    with tenancy.scope(phone.organisation_id):
        assert sorted(phone.calls()) == [told, lost, fresh]
    run = phone.runs("recent")[0]
    assert (run.state, run.registered, run.missed) == ("finished", 3, 2)
    finished = entries.of("intake.poll.finished")[-1]
    assert {name: finished.what[name] for name in ("seen", "registered", "found_by_poll", "kind")} == {
        "seen": 3, "registered": 3, "found_by_poll": 2, "kind": "recent",
    }  # fmt: skip


def test_what_is_known_is_not_found_again(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(4, since=ago(hours=5))
    poll(jobs, phone)
    again = poll(jobs, phone)
    assert (again.seen, again.known, again.registered, again.missed) == (4, 4, 0, 0)
    assert len(phone.runs("recent")) == 1  # one row, used again


def test_each_poll_looks_as_far_back_as_it_should(phone: Phone, jobs: Any) -> None:
    (old,) = phone.far.add_calls(1, since=ago(days=10))
    (older,) = phone.far.add_calls(1, since=ago(days=15))
    recent = poll(jobs, phone)
    assert recent.until - recent.since == timedelta(hours=48)
    assert phone.calls() == {}
    far_back = poll(jobs, phone, "far")
    assert far_back.until - far_back.since == timedelta(days=14)
    assert list(phone.calls()) == [old]
    assert older not in phone.calls()


def test_after_a_silence_the_poll_begins_where_the_last_one_ended(phone: Phone, jobs: Any) -> None:
    (found,) = phone.far.add_calls(1, since=ago(days=4))
    with tenancy.scope(phone.organisation_id):
        ended = timezone.now() - timedelta(days=5)
        rows = connections.connections_of(phone.organisation_id)
        rows.filter(id=phone.connection_id).update(polled_until=ended)
    run = poll(jobs, phone)
    assert run.since == ended
    assert list(phone.calls()) == [found]
    assert phone.connection.polled_until == run.until


def test_an_erased_call_is_refused_and_counted(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(2, since=ago(hours=5))
    poll(jobs, phone)
    with tenancy.scope(phone.organisation_id):
        rows = Call.objects.for_organisation(phone.organisation_id).filter(external_id="tp_00001")
        rows.update(state=Call.State.ERASED, external_id="", sealed_facts=None)
    run = poll(jobs, phone)
    assert (run.seen, run.known, run.refused, run.registered) == (2, 1, 1, 0)
    assert sorted(phone.calls()) == ["", "tp_00000"]


def test_a_refused_key_is_visible_and_told_once(phone: Phone, jobs: Any, entries: Any) -> None:
    phone.far.add_calls(1, since=ago(hours=5))
    for _ in range(3):
        phone.far.faults.append(Fault(401))
        poll(jobs, phone)
    (run,) = phone.runs("recent")
    assert (run.state, run.last_code) == ("failed", "denied")
    assert phone.connection.last_poll_code == "denied"
    assert phone.connection.last_poll_at is not None
    assert phone.connection.polled_until is None
    assert len(entries.of("connectors.question.failed")) == 1
    poll(jobs, phone)
    assert phone.connection.last_poll_code == ""
    assert phone.connection.polled_until == phone.runs("recent")[0].until
    assert len(entries.of("connectors.question.answered")) == 1


def test_a_poll_that_is_limited_goes_on_where_it_stopped(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(8, since=ago(hours=5))
    phone.far.fail_at(3, Fault(429, {"Retry-After": "600"}))
    run = poll(jobs, phone)
    assert (run.state, run.seen, run.last_code) == ("running", 6, "rate_limited")
    begun = run.started_at
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=True):
        run = poll(jobs, phone)  # the next hour's round finds it running, and leaves it to go on
    assert (run.started_at, run.state, run.seen, run.registered) == (begun, "finished", 8, 8)


def test_who_is_polled(phone: Phone, far: FarEnd, jobs: Any) -> None:
    """Not a paused connection, not one without a key, not a platform that lists nothing."""
    open_phone(phone.cast, far, with_key=False)
    paused = open_phone(phone.cast, far)
    connectors.set_connection_state(
        actor=phone.cast.owner.actor, connection_id=paused.connection_id, state=Connection.State.PAUSED
    )
    connectors.create_connection(actor=phone.cast.owner.actor, new=connectors.NewConnection("dialgen", "DialGen"))
    tasks.poll_recent()
    assert DueWork.objects.filter(job="intake.run_import").count() == 1
    assert len(phone.runs("recent")) == 1


def test_a_poll_is_nobodys_to_stop(phone: Phone, jobs: Any) -> None:
    tasks.poll_recent()
    (run,) = phone.runs("recent")
    for step in (runs.stop_import, runs.resume_import):
        with pytest.raises(NotFound):
            step(actor=phone.cast.owner.actor, run_id=run.id)


# --- agents and their prompts -----------------------------------------------------------------------------------------

PROMPT = "You answer the telephone. Say first: this call is recorded."


def pull(phone: Phone, jobs: Any) -> None:
    agents.ask_for_agents(actor=phone.cast.officer.actor, connection_id=phone.connection_id)
    jobs.drain()


def agent_of(phone: Phone, external_id: str) -> Agent:
    with tenancy.scope(phone.organisation_id):
        found = connections.agent_known_as(phone.organisation_id, phone.connection_id, external_id)
    assert found is not None
    return found


def prompts_of(phone: Phone, external_id: str) -> list[str]:
    agent = agent_of(phone, external_id)
    with tenancy.scope(phone.organisation_id):
        rows = disclosure.prompts(phone.organisation_id).filter(agent_id=agent.id).order_by("number")
        return [disclosure.text_of(prompt) for prompt in rows]


def test_each_new_text_is_a_version_and_audited(phone: Phone, jobs: Any, entries: Any) -> None:
    phone.far.agents = [
        {"id": f"ag_{n}", "name": f"Agent {n}", "version": "7", "prompt": f"{PROMPT} {n}", "languages": ["en-US"]}
        for n in range(5)
    ]
    pull(phone, jobs)
    first = agent_of(phone, "ag_0")
    assert (first.name, first.version, first.languages) == ("Agent 0", "7", ["en-US"])
    assert first.prompt_pulled_at is not None
    assert prompts_of(phone, "ag_4") == [f"{PROMPT} 4"]
    with tenancy.scope(phone.organisation_id):
        assert disclosure.audits_of_agent(phone.organisation_id, first.id).count() == 1
    phone.far.agents[0] |= {"prompt": "You answer the telephone.", "version": "8"}
    pull(phone, jobs)
    assert prompts_of(phone, "ag_0") == [f"{PROMPT} 0", "You answer the telephone."]
    assert prompts_of(phone, "ag_1") == [f"{PROMPT} 1"]
    assert agent_of(phone, "ag_0").version == "8"
    counts = [(one.what["agents"], one.what["new_prompts"]) for one in entries.of("intake.agents.pulled")]
    assert counts == [(5, 5), (5, 1)]


def test_what_an_officer_wrote_stays(phone: Phone, jobs: Any) -> None:
    phone.far.agents = [{"id": "ag_0", "name": "gpt-agent-3", "prompt": PROMPT, "languages": ["en"]}]
    pull(phone, jobs)
    details = connectors.AgentDetails(name="Front desk", languages=["de-DE"])
    connectors.set_agent(actor=phone.cast.officer.actor, agent_id=agent_of(phone, "ag_0").id, details=details)
    phone.far.agents[0]["version"] = "9"
    pull(phone, jobs)
    agent = agent_of(phone, "ag_0")
    assert (agent.name, agent.languages, agent.version) == ("Front desk", ["de-DE"], "9")


def test_an_agent_that_cannot_be_taken_is_counted(phone: Phone, jobs: Any, entries: Any) -> None:
    phone.far.agents = [
        {"id": "x" * 300, "prompt": PROMPT},
        {"id": "ag_1", "prompt": "word " * 400_000},
        {"id": "ag_2", "prompt": ""},
        {"id": "ag_3", "prompt": PROMPT, "languages": ["not a language!", "fr"]},
    ]
    pull(phone, jobs)
    told = entries.of("intake.agents.pulled")[0].what
    assert (told["agents"], told["new_prompts"], told["failed"]) == (2, 1, 2)
    assert agent_of(phone, "ag_3").languages == ["fr"]


def test_a_pull_that_fails_is_visible_and_tried_again(phone: Phone, jobs: Any, entries: Any) -> None:
    phone.far.agents = [{"id": "ag_0", "prompt": PROMPT}]
    phone.far.faults.append(Fault(503))
    pull(phone, jobs)
    assert phone.connection.last_poll_code == "platform_unavailable"
    assert entries.of("intake.agents.pulled")[0].outcome == "failed"
    jobs.settle(times=1)
    assert prompts_of(phone, "ag_0") == [PROMPT]
    assert phone.connection.last_poll_code == ""


def test_every_day_all_agents_are_asked_for(phone: Phone, far: FarEnd, jobs: Any) -> None:
    open_phone(phone.cast, far, with_key=False)
    phone.far.agents = [{"id": "ag_0", "prompt": PROMPT}]
    tasks.ask_for_all_agents()
    jobs.drain()
    assert prompts_of(phone, "ag_0") == [PROMPT]


@pytest.mark.parametrize(("who", "may"), [("officer", True), ("owner", True), ("auditor", False), ("engineer", False)])
def test_who_may_ask_for_agents(phone: Phone, who: str, may: bool, jobs: Any) -> None:
    actor = getattr(phone.cast, who).actor
    if may:
        agents.ask_for_agents(actor=actor, connection_id=phone.connection_id)
        assert "intake.pull_agents" in jobs.names
    else:
        with pytest.raises(NotAllowed):
            agents.ask_for_agents(actor=actor, connection_id=phone.connection_id)


def test_agents_of_whom(phone: Phone, far: FarEnd) -> None:
    with pytest.raises(NotFound):
        agents.ask_for_agents(actor=phone.cast.outsider.actor, connection_id=phone.connection_id)
    keyless = open_phone(phone.cast, far, with_key=False)
    with pytest.raises(Invalid):
        agents.ask_for_agents(actor=phone.cast.officer.actor, connection_id=keyless.connection_id)

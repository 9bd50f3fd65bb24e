"""Checks, prompts, audits and findings over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from accounts.actors import Actor
from compliance.disclosure import api as window
from compliance.disclosure import rules
from compliance.disclosure.operations import auditing
from tests.cast import Cast, Member
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import BARE, DISCLOSED, HIDDEN, SILENT, UNTOLD, Hold
from tests.entries import Entries

CHECKS = "/api/v1/disclosure/checks"
AUDITS = "/api/v1/disclosure/audits"
FINDINGS = "/api/v1/disclosure/findings"
SignIn = Callable[[Member], APIClient]


def put(api: APIClient, agent: Any, text: str, **body: Any) -> Any:
    headers = body.pop("headers", {})
    path = f"/api/v1/agents/{getattr(agent, 'id', agent)}/prompt"
    return api.put(path, {"prompt": text, **body}, format="json", headers=headers)


# --- checks -----------------------------------------------------------------------------------------------------------


def test_a_prompt_is_checked_with_reasons_place_and_fix(api: APIClient, entries: Entries) -> None:
    body = {"id": "p-1", "prompt": BARE, "language": "en-US", "jurisdictions": ["de"]}
    answer = api.post(CHECKS, body, format="json")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["id"], found["verdict"]) == ("p-1", "fail")
    assert found["reasons"] == ["consent_not_requested", "purpose_missing"]
    start, end = found["spans"]["evidence"]
    assert BARE[start:end] == found["evidence"] == "You're on a recorded line."
    assert (found["jurisdiction"]["class"], found["jurisdiction"]["purpose"]) == ("express", True)
    assert found["jurisdiction"]["codes"] == ["DE"]
    assert entries.events == ["disclosure.text.checked"]


def test_the_fix_makes_it_pass(api: APIClient) -> None:
    body = {"prompt": BARE, "language": "en-US", "jurisdictions": ["DE"]}
    found = api.post(CHECKS, body, format="json").json()
    assert found["fix"]
    text = BARE
    for edit in sorted(found["edits"], key=lambda one: one["start"], reverse=True):
        text = text[: edit["start"]] + edit["text"] + text[edit["end"] :]
    assert api.post(CHECKS, body | {"prompt": text}, format="json").json()["verdict"] == "pass"


def test_a_transcript_is_checked(api: APIClient) -> None:
    turns = [
        {"role": "assistant", "content": "This call is recorded.", "timestamp": "2026-03-02T17:04:10Z"},
        {"role": "user", "content": "", "timestamp": None},
        {"role": "user", "content": "My name is Maria Delgado.", "timestamp": "2026-03-02T17:04:14Z"},
    ]
    body = {"transcription": turns, "language": "en", "jurisdictions": ["US-CA"]}
    found = api.post(CHECKS, body, format="json").json()
    assert (found["id"], found["verdict"], found["reasons"]) == (None, "pass", ["disclosed"])
    assert (found["disclosure_turn"], found["first_personal_data_turn"]) == (0, 2)
    assert found["jurisdiction"]["class"] == "notice"


def test_offsets_count_from_the_first_character_sent(api: APIClient) -> None:
    found = api.post(CHECKS, {"prompt": f"\n\n  🙂 {DISCLOSED}\n", "language": "en"}, format="json").json()
    start, end = found["spans"]["evidence"]
    assert f"\n\n  🙂 {DISCLOSED}"[start:end] == found["evidence"]


def test_without_a_language_nothing_passes(api: APIClient) -> None:
    for text in (DISCLOSED, SILENT):
        body = {"prompt": text, "jurisdictions": ["US-TX"]}
        assert api.post(CHECKS, body, format="json").json()["verdict"] == "review"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": "Hello", "transcription": []}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "   "}, "prompt"),
        ({"prompt": "a" * (rules.MAX_CHARS + 1)}, "prompt"),
        ({"prompt": "half \ud800"}, "prompt"),
        ({"prompt": 7.5, "language": ["en"]}, "language"),
        ({"prompt": "Hello", "language": "not a tag"}, "language"),
        ({"prompt": "Hello", "jurisdictions": ["Texas"]}, "jurisdictions"),
        ({"prompt": "Hello", "jurisdictions": "DE"}, "jurisdictions"),
        ({"prompt": "Hello", "tone": "kind"}, "tone"),
        ({"transcription": [{"role": "user"}]}, "transcription.0.content"),
        ({"transcription": [{"role": "user", "content": "a", "timestamp": {}}]}, "transcription.0.timestamp"),
        ({"transcription": ["Hello"]}, "transcription.0.non_field_errors"),
        ({"transcription": [{"role": "user", "content": "a" * 200_000}] * 6}, "transcription"),
    ],
)
def test_what_cannot_be_checked_is_named(api: APIClient, body: dict[str, Any], field: str, entries: Entries) -> None:
    answer = api.post(CHECKS, json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert field in answer.json()["errors"]
    assert "disclosure.text.checked" not in entries.events


def test_a_check_needs_a_key_with_its_scope(api: APIClient, cast: Cast) -> None:
    assert APIClient().post(CHECKS, {"prompt": SILENT}, format="json").status_code in (401, 403)
    assert api.post(CHECKS, {"prompt": SILENT}, format="json").status_code == 200


# --- prompts ----------------------------------------------------------------------------------------------------------


def test_a_prompt_is_put_judged_and_put_again(api: APIClient, agent: Any, entries: Entries) -> None:
    first = put(api, agent, SILENT)
    assert first.status_code == 201
    found = first.json()
    assert (found["number"], found["state"], found["verdict"], found["language"]) == (1, "judged", "fail", "en-US")
    assert found["audit"]["reasons"] == ["missing"]
    assert [one["reason"] for one in found["audit"]["findings"]] == ["missing"]
    again = put(api, agent, SILENT)
    assert (again.status_code, again.json()) == (200, found)
    assert entries.events == ["disclosure.prompt.submitted", "disclosure.prompt.judged"]


def test_a_long_prompt_is_judged_a_moment_later(api: APIClient, agent: Any, jobs: Any) -> None:
    text = DISCLOSED + " Be kind." * (window.JUDGED_AT_ONCE // 9)
    found = put(api, agent, text).json()
    assert (found["state"], found["verdict"], found["audit"]) == ("pending", None, None)
    assert room.work("disclosure.audit_prompt", found["id"])
    assert put(api, agent, text).json()["verdict"] == "pass"


def test_a_repeated_key_answers_the_same_and_writes_nothing(api: APIClient, agent: Any, entries: Entries) -> None:
    headers = {"Idempotency-Key": "one"}
    first = put(api, agent, SILENT, headers=headers)
    written = len(entries)
    again = put(api, agent, SILENT, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert len(entries) == written
    assert put(api, agent, DISCLOSED, headers=headers).status_code == 409


def test_prompts_are_listed_with_their_verdicts_and_without_their_words(
    api: APIClient, agent: Any, signed_in: SignIn, cast: Cast
) -> None:
    for text in (SILENT, DISCLOSED):
        put(api, agent, text)
    answer = signed_in(cast.engineer).get("/api/v1/agents/agent_frontdesk/prompts", {"limit": 1})
    (newest,) = answer.json()["results"]
    assert (newest["number"], newest["verdict"]) == (2, "pass")
    cursor = answer.json()["next_cursor"]
    rest = api.get("/api/v1/agents/agent_frontdesk/prompts", {"cursor": cursor}).json()
    assert [(one["number"], one["verdict"]) for one in rest["results"]] == [(1, "fail")]
    assert rest["next_cursor"] is None
    assert "account number" not in answer.content.decode() + str(rest)


def test_the_outsider_finds_nothing_and_the_engineer_does(
    api: APIClient, outsider_api: APIClient, agent: Any, signed_in: SignIn, cast: Cast
) -> None:
    found = put(api, agent, SILENT).json()
    audit, finding = found["audit"], found["audit"]["findings"][0]
    paths = [f"/api/v1/agents/{agent.id}/prompts", f"{AUDITS}/{audit['id']}"]
    for client, status in ((outsider_api, 404), (signed_in(cast.outsider), 404), (signed_in(cast.engineer), 200)):
        assert [client.get(path).status_code for path in paths] == [status] * 2
    assert put(outsider_api, agent, DISCLOSED).status_code == 404
    assert signed_in(cast.outsider).get(FINDINGS).json()["results"] == []
    assert outsider_api.get(AUDITS).json()["results"] == []
    path = f"{FINDINGS}/{finding['id']}/resolve"
    body = {"resolution": "accepted"}
    assert signed_in(cast.outsider).post(path, body, format="json").status_code == 404
    assert signed_in(cast.engineer).post(path, body, format="json").status_code == 200


def test_the_auditor_reads_and_does_not_write(agent: Any, signed_in: SignIn, cast: Cast) -> None:
    put(signed_in(cast.engineer), agent, SILENT)
    client = signed_in(cast.auditor)
    assert len(client.get(FINDINGS).json()["results"]) == 1
    refused = put(client, agent, DISCLOSED)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


# --- audits and findings ----------------------------------------------------------------------------------------------


def test_audits_are_filtered(api: APIClient, agent: Any, held_call: Hold, cast: Cast) -> None:
    call_id = held_call(UNTOLD)
    auditing.audit_call(actor=Actor.scheduler(cast.organisation_id), call_id=call_id)
    put(api, agent, DISCLOSED)
    put(api, "agent_other", HIDDEN, language="en", jurisdictions=["US-CA"])

    def asked(**query: Any) -> list[Any]:
        return [(one["verdict"], one["reasons"][0]) for one in api.get(AUDITS, query).json()["results"]]

    assert asked() == [("fail", "negated"), ("pass", "disclosed"), ("fail", "missing")]
    assert asked(verdict="pass") == [("pass", "disclosed")]
    assert asked(call=str(call_id)) == [("fail", "missing")]
    assert asked(agent=str(agent.id)) == [("pass", "disclosed"), ("fail", "missing")]
    assert asked(agent="agent_other", verdict="fail") == [("fail", "negated")]
    assert asked(call=str(uuid4())) == []


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (AUDITS, {"verdict": "good"}, 400),
        (AUDITS, {"call": "call_1"}, 400),
        (AUDITS, {"agent": "nobody"}, 404),
        (FINDINGS, {"state": "closed"}, 400),
        (FINDINGS, {"verdict": "PASS"}, 400),
        (f"{AUDITS}/{UUID(int=1)}", {}, 404),
    ],
)
def test_a_filter_that_means_nothing_is_an_error(api: APIClient, path: str, query: dict[str, str], status: int) -> None:
    assert api.get(path, query).status_code == status


def test_an_audit_shows_offsets_and_findings_and_no_words(api: APIClient, agent: Any) -> None:
    audit_id = put(api, agent, HIDDEN).json()["audit"]["id"]
    answer = api.get(f"{AUDITS}/{audit_id}")
    found = answer.json()
    start, end = found["details"]["offending"]
    assert "say it is not recorded" in HIDDEN[start:end]
    assert [one["reason"] for one in found["findings"]] == ["negated", "concealed"]
    assert "asks whether" not in answer.content.decode()


def test_a_finding_is_resolved_once(agent: Any, signed_in: SignIn, cast: Cast) -> None:
    client = signed_in(cast.engineer)
    finding = put(client, agent, SILENT).json()["audit"]["findings"][0]
    path = f"{FINDINGS}/{finding['id']}/resolve"
    body = {"resolution": "accepted", "note": "Agreed with Quentin"}
    done = client.post(path, body, format="json")
    assert (done.json()["state"], done.json()["resolution"]) == ("resolved", "accepted")
    assert "Quentin" not in done.content.decode()
    assert client.post(path, body, format="json").json()["code"] == "already_resolved"
    assert client.get(FINDINGS, {"state": "open"}).json()["results"] == []
    assert len(client.get(FINDINGS, {"state": "resolved", "verdict": "fail"}).json()["results"]) == 1


def test_a_key_does_not_resolve(api: APIClient, agent: Any) -> None:
    finding = put(api, agent, SILENT).json()["audit"]["findings"][0]
    answer = api.post(f"{FINDINGS}/{finding['id']}/resolve", {"resolution": "fixed"}, format="json")
    assert answer.status_code == 403


def test_a_machine_does_not_supersede(agent: Any, signed_in: SignIn, cast: Cast) -> None:
    client = signed_in(cast.engineer)
    finding = put(client, agent, SILENT).json()["audit"]["findings"][0]
    answer = client.post(f"{FINDINGS}/{finding['id']}/resolve", {"resolution": "superseded"}, format="json")
    assert answer.status_code == 400

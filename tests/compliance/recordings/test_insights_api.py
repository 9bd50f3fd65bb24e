"""/api/v1/calls/{id}/insights and the console's page of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import operations as accounts
from accounts.actors import Actor
from compliance.retention import disposal
from compliance.retention.grounds import Ground
from tests.cast import Cast, Member
from tests.compliance.calls import Line, work
from tests.compliance.recordings import talks
from tests.conftest import key_client
from tests.walks.desk import Desk, button_of

JOB = "recordings.conclude_transcript"
ANGRY = "I am very angry. Call 415-555-0133 or write to <b>jane@example.com</b>, my card is 4111 1111 1111 1111."


def say(line: Line, name: str, content: str = ANGRY, **fields: Any) -> UUID:
    id_ = talks.say(line, name, "Hello, this is wonderful.", content, is_indexed=False, **fields)
    work(JOB)
    return id_


def url_of(call_id: UUID | str) -> str:
    return f"/api/v1/calls/{call_id}/insights"


def test_what_a_call_holds(line: Line, api: APIClient) -> None:
    id_ = say(line, "one")
    answer = api.get(url_of(id_))
    assert answer.status_code == 200, answer.content
    assert answer.headers["Cache-Control"] == "private, no-store"
    body = answer.json()
    spans = [(one["kind"], one["turn"], ANGRY[one["start"] : one["end"]], one["hint"]) for one in body.pop("spans")]
    assert spans == [
        ("phone", 1, "415-555-0133", "…33"),
        ("email", 1, "jane@example.com", "j…"),
        ("card", 1, "4111 1111 1111 1111", "…1111"),
    ]
    felt, made_at = body.pop("sentiment"), body.pop("made_at")
    assert made_at
    assert body == {
        "call_id": str(id_), "transcript_version": 1, "method": 1, "is_current": True, "is_complete": True,
        "regions": ["US"], "counts": {"phone": 1, "email": 1, "card": 1},
    }  # fmt: skip
    score = felt.pop("score")
    assert -1 <= score < -0.3
    assert felt == {
        "feeling": "negative", "method": "vader 3.3.2", "language": "en", "language_source": "words",
        "turns": [{"turn": 1, "score": score}],
    }  # fmt: skip
    assert api.get(url_of("one")).json()["call_id"] == str(id_)


def test_a_language_that_is_not_supported_is_said(line: Line, api: APIClient) -> None:
    id_ = say(line, "one", "Das ist ein schlechter Dienst, und ich will mein Geld zurück.")
    felt = api.get(url_of(id_)).json()["sentiment"]
    assert (felt["feeling"], felt["score"], felt["turns"]) == ("not_supported", None, [])


def test_without_words_there_is_nothing(line: Line, api: APIClient) -> None:
    line.deliver(transcription=None, recordingUrl=None)
    answer = api.get(url_of(line.call().id))
    assert (answer.status_code, answer.json()["code"]) == (404, "no_transcript")
    assert api.get(url_of(UUID(int=7))).status_code == 404


def test_words_that_nobody_looked_through_yet(line: Line, api: APIClient) -> None:
    id_ = talks.say(line, "one", "Hello.", is_indexed=False)
    answer = api.get(url_of(id_))
    assert (answer.status_code, answer.json()["code"]) == (409, "insights_pending")


def test_it_needs_the_scope_of_content(cast: Cast, line: Line) -> None:
    id_ = say(line, "one")
    for scopes, status in ((["calls:read", "calls:content"], 200), (["calls:read"], 403), (["calls:content"], 403)):
        _, key = accounts.issue_api_key(actor=cast.owner.actor, name="one", scopes=scopes, purpose="training")
        assert key_client(key).get(url_of(id_)).status_code == status
        assert key_client(key).get(url_of(id_).replace("insights", "transcript")).status_code == status
    assert APIClient().get(url_of(id_)).status_code == 401


@pytest.mark.parametrize(("who", "status"), [("officer", 200), ("colleague", 200), ("auditor", 403), ("engineer", 403)])
def test_who_may_open_content_may_see_it(
    cast: Cast, line: Line, signed_in: Callable[[Member], APIClient], who: str, status: int
) -> None:
    id_ = say(line, "one")
    client = signed_in(getattr(cast, who))
    assert client.get(url_of(id_) + "?purpose=training").status_code == status


def test_a_member_states_a_purpose(cast: Cast, line: Line, signed_in: Callable[[Member], APIClient]) -> None:
    id_ = say(line, "one")
    client = signed_in(cast.officer)
    refused = client.get(url_of(id_))
    assert (refused.status_code, refused.json()["code"]) == (400, "purpose_needed")
    assert client.get(url_of(id_) + "?purpose=training").status_code == 200


def test_another_organisation_sees_nothing(line: Line, api: APIClient, outsider_api: APIClient) -> None:
    id_ = say(line, "one")
    assert api.get(url_of(id_)).status_code == 200
    assert outsider_api.get(url_of(id_)).status_code == 404
    assert outsider_api.get(url_of("one")).status_code == 404


def test_after_an_erasure_nothing_answers(line: Line, api: APIClient) -> None:
    id_ = say(line, "one")
    actor = Actor.scheduler(line.organisation_id)
    disposal.begin_call_disposal(actor=actor, call_id=id_, ground=Ground.ERASURE_REQUEST)
    answer = api.get(url_of(id_))
    assert answer.status_code == 410
    assert b"angry" not in answer.content


# --- the console ------------------------------------------------------------------------------------------------------


@pytest.fixture
def officer(cast: Cast, console: Callable[[Member], Client]) -> Desk:
    return Desk(console(cast.officer))


def shown(officer: Desk, call_id: UUID) -> str:
    answer = officer.client.post(button_of("recordings.Call", "open_content", call_id), {"purpose": "complaint"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_console_marks_what_was_found_and_says_how_the_caller_sounds(line: Line, officer: Desk) -> None:
    page = shown(officer, say(line, "one"))
    assert 'Call <mark title="phone">415-555-0133</mark> or' in page
    assert 'write to &lt;b&gt;<mark title="email">jane@example.com</mark>&lt;/b&gt;, my card is' in page
    assert '<mark title="card">4111 1111 1111 1111</mark>.' in page
    assert "What was found in the words" in page
    assert "on a scale from -1 to 1" in page
    assert "vader 3.3.2" in page
    assert "en, by the caller&#x27;s words" in page


def test_the_console_says_what_is_not_supported_pending_or_missing(line: Line, officer: Desk) -> None:
    german = say(line, "one", "Das ist <schlecht>, und ich will mein Geld zurück.")
    page = shown(officer, german)
    assert "Not supported for this language" in page
    assert "Das ist &lt;schlecht&gt;" in page
    pending = talks.say(line, "two", "Hello there.", is_indexed=False)
    assert "still being looked through" in shown(officer, pending)
    line.deliver(id="three", transcription=None, recordingUrl=None)
    assert "This call has no transcript." in shown(officer, line.call("three").id)


def test_who_opens_no_content_has_no_such_page(cast: Cast, line: Line, console: Callable[[Member], Client]) -> None:
    url = button_of("recordings.Call", "open_content", say(line, "one"))
    assert console(cast.colleague).get(url).status_code == 200
    assert console(cast.auditor).get(url).status_code == 403

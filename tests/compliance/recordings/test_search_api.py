"""/api/v1/calls/search and the console's page of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import operations as accounts
from accounts.actors import Actor
from compliance.retention import disposal
from compliance.retention.grounds import Ground
from tests.cast import Cast, Member
from tests.compliance.calls import Line
from tests.compliance.recordings import talks
from tests.compliance.recordings.talks import lose_index, say
from tests.conftest import key_client
from tests.walks.desk import Desk, button_of

URL = "/api/v1/calls/search"


def ask(api: APIClient, **body: Any) -> dict[str, Any]:
    answer = api.post(URL, body, format="json")
    assert answer.status_code == 200, answer.content
    assert answer.headers["Cache-Control"] == "private, no-store"
    found: dict[str, Any] = answer.json()
    return found


def test_a_search_by_key(line: Line, api: APIClient) -> None:
    id_ = say(line, "one", "Hello.", "First. The <b>Chargeback</b> of May. Last.", hours=1)
    say(line, "two", "Nothing.", hours=2)
    body = ask(api, words="chargeback")
    (hit,) = body.pop("results")
    assert (hit["call"]["id"], hit["call"]["external_id"]) == (str(id_), "one")
    assert hit["turns"] == [1]
    assert hit["excerpts"] == [
        {"turn": 1, "role": "user", "text": "The <b>Chargeback</b> of May.", "start": 7, "end": 17}
    ]
    assert body == {
        "next_cursor": None, "searched_back_to": None, "index_complete": True, "waiting": 0, "opened": 1,
        "unreadable": 0, "count": {"calls": 1, "kind": "exact"},
    }  # fmt: skip
    assert "4155550132" not in str(hit)


def test_pages_and_filters_over_http(line: Line, api: APIClient) -> None:
    for number in range(3):
        say(line, f"call_{number}", "The chargeback.", hours=number, agentId=f"agent_{number}")
    first = ask(api, words="chargeback", limit=2)
    assert [hit["call"]["external_id"] for hit in first["results"]] == ["call_2", "call_1"]
    assert first["searched_back_to"] == "2026-03-02T18:00:00+00:00"
    second = ask(api, words="chargeback", limit=2, cursor=first["next_cursor"])
    assert [hit["call"]["external_id"] for hit in second["results"]] == ["call_0"]
    assert (second["next_cursor"], second["count"]) == (None, None)
    only = ask(api, words="chargeback", calls={"agent": "agent_1"}, role="assistant", count=True)
    assert [hit["call"]["external_id"] for hit in only["results"]] == ["call_1"]


def test_a_lost_index_is_told(line: Line, api: APIClient) -> None:
    say(line, "one", "The chargeback.")
    lose_index(line)
    body = ask(api, words="chargeback")
    assert (len(body["results"]), body["index_complete"]) == (1, False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "words"),
        ({"words": ""}, "words"),
        ({"words": "x" * 201}, "words"),
        ({"words": "a\0b"}, "words"),
        ({"words": 7.5, "other": 1}, "other"),
        ({"words": "abc", "limit": 51}, "limit"),
        ({"words": "abc", "limit": 0}, "limit"),
        ({"words": "abc", "cursor": "nonsense"}, "cursor"),
        ({"words": "abc", "cursor": "f" * 32}, "cursor"),
        ({"words": "abc", "calls": {"colour": "red"}}, "colour"),
        ({"words": "abc", "calls": {"since": "yesterday"}}, "since"),
        ({"words": "abc", "calls": []}, "calls"),
    ],
)
def test_what_cannot_be_asked_is_a_reason_and_no_fault(
    line: Line, api: APIClient, body: dict[str, Any], field: str
) -> None:
    answer = api.post(URL, body, format="json")
    assert answer.status_code == 400, answer.content
    assert field in str(answer.json()["errors"])


def test_half_a_surrogate_pair_is_no_text(line: Line, api: APIClient) -> None:
    answer = api.post(URL, r'{"words": "\ud800abc"}', content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_blanks_around_the_words_count(line: Line, api: APIClient) -> None:
    say(line, "one", "a chargeback!")
    assert len(ask(api, words=" chargeback")["results"]) == 1
    assert len(ask(api, words="chargeback ")["results"]) == 0


def test_words_never_stand_in_an_address(line: Line, api: APIClient) -> None:
    assert api.get(f"{URL}?words=chargeback").status_code == 405


def test_it_needs_the_scope_of_content(cast: Cast, line: Line) -> None:
    say(line, "one", "The chargeback.")
    for scope, status in (("calls:content", 200), ("calls:read", 403)):
        _, key = accounts.issue_api_key(actor=cast.owner.actor, name="one", scopes=[scope], purpose="training")
        assert key_client(key).post(URL, {"words": "chargeback"}, format="json").status_code == status
    assert APIClient().post(URL, {"words": "chargeback"}, format="json").status_code == 401


def test_a_member_states_a_purpose(cast: Cast, line: Line, signed_in: Callable[[Member], APIClient]) -> None:
    say(line, "one", "The chargeback.")
    client = signed_in(cast.officer)
    refused = client.post(URL, {"words": "chargeback"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "purpose_needed")
    assert client.post(URL, {"words": "chargeback", "purpose": "training"}, format="json").status_code == 200


def test_another_organisation_finds_nothing(line: Line, outside_line: Line, outsider_api: APIClient) -> None:
    say(line, "one", "The chargeback.")
    assert ask(outsider_api, words="chargeback")["results"] == []
    assert ask(outsider_api, words="ch")["results"] == []


def test_after_an_erasure_nothing_answers(line: Line, api: APIClient) -> None:
    id_ = say(line, "one", "The chargeback.")
    assert len(ask(api, words="chargeback")["results"]) == 1
    actor = Actor.scheduler(line.organisation_id)
    disposal.begin_call_disposal(actor=actor, call_id=id_, ground=Ground.ERASURE_REQUEST)
    assert ask(api, words="chargeback")["results"] == []


# --- the console ------------------------------------------------------------------------------------------------------


@pytest.fixture
def officer(cast: Cast, console: Callable[[Member], Client]) -> Desk:
    return Desk(console(cast.officer))


def test_the_console_shows_the_sentences_and_the_way_to_the_call(line: Line, officer: Desk) -> None:
    id_ = say(line, "one", "Hello.", "First. The <b>Chargeback</b> of May. Last.")
    url = button_of("recordings.Call", "search_words")
    assert 'name="said"' in officer.client.get(url).content.decode()
    answer = officer.client.post(url, {"said": "chargeback", "purpose": "complaint"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "The &lt;b&gt;<mark>Chargeback</mark>&lt;/b&gt; of May." in page
    assert f"/admin/recordings/call/{id_}/change/" in page
    assert re.search(r"\b1 call\b", page)
    assert "chargeback" not in url
    assert "no-store" in answer.headers["Cache-Control"]


def test_the_console_goes_on_to_earlier_calls(line: Line, officer: Desk) -> None:
    for number in range(52):
        say(line, f"call_{number:02d}", "The chargeback.", hours=number, is_indexed=False)
    talks.index()
    url = button_of("recordings.Call", "search_words")
    asked = {"said": "chargeback", "purpose": "complaint", "since": "2026-03-01 00:00:00", "agent": "agent_frontdesk"}
    first = officer.client.post(url, asked).content.decode()
    assert "call_51" in first
    assert "call_01" not in first
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', first))
    assert fields.pop("csrfmiddlewaretoken", "")
    assert {name: fields[name] for name in asked} == asked
    second = officer.client.post(url, fields).content.decode()
    assert "call_01" in second
    assert "call_00" in second
    assert "call_51" not in second
    assert "Search earlier calls" not in second


def test_the_console_asks_for_words_and_a_purpose(line: Line, officer: Desk) -> None:
    url = button_of("recordings.Call", "search_words")
    assert officer.client.post(url, {"said": "chargeback"}).status_code == 400
    assert officer.client.post(url, {"purpose": "complaint"}).status_code == 400


def test_who_opens_no_content_has_no_such_page(cast: Cast, line: Line, console: Callable[[Member], Client]) -> None:
    url = button_of("recordings.Call", "search_words")
    assert console(cast.colleague).get(url).status_code == 200
    assert console(cast.auditor).get(url).status_code == 403

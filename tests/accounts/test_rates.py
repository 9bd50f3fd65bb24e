"""A key has its quota a minute, and is told how much of it is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from rest_framework.test import APIClient

from accounts import operations
from tests.cast import Cast, Member
from tests.conftest import key_client

CONNECTIONS = "/api/v1/connections"
START = datetime(2030, 3, 1, 12, 0, 15, tzinfo=UTC)


def limits(answer: Any) -> tuple[str, str]:
    return answer["RateLimit-Policy"], answer["RateLimit"]


def fresh_key(cast: Cast) -> str:
    scopes = ["connections:read", "connections:write"]
    _, text = operations.issue_api_key(actor=cast.owner.actor, name="fresh", scopes=scopes)
    return text


def test_headers_count_down_and_the_window_ends(cast: Cast, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    with time_machine.travel(START, tick=False) as clock:
        api = key_client(fresh_key(cast))
        assert limits(api.get(CONNECTIONS)) == ('"default";q=2;w=60', '"default";r=1;t=45')
        clock.shift(5)
        assert limits(api.get(CONNECTIONS))[1] == '"default";r=0;t=40'
        refused = api.post(CONNECTIONS, {"platform": "dialgen", "name": "x"}, format="json")
        assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
        assert refused.json()["code"] == "throttled"
        assert (refused["Retry-After"], refused["RateLimit"]) == ("40", '"default";r=0;t=40')
        clock.shift(timedelta(seconds=40))
        answer = api.get(CONNECTIONS)
        assert (answer.status_code, answer["RateLimit"]) == (200, '"default";r=1;t=60')
        assert answer.json()["results"] == []


def test_everybody_has_a_quota_of_their_own(
    cast: Cast, signed_in: Callable[[Member], APIClient], settings: Any
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    with time_machine.travel(START, tick=False):
        api = key_client(fresh_key(cast))
        assert [api.get(CONNECTIONS).status_code for _ in range(2)] == [200, 429]
        for other in (key_client(fresh_key(cast)), signed_in(cast.officer), signed_in(cast.colleague)):
            assert [other.get(CONNECTIONS).status_code for _ in range(2)] == [200, 429]


def test_who_is_nobody_is_not_counted(cast: Cast, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    answers = [APIClient().get(CONNECTIONS) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {401}
    assert "RateLimit" not in answers[0]

"""Deletion debt over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.actors import Actor
from compliance.retention import debt, disposal
from tests.calls import Media
from tests.cast import Cast, Member


@pytest.fixture
def places(cast: Cast, arrived: Callable[..., Any], jobs: Any, signed_in: Callable[[Member], APIClient]) -> list[Any]:
    """The platform's copies of an erased call."""
    call_id = arrived("01")["01"]
    clock = Actor.scheduler(cast.organisation_id)
    disposal.begin_call_disposal(actor=clock, call_id=call_id, ground=disposal.Ground.ERASURE_REQUEST)
    jobs.drain()
    found: list[Any] = signed_in(cast.officer).get("/api/v1/deletion-debt").json()["results"]
    return found


def test_each_place_is_checked_or_attested_until_nothing_is_owed(
    cast: Cast, places: list[Any], media: Media, jobs: Any, signed_in: Callable[[Member], APIClient]
) -> None:
    officer = signed_in(cast.officer)
    media.files.clear()
    gone = [officer.post(f"/api/v1/locations/{place['id']}/check").json()["is_gone"] for place in places]
    assert sorted(gone) == [False, True]  # the recording has an address to ask, the transcript has none
    transcript = places[gone.index(False)]["id"]
    evidence = {"evidence": "support case 4711, confirmed in writing"}
    assert officer.post(f"/api/v1/locations/{transcript}/attestation", evidence, format="json").status_code == 200
    jobs.drain()
    assert officer.get("/api/v1/deletion-debt").json()["results"] == []


def test_nothing_is_locked_while_the_platform_thinks(
    cast: Cast, places: list[Any], signed_in: Callable[[Member], APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside the test's own transaction a savepoint would be open around the question."""
    depth = len(connection.savepoint_ids)
    seen = []

    def probe(url: str, hosts: list[str]) -> str:
        seen.append(len(connection.savepoint_ids))
        return "still_answers"

    monkeypatch.setattr(debt, "_probe", probe)
    for place in places:
        signed_in(cast.officer).post(f"/api/v1/locations/{place['id']}/check")
    assert seen == [depth]


def test_another_organisations_place_is_not_there(
    cast: Cast, places: list[Any], signed_in: Callable[[Member], APIClient]
) -> None:
    outsider = signed_in(cast.outsider)
    assert {outsider.post(f"/api/v1/locations/{place['id']}/check").status_code for place in places} == {404}

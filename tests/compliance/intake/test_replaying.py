"""Quarantine: seen with its reason, and read again, one by one or all that fell at one hurdle."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.errors import NotAllowed
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.dialgen import DialGen
from compliance.errors import Invalid
from compliance.intake import access, operations
from compliance.intake.operations import replaying
from tests.cast import Cast
from tests.compliance.calls import Entries, Line, body_of, connect, work


def states(line: Line) -> list[str]:
    with tenancy.scope(line.organisation_id):
        return sorted(access.deliveries(line.organisation_id).values_list("state", flat=True))


@pytest.fixture
def broken(line: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Three calls that the reader could not read, and one that nobody can; then the reader is mended."""

    def fail(self: DialGen, raw_body: bytes) -> None:
        raise Unparseable("wrong_type")

    with monkeypatch.context() as patch:
        patch.setattr(DialGen, "parse", fail)
        for number in range(3):
            line.post(body_of(id=f"call_{number}"))
        work("intake.process_delivery")
    line.post(b"not json")
    work("intake.process_delivery")
    assert states(line) == ["quarantined"] * 4
    return line


def test_all_of_one_code_are_read_again(broken: Line, cast: Cast, entries: Entries) -> None:
    done = operations.replay_deliveries(actor=cast.officer.actor, code="wrong_type")
    assert (done.count, done.remaining) == (3, 0)
    assert len(entries.of("intake.delivery.replayed")) == 3
    work("intake.process_delivery")
    assert states(broken) == ["processed"] * 3 + ["quarantined"]


def test_at_most_so_many_at_a_time_and_the_rest_is_told(
    broken: Line, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "MOST", 2)
    done = operations.replay_deliveries(actor=cast.officer.actor, code="wrong_type")
    assert (done.count, done.remaining) == (2, 1)
    work("intake.process_delivery")
    assert operations.replay_deliveries(actor=cast.officer.actor, code="wrong_type").count == 1


def test_another_connections_are_left_alone(broken: Line, cast: Cast) -> None:
    other = connect(cast.officer.actor)
    assert operations.replay_deliveries(actor=cast.officer.actor, connection_id=other.connection.id).count == 0
    assert operations.replay_deliveries(actor=cast.outsider.actor, code="wrong_type").count == 0


def test_something_must_be_chosen_and_not_by_everybody(broken: Line, cast: Cast) -> None:
    with pytest.raises(Invalid):
        operations.replay_deliveries(actor=cast.officer.actor)
    with pytest.raises(NotAllowed):
        operations.replay_deliveries(actor=cast.colleague.actor, code="wrong_type")


def test_replaying_over_the_api(broken: Line, cast: Cast, api: APIClient, signed_in: Any) -> None:
    chosen = {"connection_id": str(broken.connection.id), "code": "wrong_type"}
    assert api.post("/api/v1/deliveries/replay", chosen, format="json").status_code == 403
    assert signed_in(cast.auditor).post("/api/v1/deliveries/replay", chosen, format="json").status_code == 403
    officer = signed_in(cast.officer)
    assert officer.post("/api/v1/deliveries/replay", {}, format="json").status_code == 400
    answer = officer.post("/api/v1/deliveries/replay", chosen, format="json")
    assert (answer.status_code, answer.json()) == (202, {"replayed": 3, "remaining": 0})


def test_the_list_is_filtered(broken: Line, cast: Cast, api: APIClient) -> None:
    def ids(query: str) -> int:
        return len(api.get(f"/api/v1/deliveries?{query}").json()["results"])

    with tenancy.scope(broken.organisation_id):
        first = access.deliveries(broken.organisation_id).order_by("id").first()
    assert first is not None
    at, later = quote(first.received_at.isoformat()), quote((first.received_at + timedelta(hours=1)).isoformat())
    assert ids("code=wrong_type") == 3
    assert ids("code=not_json&state=quarantined") == 1
    assert ids(f"connection={broken.connection.id}") == 4
    assert ids(f"connection={cast.organisation_id}") == 0
    assert ids(f"received_from={at}&received_to={later}") == 4
    assert ids(f"received_to={at}") == 0
    assert api.get("/api/v1/deliveries?received_from=yesterday").status_code == 400
    assert api.get("/api/v1/deliveries?connection=odd").status_code == 400


def test_quarantine_in_the_console(broken: Line, cast: Cast, console: Any) -> None:
    page = console(cast.officer).get("/admin/intake/delivery/?state__exact=quarantined").content.decode()
    assert "wrong type" in page or "wrong_type" in page
    answer = console(cast.officer).post("/admin/intake/delivery/replay-all/", {"connection": "", "code": "not_json"})
    assert answer.status_code == 302

"""The database connection is lost in the middle of a request, before each of its statements in turn: nothing is half
done.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from django.db import close_old_connections, connections

from accounts import tenancy
from audit import publish
from compliance.dsr import access as requests
from compliance.dsr.models import OutboundMail, RequestRight
from compliance.rest import PROBLEM_JSON
from tests import conftest
from tests.cast import Cast
from tests.database import Databases
from tests.faults.steps import Steps, in_child
from tests.log import publish_log
from tests.servers import Servers

BODY = {
    "rights": ["access", "erasure"],
    "regime": "eu-gdpr",
    "place": "DE-BY",
    "identities": [{"kind": "email", "value": "maria.delgado@example.com"}],
    "person": {"name": "Maria Delgado", "email": "maria.delgado@example.com"},
}

_MOST = 400


class Scissors:
    """Ends the backend of whatever connection takes the nth step of a request."""

    def __init__(self, superuser: str) -> None:
        self._superuser = superuser
        self._left = -1

    def after(self, steps: int) -> None:
        self._left = steps

    def has_cut(self) -> bool:
        """Whether the connection of the last request was ended."""
        return self._left < 0

    def take(self, what: str) -> None:
        """In place of counting the step."""
        alias = what.partition(":")[0]
        raw = connections[alias].connection if alias in {"default", "keys"} else None
        if raw is None or self.has_cut():
            return
        self._left -= 1
        if self.has_cut():
            with psycopg.connect(self._superuser, autocommit=True) as superuser:
                superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [raw.info.backend_pid])


def _ask(client: Any, key: str) -> Any:
    answer = client.post("/api/v1/requests", BODY, format="json", headers={"Idempotency-Key": key})
    close_old_connections()  # what the server does after each request; the test client leaves it out
    return answer


def _cut_everywhere(cast: Cast, superuser: str, told: Callable[[str], object]) -> Callable[[Steps], None]:
    def work(steps: Steps) -> None:
        client, scissors = conftest.key_client(cast.robot_key), Scissors(superuser)
        client.raise_request_exception = False
        steps.take = scissors.take  # type: ignore[method-assign]
        assert _ask(client, secrets.token_hex(8)).status_code == 201
        for step in range(_MOST):
            key = secrets.token_hex(8)
            scissors.after(step)
            answer = _ask(client, key)
            if not scissors.has_cut():
                told(str(step))
                assert answer.status_code == 201
                return
            assert (answer.status_code, answer["Content-Type"]) in {
                (500, PROBLEM_JSON), (503, PROBLEM_JSON), (201, "application/json")
            }, (step, answer.status_code, answer.content)  # fmt: skip
            again = _ask(client, key)
            assert again.status_code == 201, (step, again.content)
            if answer.status_code == 201:
                assert again.json()["id"] == answer.json()["id"]
        raise AssertionError(f"more than {_MOST} steps")

    return work


def test_nothing_is_half_done_and_the_next_request_works(
    committed_cast: Cast, committed_db: Databases, servers: Servers, tmp_path: Path
) -> None:
    told = tmp_path / "steps"
    in_child(
        _cut_everywhere(committed_cast, servers.server.url(committed_db.main), told.write_text), tmp_path / "report"
    )
    count = int(told.read_text()) + 2  # one before the first cut, one for each place, one that was not cut
    assert count > 20
    publish_log()
    organisation_id = committed_cast.organisation_id
    with tenancy.scope(organisation_id):
        known = Counter(requests.requests(organisation_id).values_list("id", flat=True))
        assert len(known) == count
        received = publish.list_entries(organisation_id, act="dsr.request.received", limit=1000)
        assert Counter(view.leaf.object_id for view in received) == known
        letters = OutboundMail.objects.for_organisation(organisation_id).values_list("request_id", flat=True)
        assert Counter(letters) == known
        rights = RequestRight.objects.for_organisation(organisation_id).values_list("request_id", flat=True)
        assert Counter(rights) == known + known

"""Deliveries of one call in any order, each any number of times, come to one state.

Two heights, and the names say which: thousands of deliveries through reader and merge alone (pure, no database), and
dozens through HTTP, jobs and register. Events differ in rank or in the second at which they happened; between equals
the later arrival holds by design, since that is how platforms send corrections.
"""

from __future__ import annotations

import dataclasses
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from accounts import tenancy
from accounts.models import DueWork
from compliance.connectors import merging
from compliance.connectors import operations as connectors
from compliance.connectors.facts import CallFacts
from compliance.connectors.providers.registry import provider_for
from compliance.intake import access
from compliance.recordings import access as register
from tests.cast import Cast
from tests.compliance.calls import work

BEGAN = datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
KINDS = ("call.started", "call.recorded", "call.updated")
FIELDS = (
    "summary",
    "language",
    "ended_reason",
    "batch_id",
    "our_number",
    "labels",
    "transcription",
    "status",
    "consent",
)


def event(number: int, names: set[str]) -> dict[str, Any]:
    """The event number `number` of a call: its kind and second follow from it, its values name it."""
    at = BEGAN + timedelta(seconds=number)
    told: dict[str, Any] = {
        "summary": f"Summary {number}.",
        "language": f"en-{number:03d}"[:8],
        "ended_reason": f"reason {number}",
        "batch_id": f"batch_{number}",
        "our_number": f"+1415555{number:04d}",
        "labels": [f"label{number}"],
        "transcription": [{"role": "user", "content": f"Words of {number}."}] * (number % 3 + 1),
        "status": ("completed", "voicemail", "failed")[number % 3],
        "consent": {"state": ("granted", "refused")[number % 2], "at": at.isoformat()},
    }
    data = {"external_id": "call_1", "contact": {"phone": "+14155550132"}, "started_at": BEGAN.isoformat()}
    return {
        "type": KINDS[number % 3],
        "timestamp": at.isoformat(),
        "data": data | {name: told[name] for name in names},
    }


events = st.lists(
    st.sets(st.sampled_from(FIELDS)), min_size=1, max_size=12
).map(lambda said: [event(number, names) for number, names in enumerate(said)])  # fmt: skip


@st.composite
def deliveries(draw: st.DrawFn, count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Some events, and `count` deliveries of them in any order: each at least once, most of them several times."""
    happened = draw(events)
    more = draw(st.lists(st.sampled_from(happened), min_size=count - len(happened), max_size=count - len(happened)))
    return happened, draw(st.permutations([*happened, *more]))


def facts(body: dict[str, Any]) -> CallFacts:
    (found,) = provider_for("standard").parse(json.dumps(body).encode())
    assert isinstance(found, CallFacts)
    return found


def merged(bodies: list[CallFacts]) -> CallFacts:
    whole: CallFacts | None = None
    for one in bodies:
        whole = merging.merge(whole, one)
    assert whole is not None
    return whole


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(deliveries(50))
def test_ten_thousand_deliveries_through_reader_and_merge(told: tuple[list[Any], list[Any]]) -> None:
    happened, arrived = told
    assert merged([facts(body) for body in arrived]) == merged([facts(body) for body in happened])


def test_ten_thousand_deliveries_of_one_call_through_reader_and_merge() -> None:
    chance = random.Random(20260302)
    happened = [event(number, {name for name in FIELDS if chance.random() < 0.4}) for number in range(60)]
    read = [facts(body) for body in happened]
    arrived = read * 166 + chance.choices(read, k=40)
    assert len(arrived) == 10_000
    in_order = merged(read)
    for _ in range(2):
        chance.shuffle(arrived)
        assert merged(arrived) == in_order


# --- through HTTP -----------------------------------------------------------------------------------------------------


class Sender:
    """A generic sender with a connection of its own."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        made = connectors.create_connection(
            actor=cast.officer.actor, new=connectors.NewConnection("standard", "Any order")
        )
        self.connection, self._webhook = made.connection, Webhook(made.token)
        self._number = 0

    def send(self, body: dict[str, Any]) -> None:
        """Post and process; a repeat has an id of its own, so that it is read again."""
        self._number += 1
        text, id_, now = json.dumps(body), f"msg_{self._number}", datetime.now(UTC)
        headers = {
            "webhook-id": id_,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(id_, now, text),
        }
        path = f"/hooks/standard/{self.connection.address}"
        answer = Client().post(path, text, content_type="application/json", headers=headers)
        assert answer.status_code == 202, answer.content
        work("intake.process_delivery")

    def settle(self) -> None:
        """What asked to be tried later is tried again."""
        DueWork.objects.filter(job="intake.process_delivery").update(due_at=datetime.now(UTC))
        work("intake.process_delivery")

    def state(self) -> tuple[Any, ...]:
        """What the register came to, without ids and times of ours."""
        organisation_id = self.cast.organisation_id
        with tenancy.scope(organisation_id):
            call = register.calls(organisation_id).get(connection=self.connection)
            kept = merging.replaced(
                register.kept_facts(call), recordings=(), transcript=(), summary=None, metrics_json=None
            )
            transcript = register.transcript_of(organisation_id, call.id)
            summary = register.summary_of(organisation_id, call.id)
            columns = [getattr(call, name) for name in ("state", "status", "batch_id", "consent", "place", "language")]
            told = access.deliveries(organisation_id).filter(connection=self.connection)
            return (
                columns, sorted(call.labels), kept,
                register.messages_in(transcript) if transcript else [],
                register.summary_in(summary) if summary else None,
                set(told.values_list("event", "state", "code")),
            )  # fmt: skip


def differences(one: Sender, other: Sender) -> list[tuple[Any, Any]]:
    """Where two states differ, for whoever reads a failure."""
    pairs = list(zip(one.state(), other.state(), strict=True))
    told, found = pairs[2]
    names = [field.name for field in dataclasses.fields(CallFacts)]
    facts = [(name, getattr(told, name), getattr(found, name)) for name in names]
    return [*(pair for pair in pairs if pair[0] != pair[1]), *((a, b) for _, a, b in facts if a != b)]


DELETED = {
    "type": "call.deleted", "timestamp": (BEGAN + timedelta(days=30)).isoformat(), "data": {"external_id": "call_1"},
}  # fmt: skip


@settings(
    max_examples=8, deadline=None, database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data())
def test_a_dozen_deliveries_through_http_jobs_and_register(data: st.DataObject, cast: Cast) -> None:
    happened, arrived = data.draw(deliveries(12))
    place = data.draw(st.integers(0, len(arrived)))  # the word on a deletion comes anywhere, also before the call
    one, other = Sender(cast), Sender(cast)
    for body in [*happened, DELETED]:
        one.send(body)
    for body in [*arrived[:place], DELETED, *arrived[place:]]:
        other.send(body)
    one.settle()
    other.settle()
    assert other.state() == one.state(), differences(one, other)


@pytest.mark.parametrize("first", [True, False])
def test_a_deletion_told_before_its_call_is_not_lost(cast: Cast, first: bool) -> None:
    sender = Sender(cast)
    for body in sorted(
        [event(1, {"summary", "transcription"}), DELETED], key=lambda body: (body is DELETED) is not first
    ):
        sender.send(body)
    sender.settle()
    assert ("deletion", "processed", "deletion_confirmed") in sender.state()[-1]
    assert DueWork.objects.filter(job="retention.upstream_reported").count() == 1

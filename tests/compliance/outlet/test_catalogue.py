"""What can be told, and what never can."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.outlet import catalogue, schemas
from compliance.outlet.schemas import BadEvent, Kind

ID = UUID("01a20356-aa7e-76e2-9e1d-a38c52f47fe0")
GOOD: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.ID: st.uuids(),
    Kind.CODE: st.from_regex(r"\A[a-z][a-z_]{0,30}\Z"),
    Kind.CODES: st.lists(st.from_regex(r"\A[a-z][a-z_]{0,30}\Z"), max_size=5),
    Kind.DATE: st.dates(),
    Kind.COUNT: st.integers(-(10**6), 10**12),
    Kind.FLAG: st.booleans(),
    Kind.DIGEST: st.from_regex(r"\A[0-9a-f]{64}\Z"),
}
PERSONAL = ["Maria Delgado", "maria.delgado@example.com", "+1 415 555 0132", "Möchte", "a\nb", "", "x" * 65]


def test_the_catalogue_is_the_published_one() -> None:
    assert set(catalogue.EVENT_TYPES) == {
        "disclosure.finding.opened", "disclosure.finding.resolved", "disclosure.finding.assigned",
        "disclosure.finding.waived", "disclosure.audit.failed", "request.state.changed", "request.due.soon",
        "erasure.certificate.issued", "retention.run.stopped", "deletion_debt.overdue", "connection.unhealthy",
        "reconciliation.finding.opened",
    }  # fmt: skip
    assert catalogue.TEST.name not in catalogue.EVENT_TYPES


@pytest.mark.parametrize("event", [*catalogue.EVENT_TYPES.values(), catalogue.TEST], ids=lambda one: one.name)
@given(data=st.data())
def test_what_fits_is_told_with_every_field_in_the_schemas_order(event: schemas.EventType, data: st.DataObject) -> None:
    given_fields = [one for one in event.fields if not one.is_optional or data.draw(st.booleans())]
    values = {one.name: data.draw(GOOD[one.kind], one.name) for one in reversed(given_fields)}
    told = schemas.told_data(event, values)
    assert list(told) == [one.name for one in event.fields]
    assert {name for name, value in told.items() if value is None} == told.keys() - values.keys()
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize("words", PERSONAL)
@pytest.mark.parametrize("kind", Kind)
def test_no_field_takes_a_name_an_address_or_a_number(kind: Kind, words: str) -> None:
    event = schemas.EventType("some.event", "", (schemas.Field("field", kind, "", is_optional=True),))
    assert schemas.told_data(event, {"field": _example(kind)})
    for value in (words, [words]):
        with pytest.raises(BadEvent) as refused:
            schemas.told_data(event, {"field": value})
        assert words == "" or words not in str(refused.value)


def _example(kind: Kind) -> Any:
    return {
        Kind.ID: ID, Kind.CODE: "open", Kind.CODES: ["a"], Kind.DATE: date(2026, 12, 1), Kind.COUNT: 1,
        Kind.FLAG: True, Kind.DIGEST: "0" * 64,
    }[kind]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        {"request_id": ID},  # a field is missing
        {"request_id": ID, "state": "open", "name": "maria"},  # one too many
        {"request_id": str(ID), "state": "open"},  # text where an id belongs
        {"request_id": ID, "state": None},
        {"request_id": ID, "state": 1},
        {"request_id": ID, "state": "open", "reason": date(2026, 1, 1)},
    ],
)
def test_what_does_not_fit_is_a_bug(data: dict[str, Any]) -> None:
    with pytest.raises(BadEvent):
        schemas.told_data(catalogue.named("request.state.changed"), data)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("request.due.soon", "days_left", True),
        ("request.due.soon", "days_left", 2**53),
        ("request.due.soon", "respond_by", datetime(2026, 1, 1, tzinfo=UTC)),
        ("disclosure.finding.assigned", "is_assigned", 1),
        ("connection.unhealthy", "reasons", "quiet"),
        ("connection.unhealthy", "reasons", ["a"] * 101),
        ("erasure.certificate.issued", "sha256", "0" * 63),
    ],
)
def test_values_that_only_look_right_do_not_fit(name: str, field: str, value: Any) -> None:
    event = catalogue.named(name)
    with pytest.raises(BadEvent):
        schemas.told_data(event, {one.name: _example(one.kind) for one in event.fields} | {field: value})


def test_no_other_event_exists() -> None:
    with pytest.raises(BadEvent):
        catalogue.named("request.deleted")


# --- choosing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "some", "count"),
    [
        (["*"], "request.due.soon", 12),
        (["disclosure.*"], "disclosure.audit.failed", 5),
        (["disclosure.finding.*"], "disclosure.finding.waived", 4),
        (["request.due.soon"], "request.due.soon", 1),
        (["request.*", "request.due.soon", "connection.*"], "connection.unhealthy", 3),
    ],
)
def test_patterns_choose(patterns: list[str], some: str, count: int) -> None:
    found = catalogue.chosen(patterns)
    assert (some in found, len(found)) == (True, count)
    assert all(catalogue.is_pattern(one) for one in patterns)


@pytest.mark.parametrize(
    "pattern",
    ["", "**", "disclosure", "disclosure*", "*.finding", "disc.*", "disclosure..*", "Disclosure.*", "webhook.test",
     "request.*.changed", "*\n", "disclosure.*.*", "é.*"],
)  # fmt: skip
def test_what_chooses_nothing_is_no_pattern(pattern: str) -> None:
    assert not catalogue.is_pattern(pattern)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    if catalogue.is_pattern(text):
        assert catalogue.chosen([text])

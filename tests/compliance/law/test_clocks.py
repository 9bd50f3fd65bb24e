"""The clocks against the tables, and what must hold for every date."""

import re
from datetime import date, timedelta

import pytest
from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance import law
from compliance.law import Event, EventKind, LawError, Right
from compliance.law.calendars import calendar_of
from tests.compliance.law.vectors import Vector, load

VECTORS = [vector for name in ("published", "derived", "events", "states") for vector in load(name)]
PLACES = {"eu-gdpr": "DE-BY", "uk-gdpr": "GB-ENG", "br-lgpd": "BR-SP", "ca-pipeda": "CA-ON", "ca-qc": "CA-QC"}
CLOCKS = [(name, right) for name in law.REGIMES for right in sorted(law.rights_of(name))]
CITATION = re.compile(r"Art\. \d|§ ?\d|s\. \d|CCR \d|Code \d|section \d|ORS \d|RSA \d|KRS \d|N\.J\.S\.A\. \d|P\.L\. \d")

days = st.dates(date(2026, 2, 5), date(2060, 12, 31))
events = st.lists(
    st.builds(Event, st.sampled_from(EventKind), st.dates(date(2026, 1, 1), date(2061, 12, 31))), max_size=8
)


def place_of(regime: str) -> str:
    return PLACES.get(regime, regime.upper())


def near(received: date, offsets: list[tuple[EventKind, int]]) -> list[Event]:
    return [Event(kind, received + timedelta(days=offset)) for kind, offset in offsets]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.why)
def test_the_tables(vector: Vector) -> None:
    found = vector.deadlines()
    for name in ("respond_by", "extended_respond_by", "acknowledge_by"):
        if name in vector.row:
            day = getattr(found, name)
            assert (day and day.isoformat()) == vector.row[name], name
    assert [refused.kind.value for refused in found.refused] == vector.row.get("refused", [])
    for phrase in vector.row.get("says", []):
        assert any(phrase in line for line in found.explanation), (phrase, found.explanation)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.why)
def test_every_line_and_every_refusal_names_its_article(vector: Vector) -> None:
    found = vector.deadlines()
    for line in (*found.explanation, *(refused.rule for refused in found.refused)):
        assert CITATION.search(line), line


def test_the_tables_cover_every_regime_and_the_named_rights() -> None:
    covered = {(vector.row["regime"], vector.row["right"]) for vector in VECTORS}
    assert {regime for regime, _ in covered} == set(law.REGIMES)
    assert {right for _, right in covered} == set(Right)


def test_a_refusal_in_california_names_the_section() -> None:
    asked = [Event(EventKind.IDENTITY_REQUESTED, date(2026, 1, 6))]
    assert "7021(b)" in law.deadlines("us-ca", "access", date(2026, 1, 5), "US-CA", asked).refused[0].text
    assert "7060(b)" in law.deadlines("us-ca", "opt_out", date(2026, 1, 5), "US-CA", asked).refused[0].text


def test_what_was_not_read_in_its_own_text_says_so() -> None:
    secondary = law.deadlines("us-tx", "access", date(2026, 1, 5), "US-TX")
    known = law.deadlines("us-tx", "appeal", date(2026, 1, 5), "US-TX")
    read = law.deadlines("eu-gdpr", "access", date(2026, 1, 5), "DE-BE")
    assert "secondary sources" in secondary.explanation[-1]
    assert "common knowledge" in known.explanation[-1]
    assert not any("secondary" in line or "knowledge" in line for line in read.explanation)


def test_events_count_in_the_order_of_their_days() -> None:
    asked = Event(EventKind.CLARIFICATION_REQUESTED, date(2026, 3, 12))
    answered = Event(EventKind.CLARIFICATION_RECEIVED, date(2026, 3, 20))
    received = date(2026, 3, 10)
    forwards = law.deadlines("uk-gdpr", "access", received, "GB-ENG", [asked, answered])
    assert law.deadlines("uk-gdpr", "access", received, "GB-ENG", [answered, asked]) == forwards


@pytest.mark.parametrize(
    ("regime", "right", "place", "message"),
    [
        ("gdpr", "access", "DE-BY", "unknown regime"),
        ("eu-gdpr", "forget", "DE-BY", "unknown right"),
        ("eu-gdpr", "appeal", "DE-BY", "Art. 77"),
        ("eu-gdpr", "limit", "DE-BY", "Art. 18"),
        ("uk-gdpr", "appeal", "GB-ENG", "s. 164A"),
        ("us-ca", "appeal", "US-CA", "no appeal"),
        ("us-ut", "appeal", "US-UT", "no appeal"),
        ("us-ia", "rectification", "US-IA", "no right to correct"),
        ("br-lgpd", "erasure", "BR-SP", "clocks for access"),
        ("eu-gdpr", "access", "DE-XX", "no subdivision"),
        ("eu-gdpr", "access", "Bavaria", "ISO 3166"),
        ("eu-gdpr", "access", "de-by", "ISO 3166"),
        ("eu-gdpr", "access", "", "ISO 3166"),
        ("eu-gdpr", "access", "QQ", "no public holidays"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_reason(regime: str, right: str, place: str, message: str) -> None:
    with pytest.raises(LawError, match=re.escape(message)):
        law.deadlines(regime, right, date(2026, 3, 10), place)


@pytest.mark.parametrize("received", [date(1999, 12, 31), date(2100, 1, 1), date(9999, 12, 31)])
def test_a_year_without_calendars_is_refused(received: date) -> None:
    with pytest.raises(LawError, match="outside the years"):
        law.deadlines("eu-gdpr", "access", received, "DE-BY")


def test_the_last_days_that_can_come_out_have_calendars() -> None:
    waiting = near(date(2099, 12, 1), [(EventKind.CLARIFICATION_REQUESTED, 0), (EventKind.CLARIFICATION_RECEIVED, 30)])
    found = law.deadlines("uk-gdpr", "access", date(2099, 12, 1), "GB-ENG", waiting)
    assert found.respond_by == date(2100, 2, 1)
    with pytest.raises(LawError, match="after 2100"):
        calendar_of("GB-ENG").day_off(date(2101, 1, 4))


@pytest.mark.parametrize(("regime", "right"), CLOCKS, ids=str)
@settings(max_examples=20)
@given(received=days)
def test_dates_follow_receipt_and_each_other(regime: str, right: Right, received: date) -> None:
    found = law.deadlines(regime, right, received, place_of(regime))
    assert received < found.respond_by
    if found.extended_respond_by:
        assert found.respond_by < found.extended_respond_by
        assert found.extension_notice_by == found.respond_by
    if found.acknowledge_by:
        assert received < found.acknowledge_by < found.respond_by


@given(received=days, events=events)
def test_outside_the_united_kingdom_no_event_moves_a_date(received: date, events: list[Event]) -> None:
    for regime in ("eu-gdpr", "us-ca", "us-va", "ca-pipeda"):
        plain = law.deadlines(regime, "access", received, place_of(regime))
        found = law.deadlines(regime, "access", received, place_of(regime), events)
        assert (found.respond_by, found.extended_respond_by) == (plain.respond_by, plain.extended_respond_by)


@given(
    received=days,
    offsets=st.lists(st.tuples(st.sampled_from(EventKind), st.integers(-5, 120)), max_size=8),
    right=st.sampled_from([Right.ACCESS, Right.ERASURE]),
)
def test_in_the_united_kingdom_events_only_ever_give_time(
    received: date, offsets: list[tuple[EventKind, int]], right: Right
) -> None:
    plain = law.deadlines("uk-gdpr", right, received, "GB-ENG")
    found = law.deadlines("uk-gdpr", right, received, "GB-ENG", near(received, offsets))
    assert found.respond_by >= plain.respond_by
    assert found.extended_respond_by is not None
    assert plain.extended_respond_by is not None
    assert found.extended_respond_by >= plain.extended_respond_by
    if len(found.refused) == len(offsets):
        assert found.respond_by == plain.respond_by


@given(received=days)
def test_european_ends_are_working_days_and_agree_with_another_library(received: date) -> None:
    calendar = calendar_of("DE-BY")
    found = law.deadlines("eu-gdpr", "access", received, "DE-BY")
    for months, end in ((1, found.respond_by), (3, found.extended_respond_by)):
        nominal = received + relativedelta(months=months)
        assert end is not None
        assert calendar.day_off(end) is None
        assert nominal <= end
        assert all(calendar.day_off(nominal + timedelta(days=n)) for n in range((end - nominal).days))


@given(received=days, place=st.sampled_from(["DE-BY", "DE-BE", "FR", "GB-SCT", "US-CA"]))
def test_american_days_know_no_holiday(received: date, place: str) -> None:
    found = law.deadlines("us-ca", "erasure", received, place)
    assert found.respond_by - received == timedelta(days=45)
    assert found.extended_respond_by == received + timedelta(days=90)

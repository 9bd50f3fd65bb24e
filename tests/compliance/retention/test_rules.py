"""Schedules: first match, guards, the clock's start, and a reason in words."""

import dataclasses
import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.recordings.states import ArtifactKind
from compliance.retention import rules
from compliance.retention.rules import (
    DEFAULT_SCHEDULE,
    Action,
    ArtifactFacts,
    ClockStart,
    Guard,
    Match,
    Rule,
    RuleError,
    Schedule,
)

ENDED = date(2026, 11, 22)
FACTS = ArtifactFacts(
    kind="recording",
    registered_on=date(2026, 11, 24),
    call_ended_on=ENDED,
    stored_on=date(2026, 11, 23),
    agent="agent-1",
    batch="batch-1",
    direction="outbound",
    place="DE-BY",
    outcome="completed",
    consent="given",
)
REST = Rule("rest", 90, ClockStart.CALL_END, "the rest")


def schedule(*first: Rule, guards: tuple[Guard, ...] = ()) -> Schedule:
    return Schedule((*first, REST), guards)


@pytest.mark.parametrize(
    ("kind", "rule_id", "due_on"),
    [
        ("recording", "recordings-90", date(2027, 2, 20)),
        ("voicemail", "recordings-90", date(2027, 2, 20)),
        ("redacted_copy", "recordings-90", date(2027, 2, 20)),
        ("transcript", "transcripts-kept", None),
        ("delivery", "deliveries-30", date(2026, 12, 23)),
        ("export_package", "export-packages-14", date(2026, 12, 7)),
        ("cached_download", "cached-downloads-1", date(2026, 11, 24)),
        ("summary", "everything-else-90", date(2027, 2, 20)),
        ("something new", "everything-else-90", date(2027, 2, 20)),
    ],
)
def test_the_schedule_one_starts_with(kind: str, rule_id: str, due_on: date | None) -> None:
    found = rules.assign(DEFAULT_SCHEDULE, dataclasses.replace(FACTS, kind=kind))
    assert (found.rule_id, found.due_on) == (rule_id, due_on)
    assert (found.warning is not None) is (kind == "transcript")


def test_kept_transcripts_carry_the_warning_of_the_law() -> None:
    found = rules.assign(DEFAULT_SCHEDULE, dataclasses.replace(FACTS, kind="transcript"))
    assert "GDPR Art. 5(1)(e)" in str(found.warning)
    assert found.reason.startswith("kept until it is erased")


def test_the_reason_says_days_start_and_why() -> None:
    assert rules.assign(schedule(), FACTS).reason == "90 days from the end of the call on 2026-11-22: the rest"


def test_the_first_match_decides() -> None:
    short = Rule("short", 7, ClockStart.CALL_END, "short", Match(agents=frozenset({"agent-1"})))
    long = Rule("long", 30, ClockStart.CALL_END, "long", Match(kinds=frozenset({"recording"})))
    assert rules.assign(schedule(short, long), FACTS).rule_id == "short"
    assert rules.assign(schedule(long, short), FACTS).rule_id == "long"
    assert rules.assign(schedule(short, long), dataclasses.replace(FACTS, agent="agent-2")).rule_id == "long"


@pytest.mark.parametrize(
    ("name", "fact", "value"),
    [
        ("kinds", "kind", "recording"),
        ("agents", "agent", "agent-1"),
        ("batches", "batch", "batch-1"),
        ("directions", "direction", "outbound"),
        ("places", "place", "DE-BY"),
        ("outcomes", "outcome", "completed"),
        ("consents", "consent", "given"),
    ],
)
def test_each_fact_can_be_matched(name: str, fact: str, value: str) -> None:
    document = {"rule_id": "r", "keep_days": 1, "clock": "stored", "why": "w", "match": {name: [value, "other"]}}
    matching = rules.parse_schedule({"rules": [document, rules.to_document(schedule())["rules"][0]]})  # type: ignore[index]
    assert rules.assign(matching, FACTS).rule_id == "r"
    others: list[dict[str, Any]] = [{fact: "something else"}]
    if fact != "kind":
        others.append({fact: None})
    for other in others:
        assert rules.assign(matching, dataclasses.replace(FACTS, **other)).rule_id == "rest"


def test_a_country_matches_its_subdivisions_and_not_the_other_way_round() -> None:
    country = schedule(Rule("german", 1, ClockStart.STORED, "w", Match(places=frozenset({"DE"}))))
    bavaria = schedule(Rule("bavarian", 1, ClockStart.STORED, "w", Match(places=frozenset({"DE-BY"}))))
    assert rules.assign(country, FACTS).rule_id == "german"
    assert rules.assign(bavaria, FACTS).rule_id == "bavarian"
    assert rules.assign(bavaria, dataclasses.replace(FACTS, place="DE")).rule_id == "rest"


@pytest.mark.parametrize(
    ("clock", "facts", "start"),
    [
        (ClockStart.CALL_END, FACTS, date(2026, 11, 22)),
        (ClockStart.STORED, FACTS, date(2026, 11, 23)),
        (ClockStart.CALL_END, dataclasses.replace(FACTS, call_ended_on=None), date(2026, 11, 24)),
        (ClockStart.STORED, dataclasses.replace(FACTS, stored_on=None), date(2026, 11, 24)),
    ],
)
def test_the_clock_starts_where_the_rule_says_or_at_registration(
    clock: ClockStart, facts: ArtifactFacts, start: date
) -> None:
    found = rules.assign(Schedule((Rule("r", 10, clock, "w"),)), facts)
    assert found.due_on == start + timedelta(days=10)
    assert str(start) in found.reason
    assert ("unknown" in found.reason) is (start == facts.registered_on)


def test_zero_days_are_due_on_the_day_itself() -> None:
    assert rules.assign(Schedule((Rule("r", 0, ClockStart.CALL_END, "w"),)), FACTS).due_on == ENDED


def test_guards_bound_every_rule_and_say_so() -> None:
    floor = Guard("trade", "12 CFR 1006.100", minimum_days=120)
    ceiling = Guard("house", "our promise", maximum_days=60)
    forever = Rule("forever", None, ClockStart.CALL_END, "kept")
    lengthened = rules.assign(schedule(guards=(floor,)), FACTS)
    shortened = rules.assign(schedule(guards=(ceiling,)), FACTS)
    ended = rules.assign(schedule(forever, guards=(ceiling,)), FACTS)
    both = rules.assign(schedule(guards=(ceiling, floor)), FACTS)
    assert (lengthened.due_on, shortened.due_on) == (ENDED + timedelta(days=120), ENDED + timedelta(days=60))
    assert "lengthened to the minimum of trade (12 CFR 1006.100)" in lengthened.reason
    assert "shortened to the maximum of house (our promise)" in shortened.reason
    assert ended.due_on == ENDED + timedelta(days=60)
    assert both.due_on == ENDED + timedelta(days=120)  # a duty to keep beats a promise to delete
    assert rules.assign(schedule(forever, guards=(floor,)), FACTS).due_on is None


def test_guards_match_like_rules() -> None:
    guard = Guard("elsewhere", "w", Match(places=frozenset({"US"})), maximum_days=1)
    assert rules.assign(schedule(guards=(guard,)), FACTS).due_on == ENDED + timedelta(days=90)


@given(
    keep=st.none() | st.integers(0, 400),
    least=st.none() | st.integers(0, 400),
    most=st.none() | st.integers(0, 400),
    ended=st.none() | st.dates(date(2020, 1, 1), date(2090, 1, 1)),
)
def test_guards_hold_for_every_rule(keep: int | None, least: int | None, most: int | None, ended: date | None) -> None:
    guards = (Guard("most", "w", maximum_days=most), Guard("least", "w", minimum_days=least))
    facts = dataclasses.replace(FACTS, call_ended_on=ended)
    found = rules.assign(Schedule((Rule("r", keep, ClockStart.CALL_END, "w"),), guards), facts)
    start = ended or facts.registered_on
    if found.due_on is None:
        assert keep is None
        assert most is None
    else:
        days = (found.due_on - start).days
        assert days >= (least or 0)
        assert most is None or days <= max(most, least or 0)
    assert len(found.reason) <= 500


def test_the_longest_texts_make_a_reason_that_fits_its_column() -> None:
    guard = Guard("g" * 60, "w" * 150, minimum_days=36600)
    long = Schedule((Rule("r" * 60, 1, ClockStart.CALL_END, "w" * 150),), (guard,))
    assert len(rules.assign(long, dataclasses.replace(FACTS, call_ended_on=None)).reason) <= 500


def test_a_schedule_survives_its_document() -> None:
    guards = (Guard("g", "w", Match(agents=frozenset({"b", "a"})), minimum_days=1, maximum_days=2),)
    for original in (DEFAULT_SCHEDULE, schedule(guards=guards)):
        assert rules.parse_schedule(json.loads(json.dumps(rules.to_document(original)))) == original


def document(**changes: object) -> dict[str, Any]:
    return {"rules": [{"rule_id": "r", "keep_days": 90, "clock": "call_end", "why": "w", **changes}]}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (None, "not an object"),
        ([], "not an object"),
        ({}, "rules is not a list"),
        ({"rules": []}, "must match everything"),
        ({"rules": ["x"]}, "a rule is not an object"),
        ({"rules": [], "rule": []}, "unknown field 'rule'"),
        (document(days=1), "unknown field 'days'"),
        (document(match={"kind": ["recording"]}), "unknown field 'kind'"),
        (document(match={"kinds": "recording"}), "kinds is not a list"),
        (document(match={"kinds": []}), "at least one"),
        (document(match={"kinds": [1]}), "at least one text"),
        (document(match={"kinds": ["recording"]}), "must match everything"),
        (document(keep_days=-1), "between 0 and"),
        (document(keep_days=100_000), "between 0 and"),
        (document(keep_days=True), "not a whole number"),
        (document(keep_days="90"), "not a whole number"),
        (document(keep_days=1.5), "not a whole number"),
        ({"rules": [{"rule_id": "r", "clock": "stored", "why": "w"}]}, "keep_days is missing"),
        (document(clock="creation"), "unknown clock"),
        (document(why=" "), "Art. 5"),
        (document(why="w" * 151), "over 150"),
        (document(why=None), "why is not a text"),
        (document(warning=1), "warning is not a text"),
        (document(rule_id=""), "no id"),
        ({"rules": [*document()["rules"], *document()["rules"]]}, "used twice"),
        ({**document(), "guards": [{"guard_id": "g", "why": "w", "minimum_days": 2, "maximum_days": 1}]}, "above"),
        ({**document(), "guards": [{"guard_id": "r", "why": "w"}]}, "used twice"),
        ({**document(), "guards": [{"guard_id": "g", "why": "w", "keep_days": 2}]}, "unknown field"),
    ],
)
def test_an_unusable_schedule_is_refused_with_a_reason(bad: object, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        rules.parse_schedule(bad)


@pytest.mark.parametrize("kind", ArtifactKind)
def test_every_kind_of_the_register_is_decided(kind: ArtifactKind) -> None:
    assert rules.assign(DEFAULT_SCHEDULE, dataclasses.replace(FACTS, kind=kind.value)).reason


# --- labels, further clocks, actions ----------------------------------------------------------------------------------


def test_a_label_is_matched_by_any_of_several() -> None:
    vip = schedule(Rule("vip", 1, ClockStart.STORED, "w", Match(labels=frozenset({"vip", "press"}))))
    assert rules.assign(vip, dataclasses.replace(FACTS, labels=frozenset({"other", "press"}))).rule_id == "vip"
    assert rules.assign(vip, FACTS).rule_id == "rest"


def test_the_place_of_either_end_matches() -> None:
    french = schedule(Rule("french", 1, ClockStart.STORED, "w", Match(places=frozenset({"FR"}))))
    assert rules.assign(french, dataclasses.replace(FACTS, places=frozenset({"FR-IDF"}))).rule_id == "french"
    assert rules.assign(french, FACTS).rule_id == "rest"


def test_the_last_contact_counts_and_falls_back_to_the_call() -> None:
    contact = Schedule((Rule("r", 10, ClockStart.LAST_CONTACT, "w"),))
    later = dataclasses.replace(FACTS, last_contact_on=ENDED + timedelta(days=30))
    assert rules.assign(contact, later).due_on == ENDED + timedelta(days=40)
    assert rules.assign(contact, FACTS).due_on == ENDED + timedelta(days=10)
    assert "the last contact on 2026-12-22" in rules.assign(contact, later).reason


def test_an_open_case_makes_nothing_due_but_a_maximum_counts() -> None:
    case = Rule("r", 10, ClockStart.CASE_CLOSED, "limitation")
    waiting = rules.assign(Schedule((case,)), FACTS)
    assert (waiting.due_on, "not due yet" in waiting.reason) == (None, True)
    closed = dataclasses.replace(FACTS, case_closed_on=date(2027, 1, 1))
    assert rules.assign(Schedule((case,)), closed).due_on == date(2027, 1, 11)
    capped = Schedule((case,), (Guard("law", "statute", maximum_days=365),))
    found = rules.assign(capped, FACTS)
    assert found.due_on == ENDED + timedelta(days=365)
    assert "as the case is not closed" in found.reason


@pytest.mark.parametrize(
    ("labels", "day"),
    [
        (["case_closed:2026-04-01"], date(2026, 4, 1)),
        (["case_closed:2026-04-01", "case_closed:2026-05-01", "vip"], date(2026, 5, 1)),
        (["case_closed:soon", "case_closed:", "closed"], None),
        ([], None),
    ],
)
def test_the_closing_of_a_case_is_read_from_labels(labels: list[str], day: date | None) -> None:
    assert rules.case_closed_on(labels) == day


@pytest.mark.parametrize("action", Action)
def test_the_reason_says_what_happens_then(action: Action) -> None:
    found = rules.assign(Schedule((Rule("r", 1, ClockStart.STORED, "w", action=action),)), FACTS)
    assert found.action is action
    assert ("then a person looks" in found.reason) is (action is not Action.DELETE)
    assert ("redaction is not available yet" in found.reason) is (action is Action.REDACT)


def test_a_document_without_a_number_is_format_1_and_deletes() -> None:
    old = {"rules": [{"rule_id": "r", "keep_days": 1, "clock": "stored", "why": "w"}], "guards": []}
    assert rules.parse_schedule(old).rules[0].action is Action.DELETE
    assert rules.to_document(rules.parse_schedule(old))["format"] == 2


@pytest.mark.parametrize("change", [{"format": 3}, {"format": True}, {"format": "2"}, {"format": None}])
def test_an_unknown_format_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RuleError, match="format"):
        rules.parse_schedule(rules.to_document(schedule()) | change)


@pytest.mark.parametrize("action", ["burn", 1, None, ["delete"]])
def test_an_unknown_action_is_refused(action: object) -> None:
    with pytest.raises(RuleError, match="action"):
        rules.parse_schedule(
            {"rules": [{"rule_id": "r", "keep_days": 1, "clock": "stored", "why": "w", "action": action}]}
        )


_dates = st.dates(date(1970, 1, 1), date(9999, 12, 31))
_some = st.none() | _dates
_facts = st.builds(
    ArtifactFacts,
    kind=st.sampled_from(["recording", "transcript"]),
    registered_on=_dates,
    call_ended_on=_some,
    stored_on=_some,
    labels=st.sets(st.sampled_from(["vip", "press"])).map(frozenset),
    last_contact_on=_some,
    case_closed_on=_some,
)
_wanted = st.builds(
    Match,
    kinds=st.none() | st.just(frozenset({"recording"})),
    labels=st.none() | st.just(frozenset({"vip"})),
)
_count = st.none() | st.integers(0, 36_600)


@st.composite
def _any_schedule(draw: st.DrawFn) -> Schedule:
    def rule(name: str, match: Match) -> Rule:
        return Rule(
            name, draw(_count), draw(st.sampled_from(ClockStart)), "w", match, action=draw(st.sampled_from(Action))
        )

    listed = [rule(f"r{number}", draw(_wanted)) for number in range(draw(st.integers(0, 3)))]
    least = [Guard(f"least{n}", "w", draw(_wanted), minimum_days=draw(_count)) for n in range(draw(st.integers(0, 2)))]
    most = [Guard(f"most{n}", "w", draw(_wanted), maximum_days=draw(_count)) for n in range(draw(st.integers(0, 2)))]
    return Schedule((*listed, rule("rest", Match())), (*least, *most))


@given(_any_schedule(), _facts)
def test_every_artifact_gets_an_answer_and_a_reason(found: Schedule, facts: ArtifactFacts) -> None:
    answer = rules.assign(found, facts)
    assert answer.rule_id in {rule.rule_id for rule in found.rules}
    assert answer.reason
    assert rules.parse_schedule(json.loads(json.dumps(rules.to_document(found)))) == found


@given(_any_schedule(), _facts, st.integers(0, 36_600))
def test_a_maximum_never_keeps_longer_and_a_minimum_never_shorter(
    found: Schedule, facts: ArtifactFacts, days: int
) -> None:
    def due(*more: Guard) -> date:
        return rules.assign(dataclasses.replace(found, guards=(*found.guards, *more)), facts).due_on or date.max

    assert due(Guard("more", "w", maximum_days=days)) <= due()
    assert due(Guard("more", "w", minimum_days=days)) >= due()

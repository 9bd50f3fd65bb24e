"""Tokens, purposes, places and documents."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from audit.tlog import leaf
from compliance.connectors.facts import CallFacts, Message, Rank, RecordingFacts, RecordingKind, Standing
from compliance.recordings import documents, places, purposes, tokens
from compliance.recordings.documents import Summary

KEY = "k" * 40


def test_a_token_leads_to_its_link_only_under_its_key() -> None:
    link = uuid4()
    token = tokens.make(link, KEY)
    assert tokens.read(token, KEY) == link
    assert tokens.make(link, KEY) == token
    assert tokens.read(token, "other" * 8) is None


@pytest.mark.parametrize("position", [0, 10, 21, 22, 40, 63])
def test_a_changed_token_is_none(position: int) -> None:
    token = tokens.make(UUID(int=7), KEY)
    other = "B" if token[position] != "B" else "C"
    assert tokens.read(token[:position] + other + token[position + 1 :], KEY) is None


@pytest.mark.parametrize("token", ["", "x", "ä" * 64, "=" * 64, "A" * 63, "A" * 65, "A" * 64, "A" * 62 + "=="])
def test_what_is_no_token(token: str) -> None:
    assert tokens.read(token, KEY) is None


@pytest.mark.parametrize(
    ("purpose", "code"),
    [
        ("quality assurance", "quality_assurance"),
        ("Quality-Assurance", "quality_assurance"),
        ("complaint", "complaint"),
        ("complaint of Maria Delgado", "stated"),
        ("", "stated"),
    ],
)
def test_the_leaf_names_known_purposes_only(purpose: str, code: str) -> None:
    assert purposes.code_of(purpose) == code


def test_every_purpose_may_stand_in_a_leaf() -> None:
    for code in {*purposes.CODES, purposes.STATED}:
        leaf.check_clear("purpose", code)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+14155550132", "US-CA"), ("+16135550132", "CA-ON"), ("+493023125042", "DE"), ("+447700900461", "GB"),
        ("+19995550132", ""),
        ("+80012345678", ""), ("nothing", ""),
    ],
)  # fmt: skip
def test_a_numbers_country(number: str, country: str) -> None:
    assert places.place_of_number(number) == country


def test_a_transcript_comes_back_as_it_was() -> None:
    turns = [
        Message("user", "Grüße, \u2028 und 😀", datetime(2026, 3, 2, 17, 4, 10, 600000, UTC)),
        Message("assistant", "", 12.5),
        Message("unknown", "x", None),
    ]
    document = documents.transcript_document(turns)
    assert documents.read_transcript(document) == turns
    assert documents.transcript_document(turns) == document
    assert document.startswith(b'{"format":1,')


def test_a_summary_comes_back_as_it_was() -> None:
    summary = Summary("Words.", '{"a":[1,null],"b":"ä"}')
    assert documents.read_summary(documents.summary_document(summary)) == summary
    assert summary.metrics == {"a": [1, None], "b": "ä"}
    assert Summary().is_blank
    assert documents.read_summary(documents.summary_document(Summary())) == Summary()


def test_facts_come_back_without_what_lies_elsewhere() -> None:
    facts = CallFacts(
        external_id="call_1",
        rank=Rank.COMPLETED,
        phone_number="+14155550132",
        summary="not kept here",
        transcript=(Message("user", "nor this"),),
        started_at=datetime(2026, 3, 2, tzinfo=UTC),
        notes=("naive_time_assumed_utc",),
        recordings=(RecordingFacts("https://nor.this", RecordingKind.STEREO, "re_1", duration_seconds=2.5),),
        standings={"phone_number": Standing(20, None)},
    )
    document = documents.facts_document(facts)
    assert b"nor" not in document
    assert b"not kept" not in document
    back = documents.read_facts("call_1", document, {"phone_number": [20, None]})
    assert (back.phone_number, back.started_at, back.notes, back.rank) == (
        facts.phone_number, facts.started_at, facts.notes, facts.rank,
    )  # fmt: skip
    assert back.recordings == (RecordingFacts("", RecordingKind.STEREO, "re_1", duration_seconds=2.5),)
    assert (back.summary, back.transcript) == (None, ())
    assert back.standings == facts.standings


def test_a_document_of_another_format_is_not_half_read() -> None:
    with pytest.raises(documents.UnknownFormat):
        documents.read_transcript(b'{"format":2,"messages":[]}')

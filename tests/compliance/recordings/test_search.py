"""Searching what was said: through the webhook, the index in Postgres and back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import tenancy
from compliance.errors import Invalid, NotAllowed
from compliance.recordings import call_filters, search
from compliance.recordings.operations import searching
from compliance.recordings.operations.searching import Box, Count, Wanted
from tests.cast import Cast
from tests.compliance.calls import Entries, Line, work
from tests.compliance.recordings import talks
from tests.compliance.recordings.talks import found, say

pytestmark = pytest.mark.pg15
HELLO = "Thank you for calling, how can I help?"


def test_words_are_found_newest_first_with_the_sentence_around_them(line: Line) -> None:
    old = say(line, "old", HELLO, "Hi. I dispute the CHARGEBACK of May! Please look. Chargeback, I said.", hours=1)
    say(line, "other", HELLO, "I would like an appointment.", hours=2)
    new = say(line, "new", HELLO, "No.", "Is this about the chargeback?", hours=3)
    answer = talks.search(line, "chargeBack")
    assert [hit.position.id for hit in answer.hits] == [new, old]
    assert [list(hit.turns) for hit in answer.hits] == [[2], [1]]
    (one,) = answer.hits[1].excerpts
    assert (one.turn, one.role, one.text) == (1, "user", "I dispute the CHARGEBACK of May!")
    assert one.text[one.start : one.end] == "CHARGEBACK"
    assert (answer.after, answer.count, answer.coverage.is_complete) == (None, Count(2, "exact"), True)
    assert answer.opened <= 2


def test_the_index_is_what_is_asked(line: Line) -> None:
    """Under row security too, and from it only what is needed is opened. The numbers share few pieces of three: where
    one piece told them apart, one coincidence of buckets would open them all.
    """
    parcels = [f"parcel {number * 73_939_133 % 10**8:08d}" for number in range(30)]
    for number, parcel in enumerate(parcels):
        say(line, f"call_{number}", f"We talked about {parcel}.", is_indexed=False)
    talks.index()
    answer = talks.search(line, parcels[17])
    assert (len(answer.hits), answer.count) == (1, Count(1, "exact"))
    assert answer.opened < 5


def test_the_tokens_index_is_used_by_the_services_role(line: Line) -> None:
    say(line, "one", HELLO)
    with tenancy.scope(line.organisation_id), connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone()[0] == "callwarden_app"
        cursor.execute("SELECT set_config('app.searched', '{1,2,3}', true), set_config('enable_seqscan', 'off', true)")
        cursor.execute(
            "EXPLAIN SELECT call_id FROM recordings_searchentry WHERE organisation_id = %s", [line.organisation_id]
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "search_tokens" in plan
    assert "Index Cond: (tokens @>" in plan


def test_looking_at_all_calls_goes_along_an_index(line: Line) -> None:
    """Otherwise every page would put every call in order."""
    say(line, "one", HELLO)
    known = search.Coverage(is_begun=False, is_complete=False)
    with tenancy.scope(line.organisation_id), CaptureQueriesContext(connection) as asked:
        after = search.Position(talks.BEGAN, UUID(int=0))
        assert list(search.candidates(line.organisation_id, "ab", call_filters.CallFilter(), after, known)) == []
    (query,) = [one["sql"] for one in asked.captured_queries if "recordings_call" in one["sql"]]
    with tenancy.scope(line.organisation_id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort TO off; SET LOCAL enable_seqscan TO off; EXPLAIN " + query)
        while cursor.description is None:
            cursor.nextset()
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "calls_by_beginning" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize("words", ["I", "an", "?", "  ", "é", "İ"])
def test_one_or_two_characters_are_found_without_the_index(line: Line, words: str) -> None:
    said = ["Can I?", "  café İstanbul", "nothing"]
    ids = [say(line, f"call_{number}", content, hours=number) for number, content in enumerate(said)]
    expected = [id_ for id_, content in zip(ids, said, strict=True) if words.lower() in content.lower()]
    assert found(line, words) == expected[::-1]
    assert expected


def test_words_that_were_not_said_are_not_found(line: Line) -> None:
    say(line, "one", "He said yes.", "No appointment was made.")
    for words in ("yes.No", "yes. No", "appointments", "ment  was", "zqx"):
        answer = talks.search(line, words)
        assert (list(answer.hits), answer.after, answer.count) == ([], None, Count(0, "exact"))


def test_only_the_newest_version_of_a_transcript_counts(line: Line) -> None:
    id_ = say(line, "one", "The first wording.")
    assert say(line, "one", "The second wording.") == id_
    assert found(line, "first wording") == []
    assert found(line, "second wording") == [id_]


def test_calls_that_wait_for_the_index_are_looked_at_too(line: Line) -> None:
    first = say(line, "one", "The chargeback.")
    second = say(line, "two", "Another chargeback.", hours=1, is_indexed=False)
    assert talks.indexed(line) == {first}
    answer = talks.search(line, "chargeback")
    assert [hit.position.id for hit in answer.hits] == [second, first]
    assert len(answer.coverage.waiting) == 1


def test_a_beginning_that_is_told_anew_moves_the_call(line: Line) -> None:
    first = say(line, "one", "The chargeback.", hours=1)
    second = say(line, "two", "The chargeback.", hours=2)
    assert found(line, "chargeback") == [second, first]
    say(line, "one", "The chargeback.", hours=3)
    assert found(line, "chargeback") == [first, second]


def test_pages_follow_each_other_without_gap_or_repetition(line: Line) -> None:
    ids = [say(line, f"call_{n}", "The chargeback.", hours=n // 2, is_indexed=False) for n in range(7)]
    talks.index()
    expected = sorted(ids, key=lambda id_: (talks.call(line, id_).started_at, id_), reverse=True)
    for words in ("chargeback", "ch"):
        seen: list[UUID] = []
        after = None
        for _ in range(10):
            answer = talks.search(line, words, limit=3, after=after)
            seen += [hit.position.id for hit in answer.hits]
            assert (answer.count is None) == (after is not None)
            after = answer.after
            if after is None:
                break
            assert after.id == seen[-1]
            assert search.read_cursor(search.cursor_of(after)) == after
        assert seen == expected


def test_a_search_that_is_cut_short_says_where_it_stopped_and_goes_on(line: Line) -> None:
    hit = say(line, "hit", "The chargeback.", hours=0, is_indexed=False)
    ids = [say(line, f"call_{n}", "Nothing of note.", hours=n + 1, is_indexed=False) for n in range(130)]
    talks.index()
    answer = talks.search(line, "ba", box=Box(seconds=0, calls=1))
    assert not answer.hits
    assert answer.after is not None
    assert answer.after.id == ids[130 - answer.opened]
    assert answer.count == Count(0, "at_least")
    later = talks.search(line, "ba", after=answer.after)
    assert [one.position.id for one in later.hits] == [hit]
    assert later.after is None


def test_counting_goes_on_behind_the_last_hit_that_is_shown(line: Line) -> None:
    for number in range(5):
        say(line, f"call_{number}", "The chargeback.", hours=number, is_indexed=False)
    talks.index()
    answer = talks.search(line, "chargeback", limit=2)
    assert (len(answer.hits), answer.count) == (2, Count(5, "about"))
    counted = talks.search(line, "chargeback", limit=2, is_counted=True)
    assert (len(counted.hits), counted.count, counted.after) == (2, Count(5, "exact"), answer.after)


def test_filters_choose_calls_and_speakers(line: Line) -> None:
    first = say(line, "one", "The chargeback.", "Yes.", hours=1, agentId="agent_a", batchId="batch_a")
    second = say(line, "two", "Hello.", "The chargeback!", hours=2, agentId="agent_b", batchId="batch_b")

    def by(**asked: str) -> list[UUID]:
        return found(line, "chargeback", calls=call_filters.read(asked))

    assert by(agent="agent_a") == by(batch="batch_a") == by(until="2026-03-02T18:30:00Z") == [first]
    assert by(agent="agent_b") == by(batch="batch_b") == by(since="2026-03-02T18:30:00Z") == [second]
    assert by(agent="agent_a", batch="batch_b") == []
    assert by(place="100%") == []
    assert found(line, "chargeback", role="user") == [second]
    assert found(line, "chargeback", role="assistant") == [first]
    assert found(line, "ch", calls=call_filters.read({"agent": "agent_a"})) == [first]


def test_the_search_is_an_entry_without_its_words_and_so_is_each_call_shown(line: Line, entries: Entries) -> None:
    id_ = say(line, "one", "The Chargeback.")
    entries.clear()
    talks.search(line, "chargeback", role="assistant")
    searched, shown = entries
    assert (searched.event, searched.cls) == ("recordings.transcripts.searched", "access")
    assert searched.what == {"opened": 1, "found": 1, "filters": 1, "is_complete": True}
    assert searched.why == shown.why == {"purpose": "quality_assurance"}
    assert (shown.event, shown.what["call"], shown.what["turns"]) == ("recordings.artifact.opened", str(id_), 1)
    assert len(shown.what["search"]) == 36
    assert "hargeback" not in str(entries)


def test_the_words_are_in_no_log_line_job_or_column(line: Line, log_lines: Any) -> None:
    say(line, "one", "Vorpal77 is on the plate.")
    talks.search(line, "vorpal77")
    assert "vorpal77" not in log_lines.getvalue().lower()
    with tenancy.scope(line.organisation_id), connection.cursor() as cursor:
        cursor.execute("SELECT e::text FROM recordings_searchentry e")
        (row,) = cursor.fetchall()
    assert "vorpal77" not in row[0].lower()


def test_another_organisation_never_sees_anything(line: Line, outside_line: Line) -> None:
    own = say(line, "one", "The chargeback.")
    outside = say(outside_line, "one", "The chargeback.")
    assert found(line, "chargeback") == found(line, "ch") == [own]
    assert found(outside_line, "chargeback") == found(outside_line, "ch") == [outside]
    with tenancy.scope(outside_line.organisation_id), connection.cursor() as cursor:
        cursor.execute("SELECT call_id FROM recordings_searchentry")
        assert cursor.fetchall() == [(outside,)]
        cursor.execute("SELECT set_config('app.searched', '{}', true)")
        cursor.execute("SELECT call_id FROM recordings_searchentry")
        assert cursor.fetchall() == [(outside,)]
        cursor.execute("SELECT set_config('app.searched', '', true)")


def test_two_organisations_have_no_token_in_common(line: Line, outside_line: Line) -> None:
    tokens = []
    for one in (line, outside_line):
        say(one, "one", "The very same words, said twice.")
        with tenancy.scope(one.organisation_id), connection.cursor() as cursor:
            cursor.execute("SELECT tokens FROM recordings_searchentry")
            tokens.append(set(cursor.fetchone()[0]))
    assert tokens[0]
    assert not tokens[0] & tokens[1]


@pytest.mark.parametrize("member", ["owner", "officer", "colleague"])
def test_who_may_open_content_may_search_it(cast: Cast, line: Line, member: str) -> None:
    id_ = say(line, "one", "The chargeback.")
    answer = searching.search_transcripts(actor=getattr(cast, member).actor, wanted=Wanted("chargeback"))
    assert [hit.position.id for hit in answer.hits] == [id_]


@pytest.mark.parametrize("member", ["auditor", "engineer"])
def test_nobody_else_may(cast: Cast, line: Line, member: str) -> None:
    say(line, "one", "The chargeback.")
    with pytest.raises(NotAllowed):
        searching.search_transcripts(actor=getattr(cast, member).actor, wanted=Wanted("chargeback"))


@pytest.mark.parametrize("words", ["", "x" * 201])
def test_words_that_cannot_be_looked_for_are_refused(line: Line, words: str) -> None:
    with pytest.raises(Invalid):
        talks.search(line, words)


def test_long_words_are_found(line: Line) -> None:
    words = "".join(chr(0x4E00 + number) for number in range(200))
    id_ = say(line, "one", f"Before {words} after.")
    assert found(line, words) == [id_]
    assert found(line, words[:199] + "x") == []


def test_nothing_is_left_set_after_a_search(line: Line) -> None:
    say(line, "one", "The chargeback.")
    with tenancy.scope(line.organisation_id), connection.cursor() as cursor:
        talks.search(line, "nowhere said")
        cursor.execute("SELECT current_setting('app.searched'), current_setting('enable_seqscan')")
        assert cursor.fetchone() == ("", "on")
        cursor.execute("SELECT count(*) FROM recordings_searchentry")
        assert cursor.fetchone() == (1,)
    assert work("recordings.index_transcript") == []

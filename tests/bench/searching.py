"""Rows: the newest 50 calls in which a rare, a medium and a frequent word was said, against opening every call, with
`pg_trgm` over clear text beside them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from statistics import median
from uuid import UUID

import psycopg

from accounts import tenancy
from accounts.actors import Actor
from compliance.recordings import documents, search, wording
from compliance.recordings.call_filters import CallFilter
from compliance.recordings.operations import searching
from compliance.recordings.operations.searching import Box, Wanted
from compliance.vault import store
from tests.bench import clocks, people, recordings, talks
from tests.bench.figures import Figure, ratio_at_least
from tests.bench.ground import Ground
from tests.bench.talks import Talk

_WORDS = {"rare": talks.RARE, "medium": talks.MEDIUM, "frequent": talks.FREQUENT}
_TARGET_A_CALL = 100 / 100_000
"""Newest 50 in 100,000 calls: a hundredth of opening them all. What is opened for an answer does not grow with them."""
_PATIENT = Box(seconds=60, calls=100_000)


def measure(ground: Ground) -> Iterator[Figure]:
    """Sealed calls, their index, and a table of the same words in clear that only this run has."""
    actor, count = people.officer(), ground.scale.searched_calls
    organisation_id = actor.organisation_id
    connection_id = recordings.line(actor).connection.id
    blinder = store.blinder(organisation_id)
    found = list(talks.conversations(count, blinder))
    _fill(organisation_id, connection_id, found, count)
    everything = clocks.elapsed(partial(_open_all, organisation_id, talks.MEDIUM))
    for kind in _WORDS:
        yield _newest(ground, actor, kind, count, everything)
    yield _exact(actor, count, everything)
    yield _size(count)


def _fill(organisation_id: UUID, connection_id: UUID, found: list[Talk], count: int) -> None:
    """As after years of work and a night of housekeeping: indexes whole, statistics up to date."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("DROP INDEX search_tokens")
        owner.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        owner.execute("CREATE TABLE bench_clear (call_id uuid PRIMARY KEY, began_at timestamptz, text text)")
        number = 0
        for calls in talks.add_calls(organisation_id, connection_id, found, count):
            with owner.cursor().copy("COPY bench_clear FROM STDIN") as copy:
                for call in calls:
                    copy.write_row((call.id, call.started_at, found[number % len(found)].text))
                    number += 1
        talks.mark_whole(organisation_id)
        owner.execute("SET maintenance_work_mem = '256MB'")
        owner.execute("CREATE INDEX search_tokens ON recordings_searchentry USING gin (tokens)")
        owner.execute("CREATE INDEX bench_clear_text ON bench_clear USING gin (text gin_trgm_ops)")
        owner.execute("CREATE INDEX bench_clear_time ON bench_clear (began_at)")
        for table in ("recordings_searchentry", "recordings_artifact", "vault_sealedobject", "bench_clear"):
            owner.execute(f"VACUUM ANALYZE {table}")


def _open_all(organisation_id: UUID, words: str) -> int:
    """What a search without any index would do; how many calls hold the words."""
    after, hits = None, 0
    with tenancy.scope(organisation_id):
        known = search.Coverage(is_begun=False, is_complete=False)
        for page in search.candidates(organisation_id, words, CallFilter(), after, known):
            transcripts = search.transcripts_of(organisation_id, [position.id for position in page.positions])
            objects = [one.object for one in transcripts if one.object is not None]
            for _, document in store.open_each(organisation_id, objects):
                hits += bool(wording.turns_with(words, documents.read_transcript(document or b"")))
    return hits


def _newest(ground: Ground, actor: Actor, kind: str, count: int, everything: float) -> Figure:
    words = _WORDS[kind]
    answers = []

    def ask() -> None:
        answers.append(searching.search_transcripts(actor=actor, wanted=Wanted(words)))

    ask()
    seconds = median(clocks.elapsed(ask) for _ in range(ground.scale.rounds))
    answer = answers[-1]
    clear = _in_clear(words, ground.scale.rounds)
    if not answer.hits or (answer.after is not None and len(answer.hits) < searching.MOST_HITS):
        raise AssertionError(f"{kind}: {len(answer.hits)} hits, and the search has not reached the end")
    return Figure(
        what=f"search, newest 50 of a {kind} word in {count:,} sealed calls",
        measured=seconds * 1000,
        unit="ms",
        baseline=everything * 1000,
        baseline_is="opening every call",
        ratio=everything / seconds,
        target=None if kind == "frequent" else ratio_at_least(count * _TARGET_A_CALL),
        note=f"{len(answer.hits)} hits, {answer.opened} opened, each hit an entry; pg_trgm over clear text "
        f"{clear * 1000:.1f} ms, {clear / seconds:.2g} times our speed",
    )


def _in_clear(words: str, rounds: int) -> float:
    query = "SELECT call_id, text FROM bench_clear WHERE text LIKE %s ORDER BY began_at DESC LIMIT 50"
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:

        def ask() -> None:
            owner.execute(query, [f"%{words}%"]).fetchall()

        ask()
        return median(clocks.elapsed(ask) for _ in range(rounds))


def _exact(actor: Actor, count: int, everything: float) -> Figure:
    wanted = Wanted(talks.MEDIUM, is_counted=True)
    answers = []
    seconds = min(
        clocks.elapsed(lambda: answers.append(searching.search_transcripts(actor=actor, wanted=wanted, box=_PATIENT)))
        for _ in range(3)
    )
    found = answers[-1].count
    if found is None or found.kind != "exact":
        raise AssertionError("the count is not exact")
    return Figure(
        what=f"search, exact count of a medium word in {count:,} sealed calls",
        measured=seconds * 1000,
        unit="ms",
        baseline=everything * 1000,
        baseline_is="opening every call",
        ratio=everything / seconds,
        note=f"{found.number} calls",
    )


def _size(count: int) -> Figure:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        sizes = "SELECT pg_total_relation_size('recordings_searchentry'), pg_total_relation_size('bench_clear')"
        row = owner.execute(sizes).fetchone()
    ours, clear = row or (0, 0)
    return Figure(
        what="search index, bytes a call",
        measured=ours / count,
        unit="B",
        baseline=clear / count,
        baseline_is="clear text with pg_trgm",
        note="tokens, their index and the key",
    )

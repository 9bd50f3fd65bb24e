"""Calls whose words are sealed and neither indexed nor looked through, an index that a crash has emptied, and the
worker that does both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts import due_work, tenancy
from accounts.actors import Actor
from accounts.models import DueWork
from compliance import jobs as queue
from compliance.config import samples
from compliance.recordings import access
from compliance.recordings.models import CallInsights, SearchCoverage, SearchEntry
from compliance.recordings.operations import searching
from compliance.recordings.operations.searching import Box, Wanted
from compliance.recordings.wording import is_in
from compliance.retention import disposal
from compliance.retention.grounds import Ground
from tests import cast as people
from tests.calls import Media, connect
from tests.faults.steps import Steps
from tests.faults.worlds import World

INDEXING = frozenset({"recordings.index_transcript", "recordings.rebuild_search", "recordings.conclude_transcript"})
_ROUNDS = 40
_LOOKED_FOR = ("appointment", "recorded", "Delgado", "ORD", "is", "nowhere said at all")
_PATIENT = Box(seconds=600, calls=10_000)


@dataclass(frozen=True)
class Words:
    """Who searches, what was said in which call, and the call that is erased meanwhile."""

    actor: Actor
    said: dict[UUID, list[str]]
    erased: UUID

    @property
    def organisation_id(self) -> UUID:
        return self.actor.organisation_id

    def finish(self, world: World, steps: Steps) -> None:
        """Index until nothing is due, with an erasure in between; the clock is moved between the rounds."""
        for number in range(_ROUNDS):
            for name, _, object_id in due_work.overdue(1000):
                if name in INDEXING:
                    queue.run(name, object_id)
            with steps.paused():
                if number == 0:
                    self._erase()
                world.databases.let_time_pass()
                if not INDEXING & {name for name, _, _ in due_work.overdue(1000)}:
                    return
        raise AssertionError(f"not finished after {_ROUNDS} rounds")

    def _erase(self) -> None:
        actor = Actor.scheduler(self.organisation_id)
        disposal.begin_call_disposal(actor=actor, call_id=self.erased, ground=Ground.ERASURE_REQUEST)


def sealed_words(jobs: Any, media: Media) -> Words:
    """All sample calls are registered; of their words nothing is indexed but for one call, as after a crash between."""
    cast = people.assemble()
    platform = connect(cast)
    wanted = list(samples.samples(media.url))
    for sample in wanted:
        assert platform.deliver(sample.body).status_code == 202
    for name, _, id_ in due_work.overdue(1000):
        if name == "intake.process_delivery":
            queue.run(name, id_)
    DueWork.objects.exclude(job__in=INDEXING).delete()
    with tenancy.scope(cast.organisation_id):
        known = {call.external_id: call.id for call in access.calls(cast.organisation_id)}
    said = {known[sample.call_id]: _contents(sample.body) for sample in wanted}
    return Words(cast.officer.actor, said, erased=next(iter(said)))


def _contents(body: Any) -> list[str]:
    told = json.loads(body) if isinstance(body, bytes | str) else body
    return [turn["content"] for turn in told["callData"]["transcription"]]


def assert_found_exactly(words: Words) -> None:
    """Every answer is the rule's over what is not erased, the index holds just that, and says that it is whole."""
    living = {id_: said for id_, said in words.said.items() if id_ != words.erased}
    with tenancy.scope(words.organisation_id):
        entries = SearchEntry.objects.for_organisation(words.organisation_id)
        assert set(entries.values_list("call_id", flat=True)) == set(living)
        insights = CallInsights.objects.for_organisation(words.organisation_id)
        assert set(insights.values_list("call_id", flat=True)) == set(living)
        assert all(access.insights_in(row) for row in insights)
        assert SearchCoverage.objects.for_organisation(words.organisation_id).get().finished_at is not None
    for looked_for in _LOOKED_FOR:
        answer = searching.search_transcripts(actor=words.actor, wanted=Wanted(looked_for), box=_PATIENT)
        rule = {id_ for id_, said in living.items() if any(is_in(looked_for, one) for one in said)}
        assert {hit.position.id for hit in answer.hits} == rule, looked_for
        assert answer.coverage.is_complete
        assert not answer.coverage.waiting

"""One erasure from its approval to its end, as workers, an officer, the platform and the clock bring it there
together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts import due_work, tenancy
from compliance import jobs as queue
from compliance import law
from compliance.dsr import access as requests
from compliance.dsr.models import SubjectRequest
from compliance.dsr.states import State
from compliance.recordings import access as register
from compliance.recordings.states import LocationState
from compliance.retention import debt
from tests import cast as people
from tests.calls import Media, arrive, connect
from tests.cast import Cast
from tests.compliance.dsr import requests as wishes
from tests.faults.steps import Steps
from tests.faults.worlds import World
from tests.log import publish_log

EVIDENCE = "support case 4711: deletion confirmed in writing"

_ROUNDS = 40
_ASKS_THE_PLATFORM = "retention.check_location"


@dataclass(frozen=True)
class Erasure:
    """An approved request, and who works on it."""

    cast: Cast
    request_id: UUID
    calls: tuple[UUID, ...]
    subjects: tuple[UUID, ...]

    @property
    def organisation_id(self) -> UUID:
        return self.cast.organisation_id

    def finish(self, world: World, steps: Steps) -> None:
        """Work until the request is answered and nothing is due.

        The platform is asked, and the officer attests, only after an interim certificate: as in life, its copy outlives
        ours.
        """
        for _ in range(_ROUNDS):
            with steps.paused():
                is_interim = self.has_certificate()
            self._run_due(is_interim=is_interim)
            if is_interim:
                self.attest()
            with steps.paused():
                publish_log()
                world.databases.let_time_pass()
                if self.is_answered() and not due_work.overdue(1):
                    return
        raise AssertionError(f"not finished after {_ROUNDS} rounds; still due: {due_work.overdue(100)}")

    def has_certificate(self) -> bool:
        with tenancy.scope(self.organisation_id):
            return bool(requests.certificates_of(self._request()))

    def _run_due(self, *, is_interim: bool) -> None:
        for name, _, object_id in due_work.overdue(1000):
            if is_interim or name != _ASKS_THE_PLATFORM:
                queue.run(name, object_id)

    def attest(self) -> None:
        """An officer states of every place without an address that it is empty."""
        with tenancy.scope(self.organisation_id):
            asked = register.locations(self.organisation_id).filter(state=LocationState.ASKED)
            silent = list(asked.exclude(artifact__kind="recording").values_list("id", flat=True))
        for location_id in silent:
            debt.attest_gone(actor=self.cast.officer.actor, location_id=location_id, evidence=EVIDENCE)

    def is_answered(self) -> bool:
        with tenancy.scope(self.organisation_id):
            return self._request().state == State.FULFILLED

    def _request(self) -> SubjectRequest:
        return requests.request_of(self.organisation_id, self.request_id)


def approved_erasure(jobs: Any, media: Media, before: Callable[[], None] = lambda: None) -> Erasure:
    """Maria's two calls and somebody else's are registered, her request for both rights is approved, nothing is carried
    out. `before` is done before she asks.
    """
    cast = people.assemble()
    arrive(connect(cast), jobs, media, "01", "02", "05")
    before()
    request = wishes.receive(cast, law.Right.ACCESS, law.Right.ERASURE)
    wishes.approve(cast, jobs, request)
    media.files.clear()  # whenever the platform is asked from now on, it has deleted
    with tenancy.scope(cast.organisation_id):
        items = requests.plan_of(request)
    calls, subjects = {item.call_id for item in items}, {item.subject_id for item in items}
    assert len(calls) == 2
    return Erasure(cast, request.id, tuple(sorted(calls)), tuple(sorted(subjects)))

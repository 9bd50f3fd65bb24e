"""Whatever is done in whatever order: a finding is waived by two people, until a day, for the text that they saw."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import time_machine as clock
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.actors import Actor
from compliance.disclosure import following, queue
from compliance.disclosure.operations import assigning, ending, findings, waiving
from compliance.errors import Refusal
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import BARE, DISCLOSED, SILENT
from tests.compliance.disclosure.workflow import GROUND, WHY, in_days, put_in_force, waivers

Step = Callable[[Cast, Any, Actor, int], object]
DAY = timedelta(days=1)


def _newest(cast: Cast) -> Any:
    return room.findings(cast.officer.actor)[-1]


def _propose(cast: Cast, agent: Any, actor: Actor, number: int) -> object:
    return waiving.propose_waiver(
        actor=actor, finding_id=_newest(cast).id, until=in_days(number), ground=GROUND, note=WHY
    )


def _decide(operation: Any) -> Step:
    return lambda cast, agent, actor, number: operation(actor=actor, waiver_id=waivers(cast)[-1].id)


STEPS: dict[str, Step] = {
    "propose": _propose,
    "approve": _decide(waiving.approve_waiver),
    "refuse": _decide(waiving.refuse_waiver),
    "withdraw": _decide(waiving.withdraw_waiver),
    "assign": lambda cast, agent, actor, number: assigning.assign_finding(
        actor=actor, finding_id=_newest(cast).id, assignee=cast.officer.user.id
    ),
    "resolve": lambda cast, agent, actor, number: findings.resolve_finding(
        actor=actor, finding_id=_newest(cast).id, resolution="accepted"
    ),
    "reopen": lambda cast, agent, actor, number: findings.reopen_finding(
        actor=actor, finding_id=_newest(cast).id, reason="not_fixed"
    ),
    "submit": lambda cast, agent, actor, number: put_in_force(cast, agent, (SILENT, BARE, DISCLOSED)[number % 3]),
    "expire": lambda cast, agent, actor, number: ending.expire_waivers(actor=Actor.scheduler(cast.organisation_id)),
}
FIRST = ("propose", "approve")
"""Drawn more often than chance would, and so are the two people who may do both: most ways lead through them."""


def people(cast: Cast) -> list[Actor]:
    return [
        cast.owner.actor, cast.officer.actor, cast.colleague.actor, cast.engineer.actor, cast.auditor.actor,
        cast.outsider.actor, cast.robot, Actor.scheduler(cast.organisation_id), Actor.system(cast.organisation_id),
    ]  # fmt: skip


def assert_two_people(cast: Cast) -> int:
    """How many findings are waived, each by two people."""
    waived = room.findings(cast.officer.actor, state=queue.WAIVED)
    in_force = waivers(cast, state="in_force")
    assert sorted(one.id for one in waived) == sorted(one.finding_id for one in in_force)
    for one in in_force:
        makers = {one.proposed_by, one.decided_by}
        assert len(makers) == 2
        assert all(maker.startswith("person:") for maker in makers)
        assert one.until_on <= one.proposed_at.date() + timedelta(days=following.MAX_WAIVER_DAYS)
    for waiver in waivers(cast, state__in=queue.RUNNING):
        assert waiver.finding.state in queue.LIVE
    return len(waived)


_STEP = st.tuples(
    st.one_of(st.sampled_from(FIRST), st.sampled_from(sorted(STEPS))),
    st.one_of(st.integers(0, 1), st.integers(0, 8)),
    st.integers(0, 400),
)


@settings(
    max_examples=20, deadline=None, database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(steps=st.lists(_STEP, min_size=10, max_size=25))
def test_no_way_leads_to_a_waiver_of_one(steps: list[tuple[str, int, int]], cast: Cast, agent: Any) -> None:
    undo = transaction.savepoint()
    with clock.travel(timezone.now(), tick=False) as now:
        put_in_force(cast, agent, SILENT)
        for name, who, number in steps:
            with suppress(Refusal, IndexError), transaction.atomic():  # refused, or nothing there yet
                STEPS[name](cast, agent, people(cast)[who], number)
            assert_two_people(cast)
            now.shift(DAY)
    transaction.savepoint_rollback(undo)


def test_every_pair_of_actors(cast: Cast, agent: Any) -> None:
    """One proposes, one approves: it is waived where two people did it who may, and nowhere else."""
    put_in_force(cast, agent, SILENT)
    builders = [cast.owner.actor, cast.officer.actor, cast.engineer.actor]
    deciders = [cast.owner.actor, cast.officer.actor, cast.colleague.actor]
    for first in people(cast):
        for second in people(cast):
            undo = transaction.savepoint()
            with suppress(Refusal, IndexError):
                STEPS["propose"](cast, agent, first, 9)
                STEPS["approve"](cast, agent, second, 0)
            expected = first in builders and second in deciders and first != second
            assert assert_two_people(cast) == expected, (first.role, second.role)
            transaction.savepoint_rollback(undo)

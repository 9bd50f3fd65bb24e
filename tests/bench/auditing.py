"""Rows: what an audited write costs, ours and the packages beside us, all against the same write without a log.

Processor time of client and backend together: neighbours on the machine hardly move it, and what they cost a service
is just that.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from audit import log
from audit.ids import uuid7
from tests.bench import clocks, people, tables
from tests.bench.apps import models
from tests.bench.figures import Figure, Target, ratio_at_least
from tests.bench.ground import Ground

_Write = Callable[[], None]


def measure(ground: Ground) -> Iterator[Figure]:
    """Everybody takes turns on one connection."""
    tables.make()
    actor = people.officer()
    backend, count = people.backend_pid(), ground.scale.writes_a_round
    sides = {name: partial(_cost, write, count, backend) for name, write in _writers(actor).items()}
    rounds = clocks.take_turns(sides, ground.scale.write_rounds)
    yield _figure("audited write, explicit entry", "ours, explicit", rounds, ratio_at_least(0.70))
    yield _figure("audited write, by trigger", "ours, trigger", rounds, ratio_at_least(0.85))
    for peer in ("django-auditlog", "django-pghistory"):
        yield _figure(f"{peer}, the same write", peer, rounds, None)
    yield _figure("the same write without a log, in an organisation's scope", "scoped", rounds, None)


def _figure(what: str, name: str, rounds: clocks.Rounds, target: Target | None) -> Figure:
    note = ""
    if name.startswith("ours"):
        note = f"{rounds.speed(name, 'scoped'):.2f} of the unaudited write in an organisation's scope"
    return Figure(
        what=what,
        measured=rounds.cost(name) * 1e6,
        unit="µs",
        baseline=rounds.cost("plain") * 1e6,
        baseline_is="save in a transaction, unaudited; processor time of client and backend",
        ratio=rounds.speed(name, "plain"),
        target=target,
        note=note,
    )


def _cost(write: _Write, count: int, backend: int) -> float:
    """Seconds of processor a write, client and backend."""
    before = time.thread_time() + clocks.on_processor(backend)
    for _ in range(count):
        write()
    return (time.thread_time() + clocks.on_processor(backend) - before) / count


def _writers(actor: Actor) -> dict[str, _Write]:
    organisation_id = actor.organisation_id

    def plain(model: type[models.Record]) -> None:
        with transaction.atomic():
            model(**_fields(organisation_id)).save()

    def scoped() -> None:
        with tenancy.scope(organisation_id):
            models.Plain(**_fields(organisation_id)).save()

    def explicit() -> None:
        with tenancy.operation(actor):
            row = models.Logged(**_fields(organisation_id))
            row.save()
            log.append(
                actor=actor,
                event="recordings.artifact.registered",
                organisation_id=organisation_id,
                obj=("artifact", row.id),
                cls=log.EntryClass.CHANGE,
                what={"kind": row.kind, "bytes": row.size},
            )

    def triggered() -> None:
        with tenancy.operation(actor):
            models.Captured(**_fields(organisation_id)).save()

    return {
        "plain": partial(plain, models.Plain),
        "scoped": scoped,
        "ours, explicit": explicit,
        "ours, trigger": triggered,
        "django-auditlog": partial(plain, models.WatchedByAuditlog),
        "django-pghistory": partial(plain, models.WatchedByPghistory),
    }


def _fields(organisation_id: UUID) -> dict[str, Any]:
    call_id = uuid7()
    return {
        "organisation_id": organisation_id,
        "call_id": call_id,
        "kind": "recording",
        "state": "announced",
        "size": 1_048_576,
        "sha256": hashlib.sha256(call_id.bytes).hexdigest(),
        "registered_at": timezone.now(),
        "note": "",
    }

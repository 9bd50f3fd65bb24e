"""Workers killed by SIGKILL between any two steps of an import, which then brings in every call exactly once.

Two imports: a platform's history, page by page, and a folder of files. As with erasures, first one nobody disturbs, to
learn its steps; then ones whose every worker is killed, each at a place where none died before. By `make test` a
fiftieth of the steps is met by a kill; by `make soak` all are.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from accounts import due_work, tenancy
from compliance import jobs as queue
from compliance.connectors.providers import registry
from compliance.intake import access, tasks
from compliance.intake.models import ImportRun
from compliance.intake.operations import pulling
from compliance.recordings import access as register
from compliance.vault import store
from tests import cast as people
from tests.calls import connect
from tests.cast import Cast
from tests.compliance.calls import MP3
from tests.compliance.connectors.platforms import BEGUN, FarEnd, TestPhone, far_end
from tests.compliance.intake.phones import open_phone
from tests.faults.steps import Cut, Death, Steps, in_child
from tests.faults.worlds import World, leave, new_world
from tests.servers import Servers

pytestmark = pytest.mark.soak

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
A_FIFTIETH = 50
KILLS_A_WORLD = 6
CALLS = 5
SECRET = "the caller's own words"
_OURS = ("intake.run_import",)
_ROUNDS = 40


@dataclass(frozen=True)
class Import:
    """An import that was begun, and how it is carried on."""

    cast: Cast
    connection_id: UUID
    with_sound: bool
    carry_on: Callable[[], None]

    def finish(self, world: World, steps: Steps) -> None:
        """Work until it is finished. What is finished is not begun again: its worker may have died after that."""
        for _ in range(_ROUNDS):
            with steps.paused():
                world.databases.let_time_pass()
                if self.is_finished():
                    return
            self.carry_on()
        raise AssertionError(f"not finished after {_ROUNDS} rounds")

    def run(self) -> ImportRun:
        with tenancy.scope(self.cast.organisation_id):
            return access.imports(self.cast.organisation_id).get(connection_id=self.connection_id)

    def is_finished(self) -> bool:
        with tenancy.scope(self.cast.organisation_id):
            rows = access.imports(self.cast.organisation_id).filter(connection_id=self.connection_id)
            return rows.filter(state=ImportRun.State.FINISHED).exists()

    def assert_finished_once(self, world: World) -> None:
        """Every call, its words and its sound are there once; the counts say so; nothing lies about in clear."""
        run, organisation_id = self.run(), self.cast.organisation_id
        assert (run.state, run.seen, run.registered) == ("finished", CALLS, CALLS)
        assert (run.known, run.refused, run.failed) == (0, 0, 0)
        with tenancy.scope(organisation_id):
            calls = list(register.calls(organisation_id))
            assert len(calls) == len({call.external_id for call in calls}) == CALLS
            for call in calls:
                artifacts = register.artifacts_of(organisation_id, call.id)
                wanted = ["recording", "transcript"] if self.with_sound else ["transcript"]
                assert sorted(one.kind for one in artifacts) == wanted
                assert {(one.state, one.version) for one in artifacts} == {("stored", 1)}
                words, *sound = sorted(artifacts, key=lambda one: one.kind, reverse=True)
                assert SECRET in register.messages_in(words)[0].content
                for one in sound:
                    assert one.object is not None
                    assert store.open_bytes(one.object) == MP3.read_bytes()
                assert len(register.parties_of(organisation_id, call.id)) == 1
        for path in world.folder.rglob("*"):
            if path.is_file():
                assert not ({SECRET.encode(), MP3.read_bytes()[2000:2100]} & _pieces(path.read_bytes())), path


def _pieces(content: bytes) -> set[bytes]:
    wanted = (SECRET.encode(), MP3.read_bytes()[2000:2100])
    return {piece for piece in wanted if piece in content}


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


@pytest.fixture
def far(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarEnd]:
    monkeypatch.setitem(registry._PROVIDERS, "testphone", TestPhone())
    with far_end() as found:
        settings.FETCH_TEST_HOSTS = [found.host]
        yield found


def test_a_history(origin: World, servers: Servers, jobs: Any, far: FarEnd, tmp_path: Path) -> None:
    assert tasks.run_import is not None  # registered
    far.add_calls(CALLS, words=[["user", SECRET]])
    far.page = 2
    phone = open_phone(people.assemble(), far)
    pulling.start_history_import(
        actor=phone.cast.officer.actor,
        connection_id=phone.connection_id,
        since=BEGUN - timedelta(days=1),
        until=BEGUN + timedelta(days=1),
    )

    def carry_on() -> None:
        for name, _, object_id in due_work.overdue(100):
            if name in _OURS:
                queue.run(name, object_id)

    _kill(Import(phone.cast, phone.connection_id, False, carry_on), origin, servers, tmp_path)


def test_a_folder(origin: World, servers: Servers, jobs: Any, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    lines = []
    for number in range(CALLS):
        shutil.copyfile(MP3, folder / f"{number}.mp3")
        words = [{"role": "user", "content": SECRET}]
        lines.append({"external_id": f"old_{number}", "audio": f"{number}.mp3", "transcript": words})
    manifest = folder / "calls.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    cast = people.assemble()
    connection_id = connect(cast).connection_id

    def carry_on() -> None:
        with suppress(CommandError):
            call_command("import_calls", str(manifest), "--connection", str(connection_id))

    _kill(Import(cast, connection_id, True, carry_on), origin, servers, tmp_path)


def _kill(work: Import, origin: World, servers: Servers, tmp_path: Path) -> None:
    report = tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin) as world:
        undisturbed = in_child(lambda steps: work.finish(world, steps), report)
        work.assert_finished_once(world)
    wanted, died_at = len(undisturbed.trail) // A_FIFTIETH, set[Cut]()
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    chance = random.Random(SEED)
    pause = 0 if IS_SOAK else 2 * len(undisturbed.trail) // KILLS_A_WORLD
    while IS_SOAK or len(died_at) < wanted:
        with new_world(servers, tmp_path / "disturbed", origin) as world:
            new = _kill_every_worker(work, world, report, chance, pause, frozenset(died_at))
            died_at |= new
            work.assert_finished_once(world)
        if not new:
            break
    assert len(died_at) >= wanted
    print(f"{len(died_at)} workers died, each at another place")


def _kill_every_worker(
    work: Import, world: World, report: Path, chance: random.Random, pause: int, known: frozenset[Cut]
) -> set[Cut]:
    died_at: set[Cut] = set()
    while True:
        death = Death(chance.randint(0, pause), known | died_at)
        life = in_child(lambda steps: work.finish(world, steps), report, death)
        if life.killed_at is None:
            return died_at
        died_at.add(life.killed_at)
        world.databases.let_time_pass()

"""The restore drill. `make drill` restores each database alone and both; `make test` both, the worst case.

With DRILL_FOLDER set the report is written there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.calls import Media
from tests.drill import backups, report, story
from tests.drill.backups import Backup
from tests.drill.report import Drill
from tests.drill.story import Case
from tests.faults.erasure import Erasure, approved_erasure
from tests.faults.steps import Steps
from tests.faults.worlds import World, leave, new_world
from tests.servers import Servers

FOLDER = os.environ.get("DRILL_FOLDER")
CASES = [["main"], ["keys"], ["main", "keys"]] if FOLDER else [["main", "keys"]]


@pytest.fixture
def live(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    """The installation that somebody restores one day."""
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "live") as world:
        yield world


def test_the_erased_stay_erased(live: World, servers: Servers, jobs: Any, media: Media, tmp_path: Path) -> None:
    began, taken = datetime.now(UTC), list[Backup]()
    erasure = approved_erasure(jobs, media, lambda: taken.append(backups.take(servers, live, tmp_path / "old")))
    objects = story.objects_of(erasure)
    organisation_id = erasure.organisation_id
    before = story.opening(organisation_id, objects.erased), story.opening(organisation_id, objects.others)
    erasure.finish(live, Steps(tmp_path / "steps"))
    assert story.opening(organisation_id, objects.erased) == 0
    new = backups.take(servers, live, tmp_path / "new")
    leave()
    cases = [_case(restored, erasure, objects, servers, live, taken[0], new, jobs, tmp_path) for restored in CASES]
    drill = Drill(began, backups.version_of(servers), taken[0].digests, objects, before, cases)
    text = report.write(drill, Path(FOLDER) if FOLDER else tmp_path / "report")
    print(text)
    assert drill.passed, text


def _case(
    restored: list[str],
    erasure: Erasure,
    objects: story.Objects,
    servers: Servers,
    live: World,
    old: Backup,
    new: Backup,
    jobs: Any,
    tmp_path: Path,
) -> Case:
    main = old.main if "main" in restored else new.main
    keys = old.keys if "keys" in restored else new.keys
    with backups.restored(servers, live, tmp_path / "case", main=main, keys=keys):
        case = story.play(Case(restored), erasure, objects, jobs)
    if len(restored) == 2:
        assert case.opens_without_the_lock > 0  # else nothing was shown
    assert all(line["keys"] == line["calls"] == line["people"] == 0 for line in case.replayed_again)
    return case

"""Two calls whose recordings are announced and not fetched, and the worker that fetches them."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts import due_work, tenancy
from audit import publish
from compliance import jobs as queue
from compliance.config import samples
from compliance.recordings import access as register
from compliance.recordings.models import Artifact
from compliance.recordings.states import ArtifactState
from compliance.vault import store
from compliance.vault.models import SealedObject
from tests import cast as people
from tests.calls import Media, connect
from tests.faults.steps import Steps
from tests.faults.worlds import World
from tests.log import publish_log

FETCH = "recordings.fetch_recording"
_ROUNDS = 40
_SAMPLED = 64


@dataclass(frozen=True)
class Fetch:
    """What waits to be fetched: artifact → the sound that the platform has."""

    organisation_id: UUID
    sounds: dict[UUID, bytes]

    def finish(self, world: World, steps: Steps) -> None:
        """Work until nothing is due; the clock is moved between the rounds."""
        for _ in range(_ROUNDS):
            for name, _, object_id in due_work.overdue(1000):
                if name == FETCH:
                    queue.run(name, object_id)
            with steps.paused():
                publish_log()
                world.databases.let_time_pass()
                if FETCH not in {name for name, _, _ in due_work.overdue(1000)}:
                    return
        raise AssertionError(f"not finished after {_ROUNDS} rounds")


def announced_recordings(jobs: Any, media: Media, *names: str) -> Fetch:
    """These sample calls are registered, their recordings announced."""
    cast = people.assemble()
    platform = connect(cast)
    wanted = [sample for sample in samples.samples(media.url) if sample.name[:2] in names]
    for sample in wanted:
        assert platform.deliver(sample.body).status_code == 202
    while due := [id_ for name, _, id_ in due_work.overdue(1000) if name == "intake.process_delivery"]:
        for id_ in due:
            queue.run("intake.process_delivery", id_)
    sounds = {}
    with tenancy.scope(cast.organisation_id):
        for artifact in register.artifacts(cast.organisation_id).filter(kind="recording"):
            name = (register.source_of(artifact) or "").rpartition("/")[2]
            sounds[artifact.id] = media.files[name]
    assert len(sounds) == len(names)
    return Fetch(cast.organisation_id, sounds)


def assert_fetched_once(fetch: Fetch, world: World, *, kills: int) -> None:
    """Everything is there, once, and in no file in clear; what dead workers left is ciphertext that no row knows."""
    with tenancy.scope(fetch.organisation_id):
        found = {id_: register.artifact_of(fetch.organisation_id, id_) for id_ in fetch.sounds}
        for id_, artifact in found.items():
            _is_stored(fetch, artifact, fetch.sounds[id_])
        objects = SealedObject.objects.for_organisation(fetch.organisation_id)
        known = set(objects.exclude(store_key="").values_list("store_key", flat=True))
        stored = Counter(_objects(fetch, "recordings.artifact.stored"))
    assert len(known) == len(found)
    assert {id_: stored[id_] for id_ in found} == dict.fromkeys(found, 1)
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    strays = [path for path in files if path.is_relative_to(world.store) and _key(path, world) not in known]
    assert len(strays) <= kills
    for path in files:
        _holds_no_sound(path, fetch)


def _is_stored(fetch: Fetch, artifact: Artifact, sound: bytes) -> None:
    assert (artifact.state, artifact.failure_code) == (ArtifactState.STORED, "")
    assert (artifact.sha256, artifact.size) == (hashlib.sha256(sound).hexdigest(), len(sound))
    assert artifact.object is not None
    assert store.open_bytes(artifact.object) == sound
    places = [place.place for place in register.locations_of(fetch.organisation_id, artifact.id)]
    assert sorted(places) == ["platform", "store"]


def _key(path: Path, world: World) -> str:
    return str(path.relative_to(world.store))


def _holds_no_sound(path: Path, fetch: Fetch) -> None:
    content = path.read_bytes()
    for sound in fetch.sounds.values():
        for share in (0.1, 0.5, 0.9):
            start = int(len(sound) * share)
            assert sound[start : start + _SAMPLED] not in content, path


def _objects(fetch: Fetch, event: str) -> list[UUID | None]:
    views = publish.list_entries(fetch.organisation_id, act=event, limit=1000, with_disclosures=False)
    return [view.leaf.object_id for view in views]

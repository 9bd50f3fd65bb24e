"""After an erasure nothing of the person can be read, by anybody, anywhere; and the search that says so can find.

The same attacker searches three times: before the erasure every seeded value must be found (a search that finds nothing
proves nothing), after the certificate only the request's own file may hold any, after that file was minimised nothing
does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings

from accounts.actors import Actor
from compliance.config import samples
from compliance.dsr.operations import minimising
from compliance.intake import operations as intake
from compliance.retention import operations as retention
from compliance.vault.hierarchy import KeyKind, KeyName
from tests.calls import Media
from tests.cast import Cast
from tests.database import Databases
from tests.servers import Servers
from tests.walks.attacker import Attacker, Find, overhear
from tests.walks.needles import Needle, Whole, unpacked
from tests.walks.office import HERS, SOMEBODY_ELSES, Office, ok, open_office

REQUEST_FILE = {
    "dsr_subjectrequest.sealed_person",
    "dsr_claimedidentity.sealed_value",
    "dsr_outboundmail.sealed_letter",
}
"""Where the request's own file lies (11 CCR 7101: 24 months), besides its certificates, which name nobody."""

IN_CLEAR_BEFORE = {"call id"}
"""The platform's id of a call stands in a plain column until the erasure. Postgres keeps the old version of that row in
its own files until it cleans up; no query and no dump shows it.
"""


@dataclass(frozen=True)
class Person:
    """Somebody who exists in this test only, so that a hit anywhere on this machine is a leak of this test's."""

    tag: str
    phone: str

    @property
    def name(self) -> str:
        return f"Zsófia Quill{self.tag}"

    @property
    def email(self) -> str:
        return f"zsofia.{self.tag}@example.com"

    @property
    def spoken_phone(self) -> str:
        """As people say it in their own country."""
        return f"0{self.phone[3:6]} {self.phone[6:]}"

    @property
    def turns(self) -> list[str]:
        return [
            "This call is recorded. How can I help you?",
            f"This is {self.name}; I was born on 23 July 1931 in the house {self.tag} by the river.",
            f"You reach me at {self.spoken_phone}, or write to {self.email}.",
            f"My insurance knows me as {self.tag.upper()}-77, and please do not tell my brother.",
        ]

    @property
    def summary(self) -> str:
        return f"Caller of {self.tag} asks for discretion about a treatment."

    @property
    def sound(self) -> bytes:
        """A recording like no other: a tag of its own before a sample that nobody else's call in this test has."""
        told = f"\x03owner\0{self.tag} says this aloud".encode()
        frame = b"TXXX" + len(told).to_bytes(4, "big") + b"\0\0" + told
        audio = next(one for one in samples.samples("") if one.name.startswith("03")).audio.read_bytes()
        return b"ID3\x03\0\0" + bytes([0, 0, len(frame) >> 7, len(frame) & 0x7F]) + frame + audio

    def told_by(self, media: Media, *, is_over: bool) -> dict[str, Any]:
        """What the platform says of the call, while it runs and after."""
        call: dict[str, Any] = {
            "id": f"call_{self.tag}",
            "agentId": "agent_frontdesk",
            "contactId": f"contact_{self.tag}",
            "callSid": f"CA{self.tag}{self.tag}",
            "status": "IN_PROGRESS",
            "startTime": "2026-03-02T17:04:10.000Z",
            "phoneNumber": self.phone,
            "contactName": self.name,
        }
        if is_over:
            roles = ("assistant", "user")
            said = enumerate(self.turns)
            turns = [{"role": roles[n > 0], "content": words, "timestamp": n * 5.0} for n, words in said]
            call |= {"status": "COMPLETED", "transcription": turns, "summary": self.summary}
            call |= {"recordingUrl": f"{media.url}/{self.tag}.mp3", "metricJson": {"remark": f"private {self.tag}"}}
        return {"success": True, "callData": call}

    def needles(self) -> list[Needle | Whole]:
        """Everything that must not be readable afterwards."""
        words = {
            "name": self.name,
            "family name": f"Quill{self.tag}",
            "e-mail": self.email,
            "phone": self.phone,
            "phone without plus": self.phone[1:],
            "phone as spoken": self.spoken_phone,
            "phone, last digits": self.phone[-8:],
            "contact id": f"contact_{self.tag}",
            "call id": f"call_{self.tag}",
            "call sid": f"CA{self.tag}{self.tag}",
            "birth date": "23 July 1931",
            "summary": self.summary,
            "metric": f"private {self.tag}",
            "address of the recording": f"/{self.tag}.mp3",
            **{f"turn {n}": words for n, words in enumerate(self.turns) if n},
        }
        sound, middle = self.sound, len(self.sound) // 2
        return [
            *(Needle.text(name, value) for name, value in words.items()),
            Needle.raw("4 KiB of the sound", sound[middle : middle + 4096]),
            Whole("the recording", hashlib.sha256(sound).hexdigest()),
        ]


@pytest.fixture
def log_lines(tmp_path: Path) -> Iterator[Path]:
    """Every line that is logged in this test, formatted as in production."""
    path = tmp_path / "var" / "web.log"
    path.parent.mkdir()
    root = logging.getLogger()
    handler = logging.FileHandler(path)
    handler.setFormatter(next(one.formatter for one in root.handlers if one.formatter))
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    yield path
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()


@dataclass
class Scene:
    """One person's call among others, and the attacker."""

    office: Office
    person: Person
    attacker: Attacker

    def owner(self, statement: str, *values: object) -> None:
        """Move a date, as time would."""
        with psycopg.connect(self.attacker.servers.server.url(self.attacker.databases.main)) as connection:
            connection.execute(statement, values)

    def hits(self, taken: list[Find]) -> dict[str, list[Find]]:
        """Needle → where it was read."""
        needles, hits = self.person.needles(), dict[str, list[Find]]()
        for find in taken:
            for data in unpacked(find.data):
                for needle in needles:
                    if needle.is_in(data):
                        hits.setdefault(needle.name, []).append(find)
        return hits


@pytest.fixture
def scene(
    servers: Servers,
    committed_db: Databases,
    monkeypatch: pytest.MonkeyPatch,
    log_lines: Path,
    tmp_path: Path,
    media: Media,
    request: pytest.FixtureRequest,
) -> Scene:
    labels = overhear(monkeypatch)
    cast: Cast = request.getfixturevalue("committed_cast")
    person = Person(secrets.token_hex(5), f"+49151{secrets.randbelow(10**8):08d}")
    media.files[f"{person.tag}.mp3"] = person.sound
    office = open_office(committed_db, cast, media)
    store = Path(settings.STORAGES["vault"]["OPTIONS"]["location"])
    attacker = Attacker(servers, committed_db, Path(settings.KEYRING_FILE), store, (), labels)
    attacker.files = (tmp_path, servers.folder / "postgres.log", *attacker.cluster_files())
    return Scene(office, person, attacker)


def _live(scene: Scene) -> None:
    """The call comes in (told twice, once badly), is listened to, read, judged, held for a while, and asked about in
    vain.
    """
    office, person = scene.office, scene.person
    for is_over in (False, True, True):
        assert office.platform.deliver(person.told_by(office.media, is_over=is_over)).status_code == 202
        scene.attacker.back_up()
        office.work()
    assert office.platform.deliver(person.told_by(office.media, is_over=True), token="wrong").status_code == 401
    call = ok(office.robot.get(f"/api/v1/calls/call_{person.tag}"))
    recording = next(part for part in call["artifacts"] if part["kind"] == "recording")
    assert recording["sha256"] == hashlib.sha256(person.sound).hexdigest()
    link = ok(office.robot.post(f"/api/v1/artifacts/{recording['id']}/links", {}, format="json"), 201)
    heard: Any = office.robot.get(link["url"].removeprefix("http://testserver"))
    assert b"".join(heard.streaming_content) == person.sound
    words = ok(office.officer.get(f"/api/v1/calls/{call['id']}/transcript", {"purpose": "complaint"}))
    assert person.turns[1] in json.dumps(words, ensure_ascii=False)
    assert office.reviewer.get(f"/api/v1/calls/{call['id']}/transcript", {"purpose": "x"}).status_code in {200, 403}
    hold = {"matter": "case 8", "reason": "a claim was announced", "calls": [call["id"]]}
    hold_id = ok(office.officer.post("/api/v1/holds", hold, format="json"), 201)["id"]
    ok(office.officer.post(f"/api/v1/holds/{hold_id}/release-proposal"))
    ok(office.reviewer.post(f"/api/v1/holds/{hold_id}/release"))
    office.work()


def _erase(scene: Scene, *rights: str) -> UUID:
    """To the final certificate, and a late word of the platform after it."""
    office, person = scene.office, scene.person
    request_id = office.approved_request(*rights, person={"name": person.name, "email": person.email})
    office.work()
    office.platform_deletes(person.tag)
    office.work()
    done = office.read(request_id)
    assert (done["state"], done["certificates"][0]["is_final"]) == ("fulfilled", True)
    late = person.told_by(office.media, is_over=True)
    late["callData"]["summary"] += " Told late."
    assert office.platform.deliver(late).status_code == 202
    office.work()
    # What was told late lies at the platform again: a new debt, with the id that an order needs, until it is paid.
    assert ok(office.robot.get("/api/v1/deletion-debt"))["results"]
    office.platform_deletes(person.tag)
    office.work()
    assert ok(office.robot.get("/api/v1/deletion-debt"))["results"] == []
    return UUID(request_id)


def _minimise(scene: Scene, request_id: UUID) -> None:
    """24 months later."""
    scene.owner("UPDATE dsr_subjectrequest SET minimise_on = current_date WHERE id = %s", request_id)
    actor = Actor.scheduler(scene.office.cast.organisation_id)
    minimising.minimise_request(actor=actor, request_id=request_id)
    scene.office.work()


def _places(hits: dict[str, list[Find]]) -> dict[str, list[str]]:
    return {name: sorted({find.place for find in finds}) for name, finds in hits.items()}


def _assert_others_are_there(taken: list[Find]) -> None:
    """Nobody else lost anything: the same attacker still hears all of their calls."""
    known = {sample.sha256: sample.name[:2] for sample in samples.samples("")}
    heard = {known[digest] for find in taken if (digest := hashlib.sha256(find.data).hexdigest()) in known}
    assert heard == {*HERS, SOMEBODY_ELSES}


def test_nothing_of_the_person_is_left(scene: Scene) -> None:
    _live(scene)
    taken = scene.attacker.take()
    assert {needle.name for needle in scene.person.needles()} == set(scene.hits(taken))
    assert scene.attacker.skipped == [], "before the erasure a surviving key opens everything"
    _assert_others_are_there(taken)

    request_id = _erase(scene, "erasure")
    taken = scene.attacker.take()
    assert scene.attacker.skipped, "there is ciphertext whose key is gone"
    hits = scene.hits(taken)
    _assert_only_the_request_file(hits, request_id)
    _assert_others_are_there(taken)

    _minimise(scene, request_id)
    taken = scene.attacker.take()
    assert _places(scene.hits(_without_row_versions(taken))) == {}
    _assert_others_are_there(taken)


def _assert_only_the_request_file(hits: dict[str, list[Find]], request_id: UUID) -> None:
    """What the person told with the request, under the request's key; and in Postgres's files what stood in clear
    before.
    """
    file_key = KeyName(KeyKind.REQUEST, request_id)
    mine = {name: [find for find in finds if find.key == file_key] for name, finds in hits.items()}
    assert {name for name, finds in mine.items() if finds} == {"name", "family name", "e-mail"}
    assert {place.partition(" ")[0] for places in _places(mine).values() for place in places} == REQUEST_FILE
    others = {name: [find for find in finds if find.key != file_key] for name, finds in hits.items()}
    left = {name: finds for name, finds in others.items() if finds}
    assert left.keys() <= IN_CLEAR_BEFORE
    assert _places({name: _without_row_versions(finds) for name, finds in left.items()}) == {name: [] for name in left}


def _without_row_versions(taken: list[Find]) -> list[Find]:
    return [find for find in taken if "/base/" not in find.place and "/pg_wal/" not in find.place]


def test_older_backups_do_not_bring_it_back(scene: Scene) -> None:
    """Copies of database and store from before the erasure, made even while a webhook waited, with the keys of
    afterwards.

    One window stays open and is closed by the clock: a raw body lay under its connection's key of the day before it was
    read. That key ends when its day is over, and with it what backups of that day hold of the body.
    """
    _live(scene)
    scene.attacker.back_up()
    assert {needle.name for needle in scene.person.needles()} == set(scene.hits(scene.attacker.take_from_backups()))
    request_id = _erase(scene, "erasure")
    _minimise(scene, request_id)
    left = scene.hits(scene.attacker.take_from_backups())
    assert {find.key.kind for finds in left.values() for find in finds if find.key} <= {KeyKind.DELIVERY}
    organisation_id = scene.office.cast.organisation_id
    after_tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    assert intake.retire_delivery_keys(actor=Actor.scheduler(organisation_id), before=after_tomorrow) == 1
    taken = scene.attacker.take_from_backups()
    assert _places(scene.hits(taken)) == {}
    _assert_others_are_there(taken)


def test_the_copy_that_was_given_ends_with_its_time(scene: Scene) -> None:
    """Who asked for a copy and for erasure at once has a package waiting for 14 days. It is the only place left, and
    then it goes.
    """
    _live(scene)
    request_id = _erase(scene, "access", "erasure")
    hits = scene.hits(scene.attacker.take())
    kinds = {find.key.kind for name, finds in hits.items() if name not in IN_CLEAR_BEFORE for find in finds if find.key}
    assert kinds == {KeyKind.REQUEST, KeyKind.EXPORT}
    assert "4 KiB of the sound" in hits

    _minimise(scene, request_id)
    its_time = "due_on = current_date, stored_at = now() - interval '15 days'"
    scene.owner(f"UPDATE recordings_artifact SET {its_time} WHERE kind = 'export_package'")  # ours
    retention.apply_schedules(actor=Actor.scheduler(scene.office.cast.organisation_id))
    scene.office.work()
    assert _places(scene.hits(_without_row_versions(scene.attacker.take()))) == {}
    left = scene.hits(scene.attacker.take_from_backups())
    assert {find.key.kind for finds in left.values() for find in finds if find.key} <= {KeyKind.DELIVERY}

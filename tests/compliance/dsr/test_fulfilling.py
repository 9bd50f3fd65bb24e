"""Doing what was approved, answered from what was proven."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import tenancy
from compliance import law
from compliance.config import samples
from compliance.dsr import access, notices
from compliance.dsr.models import OutboundMail, Suppression
from compliance.dsr.operations import delivering, minimising
from compliance.errors import Conflict, Gone
from compliance.vault import store
from tests.cast import Cast
from tests.compliance.dsr.requests import approve, code_of, read, receive
from tests.entries import Entries


@pytest.fixture
def copied(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> Any:
    """Maria's access request, carried out."""
    arrived("01", "02", "05")
    request = receive(cast, law.Right.ACCESS)
    approve(cast, jobs, request)
    jobs.drain()
    return request.id


def _package(cast: Cast, request_id: Any) -> zipfile.ZipFile:
    opened = delivering.hand_over(actor=cast.officer.actor, request_id=request_id)
    with tenancy.scope(cast.organisation_id):
        return zipfile.ZipFile(io.BytesIO(b"".join(store.open_stream(opened.sealed))))


def test_a_copy_holds_sound_words_and_an_explanation(cast: Cast, copied: Any) -> None:
    assert read(cast, copied).state == "fulfilled"
    archive = _package(cast, copied)
    manifest = {item["name"]: item["sha256"] for item in json.loads(archive.read("manifest.json"))["files"]}
    assert set(archive.namelist()) == {*manifest, "manifest.json"}
    assert all(hashlib.sha256(archive.read(name)).hexdigest() == digest for name, digest in manifest.items())
    known = {sample.sha256: sample.name[:2] for sample in samples.samples("http://x")}
    assert {known[digest] for digest in manifest.values() if digest in known} == {"01", "05"}
    page, letter = archive.read("index.html").decode(), archive.read("letter.html").decode()
    assert "I need to move my cleaning appointment" in page
    assert "Owen Baptiste" not in page  # call 02 is somebody else's
    assert "appointments" in letter
    assert "15(1)" in letter
    assert "90 days from the end of the call" in letter
    notes = [json.loads(archive.read(name)) for name in manifest if "/insights-" in name]
    assert [one["format"] for one in notes] == [1, 1]  # what was worked out of the words of both calls


def test_what_is_delivered_is_what_was_built(cast: Cast, copied: Any) -> None:
    with tenancy.scope(cast.organisation_id):
        package = access.packages_of(access.request_of(cast.organisation_id, copied))[0]
        assert package.artifact.object is not None
        data = store.open_bytes(package.artifact.object)
    assert hashlib.sha256(data).hexdigest() == package.sha256 == package.artifact.sha256


def test_a_package_is_an_artifact_with_a_date(cast: Cast, copied: Any) -> None:
    with tenancy.scope(cast.organisation_id):
        artifact = access.packages_of(access.request_of(cast.organisation_id, copied))[0].artifact
    assert artifact.due_on is not None


def test_the_link_asks_for_a_code_again(cast: Cast, copied: Any, entries: Entries) -> None:
    with tenancy.scope(cast.organisation_id):
        request = access.request_of(cast.organisation_id, copied)
        letter = next(row for row in access.letters_of(request) if row.template == "package_ready")
        path = next(word for word in notices.read(letter).body.split() if "/packages/" in word)
    path = "/" + path.split("/", 3)[3]
    page = Client()
    assert page.get(path).status_code == 200
    assert page.post(path, {"code": "00000000"}).status_code == 400
    assert page.post(path).status_code == 200  # sends a code
    answer: Any = page.post(path, {"code": code_of(cast, request)})
    assert answer.status_code == 200
    assert zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).testzip() is None
    assert entries.events[-1] == "dsr.package.opened"
    assert page.post(path, {"code": code_of(cast, request)}).status_code == 400  # a code works once


def test_an_unknown_link_says_nothing(db: None) -> None:
    answer = Client().get("/packages/" + "A" * 43)
    assert answer.status_code == 404
    assert b"Send me the code" not in answer.content


def test_a_link_ends(cast: Cast, copied: Any, time_machine: Any) -> None:
    time_machine.move_to(timezone.now() + timedelta(days=15))
    with pytest.raises(Gone):
        delivering.hand_over(actor=cast.officer.actor, request_id=copied)


def test_a_copy_before_the_erasure_where_both_were_asked(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    """The package stands under a key of its own and outlives the calls."""
    arrived("01")
    request = receive(cast, law.Right.ACCESS, law.Right.ERASURE)
    approve(cast, jobs, request)
    jobs.settle()
    assert "calls/001-2026-03-02/recording-mono.mp3" in _package(cast, request.id).namelist()
    with tenancy.scope(cast.organisation_id):
        results = {(item.right, item.result) for item in access.plan_of(read(cast, request.id))}
    assert {right for right, _ in results} == {"access", "erasure"}
    assert {result for right, result in results if right == "access"} == {"delivered"}


def test_erased_people_are_remembered_as_digests_only(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    arrived("01")
    request = receive(cast, law.Right.ERASURE)
    approve(cast, jobs, request)
    jobs.settle()
    with tenancy.scope(cast.organisation_id):
        row = Suppression.objects.for_organisation(cast.organisation_id).get()
        digest = store.fingerprint(cast.organisation_id, "suppress.email", "maria.delgado@example.com")
    assert bytes(row.digest) == digest


def test_the_file_is_minimised_after_24_months(
    cast: Cast, copied: Any, time_machine: Any, jobs: Any, entries: Entries
) -> None:
    with pytest.raises(Conflict):
        minimising.minimise_request(actor=cast.officer.actor, request_id=copied)
    time_machine.move_to(timezone.now() + timedelta(days=732))
    assert minimising.due_requests(cast.organisation_id) == [copied]
    minimising.minimise_request(actor=cast.officer.actor, request_id=copied)
    with tenancy.scope(cast.organisation_id):
        request = access.request_of(cast.organisation_id, copied)
        assert access.person_of(request).name == ""
        assert [access.value_of(claim) for claim in access.claims_of(request)] == [""]
        assert {row.sealed_letter for row in OutboundMail.objects.for_organisation(cast.organisation_id)} == {None}
    assert request.state == "fulfilled"
    assert "dsr.request.minimised" in entries.events
    with tenancy.scope(cast.organisation_id), pytest.raises(Gone):
        store.seal_value(cast.organisation_id, access.scope_of(copied), "x/1", b"x")


def test_a_minimisation_that_was_interrupted_goes_on(
    cast: Cast, copied: Any, time_machine: Any, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    time_machine.move_to(timezone.now() + timedelta(days=732))
    destroy = store.carry_out_destruction
    monkeypatch.setattr(store, "carry_out_destruction", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        minimising.minimise_request(actor=cast.officer.actor, request_id=copied)
    monkeypatch.setattr(store, "carry_out_destruction", destroy)
    assert minimising.due_requests(cast.organisation_id) == [copied]
    minimising.minimise_request(actor=cast.officer.actor, request_id=copied)
    assert minimising.due_requests(cast.organisation_id) == []
    assert entries.events.count("dsr.request.minimised") == 1


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt

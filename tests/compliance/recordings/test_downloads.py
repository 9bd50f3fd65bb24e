"""Batch downloads: everything that was chosen, every file in the log, and on after a break."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from compliance.config import samples
from compliance.errors import Conflict, Gone, Invalid, NotAllowed
from compliance.recordings.call_filters import CallFilter
from compliance.recordings.models import Artifact
from compliance.recordings.operations import archives, downloads
from compliance.retention import disposal
from compliance.vault import store
from tests.cast import Cast, Member
from tests.compliance.calls import Entries
from tests.walks.desk import Desk


def _archive(pieces: Any) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


def test_what_was_chosen_comes_whole_and_each_file_is_an_entry(
    cast: Cast, arrived: Callable[..., dict[str, UUID]], entries: Entries
) -> None:
    arrived("01", "02")
    download = downloads.start_download(actor=cast.officer.actor, purpose="audit of our own", calls=CallFilter())
    found = _archive(archives.archive_of(actor=cast.officer.actor, download_id=download.id))
    manifest = json.loads(found.read("manifest.json"))
    assert found.testzip() is None
    assert manifest["of_files"] == download.items == len(manifest["files"])
    assert manifest["left_out"] == []
    for file in manifest["files"]:
        assert hashlib.sha256(found.read(file["name"])).hexdigest() == file["sha256"]
    sounds = {
        hashlib.sha256(found.read(file["name"])).digest() for file in manifest["files"] if file["kind"] == "recording"
    }
    originals = [path.read_bytes() for path in samples.FOLDER.glob("0[12]*.mp3")]
    assert sounds
    assert sounds <= {hashlib.sha256(data).digest() for data in originals}
    opened = [one for one in entries.of("recordings.artifact.opened") if one.what.get("download") == str(download.id)]
    assert len(opened) == download.items
    assert len(entries.of("recordings.download.finished")) == 1


def test_it_goes_on_after_a_break_and_the_rest_is_the_rest(cast: Cast, arrived: Callable[..., dict[str, UUID]]) -> None:
    arrived("01", "02")
    download = downloads.start_download(actor=cast.officer.actor, purpose="audit", calls=CallFilter())
    whole = json.loads(
        _archive(archives.archive_of(actor=cast.officer.actor, download_id=download.id)).read("manifest.json")
    )
    rest = json.loads(
        _archive(archives.archive_of(actor=cast.officer.actor, download_id=download.id, after=2)).read("manifest.json")
    )
    assert [one["number"] for one in rest["files"]] == [one["number"] for one in whole["files"]][2:]
    assert rest["files"] == whole["files"][2:]


def test_what_was_erased_meanwhile_is_named_and_not_given(
    cast: Cast, arrived: Callable[..., dict[str, UUID]], jobs: Any
) -> None:
    calls = arrived("01", "02")
    download = downloads.start_download(actor=cast.officer.actor, purpose="audit", calls=CallFilter())
    disposal.begin_call_disposal(
        actor=Actor.scheduler(cast.organisation_id), call_id=calls["01"], ground=disposal.Ground.ERASURE_REQUEST
    )
    found = _archive(archives.archive_of(actor=cast.officer.actor, download_id=download.id))
    manifest = json.loads(found.read("manifest.json"))
    assert manifest["left_out"]
    assert {one["why"] for one in manifest["left_out"]} == {"gone"}
    assert {one["call"] for one in manifest["files"]} == {str(calls["02"])}
    assert len(manifest["files"]) + len(manifest["left_out"]) == download.items


def test_who_may_not_and_what_cannot(cast: Cast, arrived: Callable[..., dict[str, UUID]]) -> None:
    arrived("01")
    officer = cast.officer.actor
    with pytest.raises(NotAllowed):
        downloads.start_download(actor=cast.auditor.actor, purpose="audit", calls=CallFilter())
    with pytest.raises(Invalid):
        downloads.start_download(actor=dataclasses.replace(officer, purpose=""), purpose="", calls=CallFilter())
    with pytest.raises(Invalid):
        downloads.start_download(actor=officer, purpose="audit", calls=CallFilter(batch="no such batch"))
    with pytest.raises(Invalid):
        downloads.start_download(actor=officer, purpose="audit", calls=CallFilter(), kinds=["delivery"])
    download = downloads.start_download(actor=officer, purpose="audit", calls=CallFilter())
    with pytest.raises(Conflict):
        list(archives.archive_of(actor=cast.owner.actor, download_id=download.id))
    with pytest.raises(Invalid):
        archives.archive_of(actor=officer, download_id=download.id, after=download.items)
    downloads.withdraw_download(actor=officer, download_id=download.id)
    with pytest.raises(Gone):
        archives.archive_of(actor=officer, download_id=download.id)


def test_bytes_that_changed_never_make_a_whole_archive(cast: Cast, arrived: Callable[..., dict[str, UUID]]) -> None:
    arrived("01")
    download = downloads.start_download(actor=cast.officer.actor, purpose="audit", calls=CallFilter())
    with tenancy.scope(cast.organisation_id):
        Artifact.objects.for_organisation(cast.organisation_id).filter(kind="recording").update(sha256="0" * 64)
    with pytest.raises(store.Unreadable):
        list(archives.archive_of(actor=cast.officer.actor, download_id=download.id))


def test_the_command_fills_a_folder_and_goes_on_where_it_stopped(
    cast: Cast, arrived: Callable[..., dict[str, UUID]], tmp_path: Path, entries: Entries
) -> None:
    arrived("01", "02")
    folder = tmp_path / "calls"
    email = cast.officer.user.email
    call_command("download_batch", str(folder), email=email, purpose="audit")
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {one["name"]: one["sha256"] for one in manifest["files"]}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in files.items())
    lost = next(iter(files))
    (folder / lost).write_bytes(b"half a fi")
    before = len(entries.of("recordings.artifact.opened"))
    call_command("download_batch", str(folder), email=email)
    assert hashlib.sha256((folder / lost).read_bytes()).hexdigest() == files[lost]
    assert len(entries.of("recordings.artifact.opened")) == before + 1  # only what was missing was opened again
    assert not list(folder.rglob("*.part"))
    with pytest.raises(CommandError):
        call_command("download_batch", str(tmp_path / "other"), email="nobody@example.com", purpose="x")


def test_over_http(arrived: Callable[..., dict[str, UUID]], api: APIClient, outsider_api: APIClient) -> None:
    calls = arrived("01", "02")
    answer = api.post(
        "/api/v1/downloads",
        {"purpose": "audit", "calls": {"outcome": "completed"}, "kinds": ["transcript"]},
        format="json",
    )
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert made["items"] == len(calls)
    streamed: Any = api.get(f"/api/v1/downloads/{made['id']}/archive")
    assert streamed["Content-Type"] == "application/zip"
    assert "manifest.json" in _archive(streamed.streaming_content).namelist()
    items = api.get(f"/api/v1/downloads/{made['id']}/items").json()["results"]
    assert all(one["sent_at"] for one in items)
    assert outsider_api.get(f"/api/v1/downloads/{made['id']}/archive").status_code == 404
    bad = api.post("/api/v1/downloads", {"purpose": "audit", "calls": {"colour": "red"}}, format="json")
    assert bad.status_code == 400
    assert "colour" in bad.json()["errors"]


def test_a_download_that_cannot_begin_is_an_error_in_the_console_too(
    cast: Cast, arrived: Callable[..., dict[str, UUID]], console: Callable[[Member], Client]
) -> None:
    arrived("01")
    download = downloads.start_download(actor=cast.officer.actor, purpose="audit", calls=CallFilter())
    downloads.withdraw_download(actor=cast.officer.actor, download_id=download.id)
    assert Desk(console(cast.officer)).press("recordings.Download", "fetch", download.id).status == 410

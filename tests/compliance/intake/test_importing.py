"""Files that exist already: each once into the vault, none changed, nothing from outside the folder."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts import tenancy
from compliance.intake import access
from compliance.intake.models import ImportRun
from compliance.intake.operations import importing, runs
from compliance.intake.sources import Bucket, Folder, SourceError
from compliance.recordings import access as register
from compliance.recordings.models import Call
from compliance.vault import store
from tests.cast import Cast
from tests.compliance.calls import MP3, Line, connect
from tests.object_store import ObjectStore

WORDS = [{"role": "agent", "content": "This call is recorded.", "timestamp": 0.5}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "files"
    (found / "a").mkdir(parents=True)
    return found


def entry(number: int, **fields: Any) -> dict[str, Any]:
    line = {
        "external_id": f"old_{number}",
        "audio": f"a/{number}.mp3",
        "started_at": "2026-03-02T17:04:10Z",
        "ended_at": "2026-03-02T17:04:37Z",
        "contact": {"phone": f"+1415555{number:04d}"},
    }
    return {name: value for name, value in (line | fields).items() if value is not None}


def write(folder: Path, *lines: dict[str, Any]) -> Path:
    """The manifest beside its files, each of which is the sample call unless it is there already."""
    for line in lines:
        path = folder / line.get("audio", "a")
        if not path.exists() and not path.is_symlink() and path.parent.is_dir():
            shutil.copyfile(MP3, path)
    manifest = folder / "calls.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return manifest


def run_command(manifest: Path, line: Line, *options: str) -> None:
    call_command("import_calls", str(manifest), "--connection", str(line.connection.id), *options)


def last_run(line: Line) -> ImportRun:
    with tenancy.scope(line.organisation_id):
        return access.imports(line.organisation_id).filter(kind__in=("folder", "bucket")).latest("id")


def results(line: Line) -> list[tuple[int, str, str]]:
    with tenancy.scope(line.organisation_id):
        items = access.import_items(line.organisation_id, last_run(line).id)
        return [(item.number, item.state, item.code) for item in items]


def counts(line: Line) -> tuple[int, int, int, int, int]:
    run = last_run(line)
    return run.seen, run.registered, run.known, run.refused, run.failed


def test_a_folder_comes_in(line: Line, folder: Path, entries: Any, capsys: Any) -> None:
    (folder / "a/words.json").write_text(json.dumps({"transcription": WORDS}))
    manifest = write(
        folder,
        entry(1, sha256=hashlib.sha256(MP3.read_bytes()).hexdigest(), transcript="a/words.json", labels=["old"]),
        entry(2, audio=None, transcript=WORDS, consent="granted"),
    )
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    run_command(manifest, line)
    run = last_run(line)
    assert (run.state, run.kind, run.total, run.source) == ("finished", "folder", 2, str(folder))
    assert counts(line) == (2, 2, 0, 0, 0)
    assert results(line) == [(1, "done", ""), (2, "done", "")]
    found = line.artifacts(line.call("old_1"))
    assert (found["recording"].state, found["recording"].media_type) == ("stored", "audio/mpeg")
    assert found["recording"].duration_ms
    with tenancy.scope(line.organisation_id):
        assert found["recording"].object is not None
        assert store.open_bytes(found["recording"].object) == MP3.read_bytes()
        assert register.messages_in(found["transcript"])[0].content == WORDS[0]["content"]
        assert [one.place for one in register.locations_of(line.organisation_id, found["recording"].id)] == ["store"]
    assert line.call("old_1").labels == ["old"]
    assert line.call("old_2").consent == "granted"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    told = [one for one in entries if one.obj == ("import", run.id)]
    assert [one.event for one in told] == ["intake.import.started", "intake.import.finished"]
    assert told[-1].what["registered"] == 2
    assert told[-1].identifying == {"source": str(folder)}
    assert {one.actor for one in told} == {"system"}
    assert "2 new" in capsys.readouterr().out


def test_the_same_manifest_again_is_all_known(line: Line, folder: Path) -> None:
    manifest = write(folder, entry(1), entry(2))
    for _ in range(2):
        run_command(manifest, line)
    assert counts(line) == (2, 0, 2, 0, 0)
    with tenancy.scope(line.organisation_id):
        rows = register.artifacts(line.organisation_id).filter(kind="recording")
        assert sorted(rows.values_list("version", flat=True)) == [1, 1]


def test_a_table_comes_in_by_the_connections_name(line: Line, folder: Path) -> None:
    write(folder, entry(1))
    manifest = folder / "calls.csv"
    with manifest.open("w", newline="") as file:
        csv.writer(file).writerows([["external_id", "audio", "contact.phone"], ["old_1", "a/1.mp3", "+14155550001"]])
    call_command("import_calls", str(manifest), "--connection", line.connection.name, "--as", "officer@harbor.example")
    assert results(line) == [(2, "done", "")]
    assert last_run(line).started_by.startswith("person:")


# --- a bad manifest -----------------------------------------------------------------------------------------------


def test_a_bad_line_changes_nothing_and_is_named(line: Line, folder: Path, capsys: Any) -> None:
    manifest = write(folder, entry(1), entry(2, duration_s="x"), entry(3, audio="../out.mp3"), entry(1))
    with pytest.raises(CommandError, match="3 of 4 lines") as refused:
        run_command(manifest, line)
    assert refused.value.returncode == 65
    assert capsys.readouterr().err.splitlines() == [
        "line 2: wrong_type at duration_s",
        "line 3: bad_path at audio",
        "line 4: duplicate_call at external_id",
    ]
    with tenancy.scope(line.organisation_id):
        assert not access.imports(line.organisation_id).exists()
        assert not register.calls(line.organisation_id).exists()


def test_a_dry_run_changes_nothing(line: Line, folder: Path, capsys: Any) -> None:
    run_command(write(folder, entry(1)), line, "--check")
    assert "1 calls; the manifest can be used" in capsys.readouterr().out
    with tenancy.scope(line.organisation_id):
        assert not access.imports(line.organisation_id).exists()


def test_whose_connection(line: Line, outside_line: Line, folder: Path) -> None:
    manifest = write(folder, entry(1))
    for reference, options in (
        ("no such", []),
        (line.connection.name, []),  # both organisations have one of this name
        (str(outside_line.connection.id), ["--as", "officer@harbor.example"]),
    ):
        with pytest.raises(CommandError):
            call_command("import_calls", str(manifest), "--connection", reference, *options)


@pytest.mark.parametrize("who", ["auditor", "engineer", "colleague"])
def test_who_may_not(line: Line, folder: Path, who: str) -> None:
    with pytest.raises(CommandError):
        run_command(write(folder, entry(1)), line, "--as", f"{who}@harbor.example")


# --- a bad file -----------------------------------------------------------------------------------------------------


@pytest.fixture
def spoil(folder: Path, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Make the second line's file bad in one way; the line."""

    def make(how: str) -> dict[str, Any]:
        path, outside = folder / "a/2.mp3", tmp_path / "outside"
        outside.mkdir()
        shutil.copyfile(MP3, outside / "2.mp3")
        match how:
            case "missing":
                (folder / "a/2.mp3").unlink(missing_ok=True)
                return entry(2, audio="b/2.mp3")
            case "link":
                path.symlink_to(outside / "2.mp3")
            case "linked_folder":
                (folder / "b").symlink_to(outside)
                return entry(2, audio="b/2.mp3")
            case "folder":
                path.mkdir()
            case "pipe":
                os.mkfifo(path)
            case "text":
                path.write_text("no sound at all, and long enough to be looked at")
            case "page":
                path.write_text("<html>")
            case "empty":
                path.write_bytes(b"")
            case "hash":
                return entry(2, sha256="0" * 64)
            case "words":
                (folder / "a/words.json").write_text("{}")
                return entry(2, transcript="a/words.json")
        return entry(2)

    return make


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("missing", "missing"),
        ("link", "link"),
        ("linked_folder", "link"),
        ("folder", "not_a_file"),
        ("pipe", "not_a_file"),
        ("text", "not_audio"),
        ("page", "unavailable"),
        ("empty", "empty"),
        ("hash", "hash_mismatch"),
        ("words", "transcript_missing_field"),
    ],
)
def test_a_bad_file_is_told_and_the_rest_comes_in(
    line: Line, folder: Path, spoil: Callable[[str], dict[str, Any]], how: str, code: str
) -> None:
    run_command(write(folder, entry(1), spoil(how), entry(3)), line)
    assert results(line) == [(1, "done", ""), (2, "failed", code), (3, "done", "")]
    assert counts(line) == (3, 2, 0, 0, 1)
    with tenancy.scope(line.organisation_id):
        stored = register.artifacts(line.organisation_id).filter(kind="recording", state="stored")
        assert stored.count() == 2


def test_a_slip_in_a_hash_can_be_mended(line: Line, folder: Path) -> None:
    run_command(write(folder, entry(1, sha256="0" * 64)), line)
    run_command(write(folder, entry(1)), line)
    assert results(line) == [(1, "done", "")]


def test_another_file_for_a_call_that_has_its_own_is_not_taken(line: Line, folder: Path) -> None:
    run_command(write(folder, entry(1)), line)
    stored = line.artifacts(line.call("old_1"))["recording"].sha256
    (folder / "a/1.mp3").write_bytes((MP3.parent / "02_no_disclosure.mp3").read_bytes())
    run_command(write(folder, entry(1, batch_id="again")), line)
    assert results(line) == [(1, "failed", "other_content")]
    assert line.artifacts(line.call("old_1"))["recording"].sha256 == stored


def test_an_erased_call_does_not_come_back(line: Line, folder: Path) -> None:
    run_command(write(folder, entry(1)), line)
    with tenancy.scope(line.organisation_id):
        rows = Call.objects.for_organisation(line.organisation_id)
        rows.update(state=Call.State.ERASED, external_id="", sealed_facts=None)
    run_command(write(folder, entry(1), entry(2)), line)
    assert results(line) == [(1, "refused", "call_erased"), (2, "done", "")]
    assert counts(line) == (2, 1, 0, 1, 0)


# --- stopped, interrupted ---------------------------------------------------------------------------------------------


class Breaking(Folder):
    """A folder that is gone after so many files."""

    def __init__(self, root: Path, files: int) -> None:
        super().__init__(root)
        self.left = files

    def pieces(self, path: str) -> Any:
        self.left -= 1
        if self.left < 0:
            raise SourceError("unavailable")
        return super().pieces(path)


def test_a_source_that_goes_away_ends_the_run_which_goes_on_later(
    line: Line, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write(folder, *(entry(number) for number in range(1, 5)))
    with monkeypatch.context() as broken:
        broken.setattr("compliance.intake.management.commands.import_calls.Folder", lambda root: Breaking(root, 2))
        with pytest.raises(CommandError) as refused:
            run_command(manifest, line)
    assert refused.value.returncode == 75
    first = last_run(line)
    assert (first.state, first.last_code, first.registered) == ("failed", "source_unavailable", 2)
    run_command(manifest, line)
    assert (last_run(line).id, last_run(line).state) == (first.id, "finished")
    assert counts(line) == (4, 4, 0, 0, 0)


def test_a_stopped_import_takes_nothing_more_in(line: Line, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, take_in = write(folder, entry(1), entry(2), entry(3)), importing._taken_in

    def stop_at_second(work: Any) -> Any:
        if work.line.number == 2:
            runs.stop_import(actor=line.actor, run_id=work.run.id)
        return take_in(work)

    with monkeypatch.context() as stopping:
        stopping.setattr(importing, "_taken_in", stop_at_second)
        with pytest.raises(CommandError):
            run_command(manifest, line)
    assert last_run(line).state == "stopped"
    assert results(line) == [(1, "done", ""), (2, "done", ""), (3, "waiting", "")]
    run_command(manifest, line)
    assert (last_run(line).state, counts(line)) == ("finished", (3, 3, 0, 0, 0))


# --- a bucket ---------------------------------------------------------------------------------------------------------


@pytest.mark.s3
def test_a_bucket_comes_in(
    line: Line, folder: Path, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORT_ACCESS_KEY_ID", object_store.access_key)
    monkeypatch.setenv("IMPORT_SECRET_ACCESS_KEY", object_store.secret_key)
    url = f"s3://{object_store.bucket}/old/calls?endpoint={object_store.endpoint}&region=us-east-1"
    client = Bucket(url, key=(object_store.access_key, object_store.secret_key))._client
    manifest = write(folder, entry(1), entry(2, audio="not/there.mp3"))
    client.put_object(Bucket=object_store.bucket, Key="old/calls/a/1.mp3", Body=MP3.read_bytes())
    run_command(manifest, line, "--bucket", url)
    run = last_run(line)
    assert (run.kind, run.source) == ("bucket", f"s3://{object_store.bucket}/old/calls")
    assert results(line) == [(1, "done", ""), (2, "failed", "missing")]
    monkeypatch.setenv("IMPORT_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(CommandError):
        run_command(write(folder, entry(3)), line, "--bucket", url)
    assert last_run(line).last_code == "source_unavailable"
    listed = client.list_objects_v2(Bucket=object_store.bucket, Prefix="old/")["Contents"]
    assert [one["Key"] for one in listed] == ["old/calls/a/1.mp3"]


@pytest.mark.parametrize("url", ["s3://", "/folder", "https://bucket", "s3://key:secret@bucket", "s3://b?color=red"])
def test_what_is_no_bucket(url: str) -> None:
    with pytest.raises(ValueError):
        Bucket(url)


def test_only_its_own_organisation_sees_an_import(cast: Cast, folder: Path) -> None:
    line = connect(cast.officer.actor)
    run_command(write(folder, entry(1)), line)
    run = last_run(line)
    outsider = cast.outsider.actor
    with tenancy.scope(outsider.organisation_id):
        assert not access.imports(outsider.organisation_id).exists()
        assert not access.import_items(outsider.organisation_id, run.id).exists()

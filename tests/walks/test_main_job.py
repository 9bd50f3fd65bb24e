"""The main job over HTTP, by the code that really runs: from a webhook to a certificate that an outsider has
checked.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command

from compliance.config import samples
from tests.calls import Media
from tests.cast import Cast
from tests.database import Databases
from tests.walks import office as offices
from tests.walks.office import HERS, SOMEBODY_ELSES, Office, ok, open_office, verify


@pytest.fixture
def office(committed_db: Databases, committed_cast: Cast, media: Media) -> Office:
    return open_office(committed_db, committed_cast, media)


def _play(office: Office, name: str) -> str:
    """A link to a call's recording, heard once; its path."""
    recording = next(part for part in office.call(name)["artifacts"] if part["kind"] == "recording")
    link = ok(office.robot.post(f"/api/v1/artifacts/{recording['id']}/links", {}, format="json"), 201)
    path: str = urlsplit(link["url"]).path
    answer: Any = offices.browser().get(path, headers={"Range": "bytes=5000-5999"})
    sample = next(one for one in samples.samples("") if one.name[:2] == name)
    assert b"".join(answer.streaming_content) == sample.audio.read_bytes()[5000:6000]
    return path


def _fetch_package(letter: str, office: Office, request_id: str) -> bytes:
    """What the person does: follow the link, have a code sent, give it."""
    found = re.search(r"http://testserver(/packages/\S+)", letter)
    assert found is not None
    link, person = found.group(1), offices.browser()
    assert person.get(link).status_code == 200
    assert person.post(link, {"code": "12345678"}).status_code == 400
    assert person.post(link).status_code == 200
    answer: Any = person.post(link, {"code": offices.code_in(office.letters(request_id, "one_time_code")[-1])})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    return b"".join(answer.streaming_content)


def _assert_is_hers(data: bytes) -> None:
    """Her two calls and nobody else's, each file as the manifest says."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    files = {item["name"]: item["sha256"] for item in json.loads(archive.read("manifest.json"))["files"]}
    assert set(archive.namelist()) == {*files, "manifest.json"}
    for name, digest in files.items():
        assert hashlib.sha256(archive.read(name)).hexdigest() == digest, name
    known = {sample.sha256: sample.name[:2] for sample in samples.samples("")}
    assert {known[digest] for digest in files.values() if digest in known} == set(HERS)


def _assert_checked(office: Office, document: bytes, folder: Path) -> None:
    """An outsider accepts the certificate, and not one in which a word was changed."""
    path = folder / "certificate.json"
    path.write_bytes(document)
    assert verify(path, office.vkey()) == 0
    for old, new in ((b'"result":"', b'"result":"x'), (b'"number":', b'"number":1')):
        forged = document.replace(old, new, 1)
        assert forged != document
        path.write_bytes(forged)
        assert verify(path, office.vkey()) == 40


def test_both_rights_in_one_request(office: Office, tmp_path: Path) -> None:
    """The copy is made before the erasure takes the originals; the person fetches it afterwards."""
    link = _play(office, "01")
    request_id = office.approved_request("access", "erasure")
    office.work()
    package = _fetch_package(office.letters(request_id, "package_ready")[0], office, request_id)
    _assert_is_hers(package)
    assert hashlib.sha256(package).hexdigest() == office.read(request_id)["packages"][0]["sha256"]
    assert offices.browser().get(link).status_code == 404

    office.platform_deletes(*HERS)
    office.work()
    done = office.read(request_id)
    assert (done["state"], {right["right"]: right["outcome"] for right in done["rights"]}) == (
        "fulfilled", {"access": "fulfilled", "erasure": "fulfilled"}
    )  # fmt: skip
    assert hashlib.sha256(package).hexdigest() == hashlib.sha256(_handed_over(office, request_id)).hexdigest()
    _assert_checked(office, office.certificate(request_id, done["certificates"][0]["number"]), tmp_path)


def _handed_over(office: Office, request_id: str) -> bytes:
    answer: Any = office.officer.get(f"/api/v1/requests/{request_id}/package")
    return b"".join(answer.streaming_content)


def test_interim_while_the_platform_has_its_copy_and_final_after(office: Office, tmp_path: Path) -> None:
    request_id = office.approved_request("erasure")
    office.work()
    interim = office.read(request_id)
    assert (interim["state"], [row["is_final"] for row in interim["certificates"]]) == ("in_progress", [False])
    said = office.certificate(request_id, 1)
    assert b'"awaiting_platform"' in said
    assert b'"state":"asked"' in said
    _assert_checked(office, said, tmp_path)
    assert "has not yet confirmed its own copy" in office.letters(request_id, "erasure_answer")[0]

    office.platform_deletes(*HERS)
    office.work()
    final = office.read(request_id)
    newest, *earlier = final["certificates"]
    assert (final["state"], newest["is_final"], any(row["is_final"] for row in earlier)) == ("fulfilled", True, False)
    proven = office.certificate(request_id, newest["number"])
    assert b"awaiting_platform" not in proven
    assert hashlib.sha256(proven).hexdigest() == newest["sha256"]
    _assert_checked(office, proven, tmp_path)
    pdf = office.robot.get(f"/api/v1/requests/{request_id}/certificates/{newest['number']}.pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert len(office.letters(request_id, "erasure_answer")) == len(final["certificates"])
    _assert_stays_erased(office)
    _assert_log_verifies(office, tmp_path)


def _assert_stays_erased(office: Office) -> None:
    """Late webhooks bring nothing back, and nobody else lost anything."""
    assert [answer.status_code for answer in office.deliver(*HERS, summary="a late word")] == [202, 202]
    office.work()
    for name in HERS:
        assert office.robot.get(f"/api/v1/calls/call_s{name}/transcript").status_code == 410
    calls = ok(office.robot.get("/api/v1/calls", {"limit": 50}))["results"]
    assert sorted(call["state"] for call in calls) == ["active", "erased", "erased"]
    assert {call["external_id"] for call in calls} == {f"call_s{SOMEBODY_ELSES}", ""}
    _play(office, SOMEBODY_ELSES)
    assert ok(office.robot.get(f"/api/v1/calls/call_s{SOMEBODY_ELSES}/transcript"))["transcription"]


def _assert_log_verifies(office: Office, folder: Path) -> None:
    call_command("export_log", "--organisation", str(office.cast.organisation_id), str(folder / "log.tar"))
    assert verify(folder / "log.tar", office.vkey()) == 0


def test_a_held_call_is_kept_and_erased_when_two_people_release_it(office: Office, tmp_path: Path) -> None:
    kept = office.call("05")["id"]
    hold = {"matter": "case 7", "reason": "a claim is pending", "calls": [kept]}
    hold_id = ok(office.officer.post("/api/v1/holds", hold, format="json"), 201)["id"]
    request_id = office.approved_request("erasure")
    office.work()
    office.platform_deletes("01")
    office.work()
    partial = office.read(request_id)
    assert (partial["state"], partial["certificates"][0]["is_final"]) == ("in_progress", False)
    assert office.call("01")["state"] == "erased"
    assert office.call("05")["state"] == "active"
    _play(office, "05")
    answer = office.letters(request_id, "erasure_answer")[-1]
    assert "a legal hold covers it; the erasure waits and continues when the hold ends" in answer
    _assert_checked(office, office.certificate(request_id, partial["certificates"][0]["number"]), tmp_path)

    ok(office.officer.post(f"/api/v1/holds/{hold_id}/release-proposal"))
    assert ok(office.officer.post(f"/api/v1/holds/{hold_id}/release"), 403)["code"] == "own_proposal"
    ok(office.reviewer.post(f"/api/v1/holds/{hold_id}/release"))
    office.work()
    office.platform_deletes("05")
    office.work()
    done = office.read(request_id)
    assert (done["state"], done["certificates"][0]["is_final"]) == ("fulfilled", True)
    assert {right["outcome"] for right in done["rights"]} == {"fulfilled"}
    assert office.call("05")["state"] == "erased"
    _assert_checked(office, office.certificate(request_id, done["certificates"][0]["number"]), tmp_path)

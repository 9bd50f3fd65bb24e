"""Evidence about one call for a regulator: words, second, digests, law, sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors.facts import Message
from compliance.disclosure.operations import auditing, exporting
from compliance.errors import Gone, Invalid, NotAllowed, NotFound
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from tests.cast import Cast
from tests.compliance.disclosure.conftest import TOLD, Hold
from tests.entries import Entries
from tests.walks.desk import Desk

REFUSED = (
    Message("assistant", "Hello, this call is recorded. How can I help?", 0.0),
    Message("user", "I do not want to be recorded.", 4.0),
    Message("assistant", "Alright, I have stopped the recording.", 6.5),
)


def judge(cast: Cast, call_id: UUID) -> Any:
    return auditing.audit_call(actor=Actor.scheduler(cast.organisation_id), call_id=call_id)


def path(call_id: UUID) -> str:
    return f"/api/v1/calls/{call_id}/disclosure-evidence"


def test_it_quotes_the_disclosing_turn_and_nothing_else(
    cast: Cast, held_call: Hold, api: APIClient, entries: Entries
) -> None:
    call_id = held_call(TOLD)
    audit = judge(cast, call_id)
    found = api.get(path(call_id), {"purpose": "investigation"})
    assert found.status_code == 200
    document = found.json()
    assert document["disclosure"] == {
        "turn": 0, "role": "assistant", "words": TOLD[0].content, "seconds": 0.0, "at": None,
    }  # fmt: skip
    assert (document["verdict"], document["first_personal_data_turn"]) == ("pass", 1)
    assert document["reasons"] == [
        {"code": "disclosed", "text": "The caller was told in time and in the right language."}
    ]
    assert (document["law"]["class"], document["law"]["digest"]) == ("notice", audit.details["law"])
    assert "Cal. Penal Code" in document["law"]["why"][0]
    assert document["audit"]["rulebook"] == audit.rulebook
    assert document["recording"] is None
    assert "Delgado" not in found.content.decode()
    (entry,) = entries.of("disclosure.evidence.exported")
    assert (entry.fields["obj"], entry.fields["what"]["audit"]) == (("call", call_id), str(audit.id))
    assert entry.fields["why"] == {"purpose": "investigation"}


def test_the_digest_is_of_the_very_transcript(cast: Cast, held_call: Hold) -> None:
    call_id = held_call(TOLD)
    audit = judge(cast, call_id)
    document = exporting.export_evidence(actor=cast.officer.actor, call_id=call_id)
    with tenancy.scope(cast.organisation_id):
        transcript = register.artifact_of(cast.organisation_id, audit.artifact_id)
    assert len(transcript.sha256) == 64
    assert document["transcript"] == {"artifact_id": transcript.id, "sha256": transcript.sha256}


def test_an_objection_is_quoted_too(cast: Cast, held_call: Hold) -> None:
    call_id = held_call(REFUSED)
    judge(cast, call_id)
    objection = exporting.export_evidence(actor=cast.officer.actor, call_id=call_id)["objection"]
    assert (objection["turn"], objection["words"], objection["seconds"]) == (1, REFUSED[1].content, 4.0)


def test_the_sound_plays_from_the_notice_on_for_that_purpose(
    cast: Cast, arrived: Callable[..., Any], entries: Entries, jobs: Any
) -> None:
    call_id = arrived("01")["01"]
    jobs.drain()
    found = exporting.export_evidence(actor=cast.officer.actor, call_id=call_id, purpose="investigation")
    recording = found["recording"]
    assert len(recording["sha256"]) == 64
    assert recording["url"].endswith(f"#t={found['disclosure']['seconds']:g}")
    (issued,) = entries.of("recordings.link.issued")
    assert issued.fields["why"] == {"purpose": "investigation"}


def test_a_page_for_a_printer(cast: Cast, held_call: Hold, api: APIClient, console: Any) -> None:
    call_id = held_call((Message("assistant", "<b>Hello</b>, this call is recorded.", 0.0), *TOLD[1:]))
    audit = judge(cast, call_id)
    page = api.get(path(call_id), {"purpose": "investigation", "as": "html"})
    assert (page["Content-Type"], page["Cache-Control"]) == ("text/html; charset=utf-8", "private, no-store")
    assert "&lt;b&gt;Hello&lt;/b&gt;, this call is recorded." in page.content.decode()
    shown = Desk(console(cast.officer)).press("disclosure.DisclosureAudit", "evidence", audit.id, purpose="complaint")
    assert "Was the caller told that the call is recorded?" in shown.words
    assert api.get(path(call_id), {"purpose": "x", "as": "pdf"}).status_code == 400


def test_who_may_and_for_what(cast: Cast, held_call: Hold, entries: Entries, outsider_api: APIClient) -> None:
    call_id = held_call(TOLD)
    judge(cast, call_id)
    for actor in (cast.engineer.actor, cast.auditor.actor):
        with pytest.raises(NotAllowed):
            exporting.export_evidence(actor=actor, call_id=call_id)
    with pytest.raises(NotFound):
        exporting.export_evidence(actor=cast.outsider.actor, call_id=call_id)
    assert outsider_api.get(path(call_id)).status_code == 404
    with pytest.raises(Invalid):
        exporting.export_evidence(actor=cast.officer.actor, call_id=call_id, purpose="a" * 101)
    assert entries.of("disclosure.evidence.exported") == []
    assert exporting.export_evidence(actor=cast.colleague.actor, call_id=call_id)["verdict"] == "pass"


def test_there_is_none_of_what_was_not_judged_or_is_erased(cast: Cast, held_call: Hold) -> None:
    call_id = held_call(TOLD)
    with pytest.raises(NotFound) as refused:
        exporting.export_evidence(actor=cast.officer.actor, call_id=call_id)
    assert refused.value.code == "not_judged"
    judge(cast, call_id)
    with tenancy.scope(cast.organisation_id):
        erasing.mark_call_erasing(erasing.lock_call(cast.organisation_id, call_id))
    with pytest.raises(Gone):
        exporting.export_evidence(actor=cast.officer.actor, call_id=call_id)

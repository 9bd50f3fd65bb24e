"""vCon documents through HTTP: registered with their trust, or in quarantine with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts import tenancy
from compliance.connectors import operations as connectors
from compliance.intake import access
from compliance.recordings import access as register
from tests import conftest
from tests.cast import Cast
from tests.compliance.connectors.providers.test_vcon import DOCUMENT, OTHERS, others_documents, signed_document

FILES = sorted([*(OTHERS / "ietf").glob("*.vcon"), *(OTHERS / "fake").glob("*.vcon.json")]) if OTHERS.is_dir() else []
REFUSED = {"ab_call_ext_rec_encrypted.vcon": "encrypted_vcon"}


@pytest.fixture
def connection(cast: Cast) -> connectors.NewAddress:
    new = connectors.NewConnection(platform="vcon", name="Documents")  # no host: nothing is fetched
    return connectors.create_connection(actor=cast.owner.actor, new=new)


def _post(connection: connectors.NewAddress, body: bytes) -> Any:
    path = "/" + connection.url.split("/", 3)[3]
    return Client().post(
        path, body, content_type="application/vcon+json", headers={"Authorization": f"Bearer {connection.token}"}
    )


def _outcome(cast: Cast, answer: Any) -> tuple[str, str, Any]:
    assert answer.status_code == 202, answer.content
    with tenancy.scope(cast.organisation_id):
        delivery = access.deliveries(cast.organisation_id).get(id=UUID(answer.json()["delivery"]))
        call = register.calls(cast.organisation_id).filter(id=delivery.call_id).first() if delivery.call_id else None
        return delivery.state, delivery.code, call


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_document_becomes_a_call_with_its_trust(
    cast: Cast, connection: connectors.NewAddress, jobs: conftest.Jobs, is_signed: bool
) -> None:
    document = signed_document(DOCUMENT) if is_signed else DOCUMENT
    answer = _post(connection, json.dumps(document).encode())
    jobs.drain()
    state, code, call = _outcome(cast, answer)
    assert (state, code, call.external_id) == ("processed", "", DOCUMENT["uuid"])
    assert call.trust == ("signed" if is_signed else "unsigned")
    assert (call.consent, call.place, call.direction) == ("granted", "US-CA", "inbound")


def test_a_document_whose_signature_does_not_hold_is_quarantined(
    cast: Cast, connection: connectors.NewAddress, jobs: conftest.Jobs
) -> None:
    signed = signed_document(DOCUMENT)
    signed["payload"] = signed_document(DOCUMENT | {"subject": "other"})["payload"]
    answer = _post(connection, json.dumps(signed).encode())
    jobs.drain()
    assert _outcome(cast, answer) == ("quarantined", "bad_vcon_signature", None)


@others_documents
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:28])
def test_other_peoples_documents_are_imported_or_refused_with_a_reason(
    cast: Cast, connection: connectors.NewAddress, jobs: conftest.Jobs, path: Path
) -> None:
    answer = _post(connection, path.read_bytes())
    jobs.drain()
    state, code, call = _outcome(cast, answer)
    if path.name in REFUSED:
        assert (state, code, call) == ("quarantined", REFUSED[path.name], None)
        return
    assert (state, code) == ("processed", "")
    assert call is not None
    with tenancy.scope(cast.organisation_id):
        kinds = {one.kind for one in register.artifacts_of(cast.organisation_id, call.id)}
    assert kinds & {"recording", "transcript", "redacted_copy"}

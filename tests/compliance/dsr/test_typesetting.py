"""Pages for people."""

import os
from datetime import UTC, datetime
from typing import Any

import pytest

from compliance.dsr import typesetting

ISSUED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "body": {
        "number": 1,
        "final": True,
        "request": {
            "id": "0199",
            "regime": "eu-gdpr",
            "received_on": "2026-11-01",
            "approved_at": None,
            "plan_sha256": "00" * 32,
        },
        "artifacts": [],
        "keys": [],
    },
    "origin": "callwarden.localhost/log/1",
    "vkey": "callwarden.localhost/log/1+00000000+AAAA",
    "sha256": "11" * 32,
    "issued_at": "2026-11-22T10:00:00+00:00",
    "date": [2026, 11, 22],
    "not_said": ["that nothing was left unsaid"],
}


def test_the_same_facts_are_the_same_bytes_and_an_archive_format() -> None:
    first = typesetting.to_pdf("certificate", FACTS, issued_at=ISSUED)
    assert first == typesetting.to_pdf("certificate", FACTS, issued_at=ISSUED)
    assert b"pdfaid:part" in first


def test_what_does_not_fit_says_nothing_of_the_facts() -> None:
    with pytest.raises(typesetting.TypesettingFailed) as failed:
        typesetting.to_pdf("certificate", {"secret": "Maria"}, issued_at=ISSUED)
    assert "Maria" not in str(failed.value)


def test_a_process_that_forks_afterwards_can_set_another_page() -> None:
    """As a worker's children do. With the threads in this process the child would wait for ever."""
    typesetting.to_pdf("certificate", FACTS, issued_at=ISSUED)
    child = os.fork()
    if child == 0:
        os._exit(0 if typesetting.to_pdf("certificate", FACTS, issued_at=ISSUED) else 1)
    assert os.waitpid(child, 0)[1] == 0

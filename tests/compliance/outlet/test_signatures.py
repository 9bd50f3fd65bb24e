"""Ours is read by the vendors' package and by our own incoming side."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from compliance.connectors.providers.base import BadSignature, Incoming, Secret, TokenPlace
from compliance.connectors.providers.standard import Standard
from compliance.outlet import signatures

AT = datetime(2026, 11, 22, 14, 0, 0, 900_000, tzinfo=UTC)
ID = UUID("01a20356-aa7e-76e2-9e1d-a38c52f47fe0")
KEYS = st.binary(min_size=24, max_size=64)


def signed(secrets: list[bytes], body: bytes, message_id: UUID = ID, at: datetime = AT) -> dict[str, str]:
    return signatures.headers(secrets, signatures.message_name(message_id), at, body)


@given(KEYS, st.dictionaries(st.text(max_size=8), st.integers() | st.text()), st.uuids(version=4))
def test_the_package_of_the_standard_accepts_ours(key: bytes, body: dict[str, object], message_id: UUID) -> None:
    text = json.dumps(body)
    headers = signed([key], text.encode(), message_id)
    with time_machine.travel(AT, tick=False):
        assert Webhook(signatures.secret_text(key)).verify(text, headers) == body


@given(KEYS, st.binary(max_size=200))
def test_our_own_incoming_side_accepts_ours(key: bytes, body: bytes) -> None:
    secret = Secret(signatures.secret_text(key).encode(), TokenPlace.ANY, AT - timedelta(days=1), None)
    Standard().verify_signature(Incoming(signed([key], body), body), [secret], AT)
    with pytest.raises(BadSignature):
        Standard().verify_signature(Incoming(signed([key], body), body + b"."), [secret], AT)


@given(KEYS, KEYS)
def test_during_a_rotation_either_secret_verifies(new: bytes, old: bytes) -> None:
    headers = signed([new, old], b"{}")
    assert len(headers["webhook-signature"].split()) == 2
    with time_machine.travel(AT, tick=False):
        for key in (new, old):
            assert Webhook(signatures.secret_text(key)).verify("{}", headers) == {}


@pytest.mark.parametrize("change", ["body", "id", "time", "key"])
def test_whatever_is_changed_is_refused(change: str) -> None:
    key, headers, body = b"k" * 32, signed([b"k" * 32], b"{}"), "{}"
    if change == "body":
        body = "{ }"
    elif change == "id":
        headers["webhook-id"] += "0"
    elif change == "time":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    else:
        key = b"K" * 32
    with time_machine.travel(AT, tick=False), pytest.raises(WebhookVerificationError):
        Webhook(signatures.secret_text(key)).verify(body, headers)


def test_the_specifications_own_example() -> None:
    """The vector of the package's own tests, which the libraries of the standard share."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    found = signatures.headers([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_headers_of_one_message() -> None:
    found = signed([b"k" * 24], b"{}")
    assert found["webhook-id"] == "msg_01a20356aa7e76e29e1da38c52f47fe0"
    assert found["webhook-timestamp"] == "1795356000"
    assert "." not in found["webhook-id"]


@pytest.mark.parametrize("length", [0, 23, 65])
def test_a_secret_outside_the_bounds_is_none(length: int) -> None:
    with pytest.raises(ValueError, match="24 to 64"):
        signatures.secret_text(b"k" * length)


def test_nothing_goes_out_unsigned() -> None:
    with pytest.raises(ValueError, match="signature"):
        signed([], b"{}")

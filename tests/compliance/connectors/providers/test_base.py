"""Tokens: who may post to a connection's address."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from compliance.connectors.providers import base, registry
from compliance.connectors.providers.base import BadSignature, Incoming, Secret, TokenPlace, UnknownPlatform

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TOKEN = "test-intake-token"  # an invented one
DIGEST = hashlib.sha256(TOKEN.encode()).digest()
OLD = hashlib.sha256(b"old-token").digest()


def refusal_of(incoming: Incoming, *secrets: Secret) -> str | None:
    try:
        registry.provider_for("dialgen").verify_signature(incoming, secrets, NOW)
    except BadSignature as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize(
    ("headers", "path_token", "expected"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, None, None),
        ({"authorization": f"bearer  {TOKEN} "}, None, None),
        ({}, TOKEN, None),
        ({"Authorization": "Bearer wrong"}, TOKEN, None),
        ({"Authorization": f"Bearer {TOKEN}"}, "wrong", None),
        ({"Authorization": f"Basic {TOKEN}"}, None, "no_token"),
        ({"Authorization": "Bearer "}, None, "no_token"),
        ({}, None, "no_token"),
        ({}, "", "no_token"),
        ({"Authorization": "Bearer wrong"}, None, "bad_token"),
        ({"Authorization": f"Bearer {TOKEN}x"}, None, "bad_token"),
        ({"Authorization": "Bearer \udcff\u00e9"}, None, "bad_token"),
        ({}, "x" * 100_000, "bad_token"),
    ],
)
def test_a_token_in_path_or_header(headers: dict[str, str], path_token: str | None, expected: str | None) -> None:
    assert refusal_of(Incoming(headers, b"{}", path_token), Secret(DIGEST)) == expected


@pytest.mark.parametrize(
    ("place", "path_token", "bearer", "expected"),
    [
        (TokenPlace.HEADER, TOKEN, None, "bad_token"),
        (TokenPlace.HEADER, "routing-token", TOKEN, None),
        (TokenPlace.PATH, None, TOKEN, "bad_token"),
        (TokenPlace.PATH, TOKEN, None, None),
    ],
)
def test_a_connection_may_ask_for_one_place(
    place: TokenPlace, path_token: str | None, bearer: str | None, expected: str | None
) -> None:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    assert refusal_of(Incoming(headers, b"", path_token), Secret(DIGEST, place)) == expected


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "expected"),
    [
        (None, NOW + timedelta(seconds=1), None),
        (NOW, None, None),
        (None, NOW, "bad_token"),
        (NOW + timedelta(seconds=1), None, "bad_token"),
    ],
)
def test_a_token_counts_in_its_time_only(
    valid_from: datetime | None, valid_until: datetime | None, expected: str | None
) -> None:
    secret = Secret(DIGEST, valid_from=valid_from, valid_until=valid_until)
    assert refusal_of(Incoming({}, b"", TOKEN), secret) == expected


def test_during_a_rotation_both_tokens_count_and_afterwards_one() -> None:
    old = Secret(OLD, valid_until=NOW + timedelta(hours=1))
    assert refusal_of(Incoming({}, b"", "old-token"), Secret(DIGEST), old) is None
    assert refusal_of(Incoming({}, b"", TOKEN), Secret(DIGEST), old) is None
    assert refusal_of(Incoming({}, b"", "old-token"), Secret(DIGEST)) == "bad_token"


def test_every_digest_is_compared_even_after_a_match(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert refusal_of(Incoming({}, b"", TOKEN), Secret(DIGEST), Secret(OLD), Secret(DIGEST)) is None
    assert compared == [DIGEST, OLD, DIGEST]


def test_no_secret_lets_nobody_in() -> None:
    assert refusal_of(Incoming({}, b"", TOKEN)) == "bad_token"


def test_secrets_and_bodies_are_not_printed() -> None:
    printed = repr(Incoming({"Authorization": "Bearer abc"}, b"words", "abc", "https://x.example/hooks/abc"))
    assert "abc" not in printed
    assert "words" not in printed
    assert str(DIGEST) not in repr(Secret(DIGEST))


def test_the_digest_is_plain_sha256() -> None:
    assert base.token_digest(TOKEN) == DIGEST


def test_only_known_platforms_are_served() -> None:
    assert {"dialgen", "elevenlabs", "retell", "standard", "twilio", "vapi", "vcon"} <= set(registry.names())
    assert list(registry.names()) == sorted(registry.names())
    with pytest.raises(UnknownPlatform):
        registry.provider_for("../dialgen")

"""Secrets of a connection: sealed or digested, told once, rotated with an overlap, and shown to nobody again."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from django.db import connection as database
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.connectors import access, operations
from compliance.connectors.models import Connection
from compliance.connectors.operations import NewConnection
from compliance.connectors.providers.base import Secret
from compliance.errors import Conflict, Invalid, NotFound
from tests.cast import Cast
from tests.compliance.calls import Entries, Line, entries, line

__all__ = ["entries", "line"]
THEIRS = "wsec_the_platform_made_this"


@pytest.fixture
def eleven(cast: Cast) -> Connection:
    """A platform that makes its secret itself."""
    new = NewConnection("elevenlabs", "Agents", webhook_secret=THEIRS)
    return operations.create_connection(actor=cast.officer.actor, new=new).connection


def secrets(connection: Connection) -> list[Secret]:
    with tenancy.scope(connection.organisation_id):
        return access.receiver(connection.organisation_id, connection.id).secrets


def values(connection: Connection) -> list[bytes]:
    return [one.value for one in secrets(connection)]


def pem(key: Any = None, *, password: bytes | None = None) -> str:
    made = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def everything_stored(connection: Connection) -> bytes:
    """Every column of the room's rows, as the database holds them."""
    with tenancy.scope(connection.organisation_id), database.cursor() as cursor:
        cursor.execute("SELECT row_to_json(c)::text FROM connectors_connection c")
        found = [row[0].encode() for row in cursor.fetchall()]
        cursor.execute("SELECT sealed_value, digest FROM connectors_connectionsecret")
        found += [bytes(value) for row in cursor.fetchall() for value in row if value is not None]
    return b"\n".join(found)


def test_a_platforms_secret_is_sealed_and_opens_for_checking_only(eleven: Connection, entries: Entries) -> None:
    assert values(eleven) == [THEIRS.encode()]
    assert THEIRS.encode() not in everything_stored(eleven)
    assert THEIRS not in repr(secrets(eleven))


def test_a_platform_that_makes_its_secret_may_be_connected_before_it_is_known(cast: Cast) -> None:
    made = operations.create_connection(actor=cast.officer.actor, new=NewConnection("elevenlabs", "Later"))
    assert (made.token, made.url_with_token, values(made.connection)) == ("", "", [])
    operations.set_webhook_secret(actor=cast.officer.actor, connection_id=made.connection.id, value=THEIRS)
    assert values(made.connection) == [THEIRS.encode()]


def test_a_standard_webhooks_secret_has_its_form_and_is_told_once(cast: Cast, entries: Entries) -> None:
    made = operations.create_connection(actor=cast.officer.actor, new=NewConnection("standard", "Ours"))
    assert made.token.startswith("whsec_")
    assert len(base64.b64decode(made.token.removeprefix("whsec_"))) == 32
    assert (values(made.connection), made.url_with_token) == ([made.token.encode()], "")
    assert made.token.encode() not in everything_stored(made.connection)
    assert made.token not in repr(made) + str(entries)


def test_during_a_rotation_two_secrets_are_good_and_then_one(eleven: Connection, cast: Cast, entries: Entries) -> None:
    operations.set_webhook_secret(actor=cast.officer.actor, connection_id=eleven.id, value="wsec_the_second_one")
    assert values(eleven) == [THEIRS.encode(), b"wsec_the_second_one"]
    with time_machine.travel(datetime.now(UTC) + operations.TOKEN_OVERLAP + timedelta(seconds=1)):
        assert values(eleven) == [b"wsec_the_second_one"]
        operations.check_health(actor=Actor.scheduler(cast.organisation_id))
        with tenancy.scope(cast.organisation_id), database.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM connectors_connectionsecret WHERE sealed_value IS NOT NULL")
            assert cursor.fetchone() == (1,)  # what opens nothing any more is forgotten
    (entry,) = entries.of("connectors.webhook_secret.set")
    assert (entry.obj, entry.what) == (("connection", eleven.id), {"overlap_seconds": 86_400})


def test_a_leaked_secret_ends_now(eleven: Connection, cast: Cast) -> None:
    operations.set_webhook_secret(
        actor=cast.officer.actor, connection_id=eleven.id, value="wsec_the_second_one", overlap=timedelta(0)
    )
    assert values(eleven) == [b"wsec_the_second_one"]


def test_no_more_than_three_are_good_at_once(eleven: Connection, cast: Cast) -> None:
    for number in range(5):
        operations.set_webhook_secret(actor=cast.officer.actor, connection_id=eleven.id, value=f"wsec_number_{number}")
    assert values(eleven) == [b"wsec_number_2", b"wsec_number_3", b"wsec_number_4"]


def test_whose_secret_it_is_decides_how_it_is_replaced(eleven: Connection, line: Line, cast: Cast) -> None:
    with pytest.raises(Conflict, match="platform makes"):
        operations.rotate_token(actor=cast.officer.actor, connection_id=eleven.id)
    with pytest.raises(Conflict, match="token of our making"):
        operations.set_webhook_secret(actor=cast.officer.actor, connection_id=line.connection.id, value=THEIRS)
    new = NewConnection("dialgen", "x", webhook_secret=THEIRS)
    with pytest.raises(Invalid) as refused:
        operations.create_connection(actor=cast.officer.actor, new=new)
    assert list(refused.value.errors) == ["webhook_secret"]


@pytest.mark.parametrize("value", ["", "short", "two words in it", "umlaut-ü-in-it", "x" * 501, "line\nbreak-in-it"])
def test_what_cannot_be_a_secret(eleven: Connection, cast: Cast, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        operations.set_webhook_secret(actor=cast.officer.actor, connection_id=eleven.id, value=value)
    assert not value or value not in str(refused.value.errors)
    assert values(eleven) == [THEIRS.encode()]


# --- credentials and keys ---------------------------------------------------------------------------------------------


def credentials(connection: Connection) -> Any:
    with tenancy.scope(connection.organisation_id):
        return access.credentials_of(access.connection_of(connection.organisation_id, connection.id))


def test_a_credential_is_sealed_replaced_and_forgotten(eleven: Connection, cast: Cast, entries: Entries) -> None:
    officer = cast.officer.actor
    for value in ("xi-first-key", "xi-second-key"):
        operations.set_credential(actor=officer, connection_id=eleven.id, name="api_key", value=value)
    assert credentials(eleven).secret("api_key") == "xi-second-key"
    stored = everything_stored(eleven)
    assert b"xi-first-key" not in stored
    assert b"xi-second-key" not in stored
    operations.set_credential(actor=officer, connection_id=eleven.id, name="api_key", value="")
    assert credentials(eleven).secrets == {}
    assert [entry.what for entry in entries.of("connectors.credential.set")] == [
        {"name": "api_key", "set": True, "replaced": False},
        {"name": "api_key", "set": True, "replaced": True},
        {"name": "api_key", "set": False, "replaced": True},
    ]


def test_an_unknown_credential_names_the_known_ones(eleven: Connection, line: Line, cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        operations.set_credential(actor=cast.officer.actor, connection_id=eleven.id, name="password", value="x")
    assert "api_key" in refused.value.errors["name"][0]
    with pytest.raises(Invalid, match="not known"):
        operations.set_credential(actor=cast.officer.actor, connection_id=line.connection.id, name="x", value="x")


def test_recording_keys_live_side_by_side_by_their_id(eleven: Connection, cast: Cast, entries: Entries) -> None:
    first, second = pem(), pem()
    for key_id, text in (("CR1", first), ("CR2", second), ("CR1", second)):
        operations.set_recording_key(
            actor=cast.officer.actor, connection_id=eleven.id, key_id=key_id, private_key_pem=text
        )
    with tenancy.scope(eleven.organisation_id):
        assert access.recording_key_of(eleven, "CR1") == second.strip().encode() + b"\n"
        assert access.recording_key_of(eleven, "CR2") == second.strip().encode() + b"\n"
        assert access.recording_key_of(eleven, "CR3") is None
    assert b"PRIVATE KEY" not in everything_stored(eleven)
    assert entries.of("connectors.recording_key.set")[2].what == {"bits": 2048, "replaced": True}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no key", "begins with"),
        (f"-----BEGIN PRIVATE KEY-----\n{'A' * 30}\n-----END PRIVATE KEY-----", "cannot be read"),
        (pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "at least 2048"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "another kind"),
        (pem(password=b"secret"), "password"),
        ("-----BEGIN PRIVATE KEY-----" + "A" * 30_000, "begins with"),
    ],
    ids=["text", "broken", "small", "curve", "password", "long"],
)
def test_a_key_that_cannot_be_used_is_refused_with_the_reason(
    eleven: Connection, cast: Cast, text: str, why: str
) -> None:
    with pytest.raises(Invalid) as refused:
        operations.set_recording_key(
            actor=cast.officer.actor, connection_id=eleven.id, key_id="CR1", private_key_pem=text
        )
    assert why in refused.value.errors["private_key_pem"][0]
    assert "AAAA" not in str(refused.value.errors)


@pytest.mark.parametrize("who", ["colleague", "auditor", "engineer"])
def test_only_owners_and_officers_enter_secrets(eleven: Connection, cast: Cast, who: str) -> None:
    tries: list[tuple[Any, dict[str, Any]]] = [
        (operations.set_webhook_secret, {"value": "wsec_another_one"}),
        (operations.set_credential, {"name": "api_key", "value": "xi-key"}),
        (operations.set_recording_key, {"key_id": "CR1", "private_key_pem": pem()}),
        (operations.set_options, {"options": {}}),
        (operations.set_api_host, {"host": ""}),
        (operations.set_quiet_hours, {"hours": 5}),
    ]
    for operation, arguments in tries:
        with pytest.raises(NotAllowed):
            operation(actor=getattr(cast, who).actor, connection_id=eleven.id, **arguments)
        with pytest.raises(NotFound):
            operation(actor=cast.outsider.actor, connection_id=eleven.id, **arguments)
        operation(actor=cast.owner.actor, connection_id=eleven.id, **arguments)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_options_are_those_of_the_platform(cast: Cast) -> None:
    new = NewConnection("vapi", "Assistants", options={"scheme": "hmac", "signature_header": "x-sig"})
    made = operations.create_connection(actor=cast.officer.actor, new=new).connection
    assert access.options_of(made) | {"scheme": "hmac", "signature_header": "x-sig"} == access.options_of(made)
    changed = operations.set_options(actor=cast.officer.actor, connection_id=made.id, options={"scheme": "bearer"})
    assert (changed.options, access.options_of(changed)["signature_header"]) == ({"scheme": "bearer"}, "x-signature")
    for options in ({"scheme": "none"}, {"colour": "red"}, {"signature_header": "two words"}):
        with pytest.raises(Invalid) as refused:
            operations.set_options(actor=cast.officer.actor, connection_id=made.id, options=options)
        assert list(refused.value.errors) == ["options"]


def test_a_platforms_usual_hosts_are_taken_where_none_is_named(cast: Cast) -> None:
    made = operations.create_connection(actor=cast.officer.actor, new=NewConnection("twilio", "x")).connection
    assert made.allowed_hosts == ["api.twilio.com"]
    new = NewConnection("twilio", "x", allowed_hosts=["media.example"])
    assert operations.create_connection(actor=cast.officer.actor, new=new).connection.allowed_hosts == ["media.example"]


def test_an_api_host_is_one_of_the_platforms_or_of_the_test(cast: Cast, settings: Any) -> None:
    settings.FETCH_TEST_HOSTS = ["127.0.0.1:8123"]
    made = operations.create_connection(actor=cast.officer.actor, new=NewConnection("vapi", "x")).connection
    for host in ("127.0.0.1:8123", "", "api.vapi.ai"):
        changed = operations.set_api_host(actor=cast.officer.actor, connection_id=made.id, host=host)
        assert changed.api_host == host
    for host in ("evil.example", "127.0.0.1:8124", "api.vapi.ai:8443", "api.vapi.ai.evil.example"):
        with pytest.raises(Invalid):
            operations.set_api_host(actor=cast.officer.actor, connection_id=made.id, host=host)


def test_the_api_takes_secrets_and_never_gives_them(
    cast: Cast, signed_in: Any, api: APIClient, outsider_api: APIClient
) -> None:
    officer, key = signed_in(cast.officer), pem()
    created = officer.post(
        "/api/v1/connections", {"platform": "twilio", "name": "Phones", "webhook_secret": THEIRS}, format="json"
    )
    assert (created.status_code, created.json()["token"]) == (201, None)
    path = f"/api/v1/connections/{created.json()['id']}"
    tries = [
        ("post", "/webhook-secret", {"value": "wsec_the_second_one"}),
        ("put", "/credentials/auth_token", {"value": "tw-auth-token"}),
        ("put", "/recording-keys/CR1", {"private_key_pem": key}),
        ("patch", "", {"quiet_hours": 12, "allowed_hosts": ["media.example"], "state": "paused"}),
    ]
    for method, tail, body in tries:
        assert getattr(signed_in(cast.auditor), method)(path + tail, body, format="json").status_code == 403
        assert getattr(outsider_api, method)(path + tail, body, format="json").status_code == 404
        answer = getattr(officer, method)(path + tail, body, format="json")
        assert answer.status_code == 200, answer.content
    shown = api.get(path)
    assert (shown.json()["credentials"], shown.json()["recording_keys"]) == (["auth_token"], ["CR1"])
    assert (shown.json()["quiet_hours"], shown.json()["state"]) == (12, "paused")
    everything = shown.content + api.get("/api/v1/connections").content + created.content
    for secret in (THEIRS, "wsec_the_second_one", "tw-auth-token", "PRIVATE KEY"):
        assert secret.encode() not in everything
    assert outsider_api.get(path).status_code == 404


def test_the_platforms_are_listed_with_what_they_need(api: APIClient) -> None:
    listed = {one["name"]: one for one in api.get("/api/v1/platforms").json()}
    assert {"dialgen", "vapi", "retell", "twilio", "elevenlabs", "standard"} <= set(listed)
    assert (listed["dialgen"]["secret_form"], listed["elevenlabs"]["secret_origin"]) == ("digest", "theirs")
    unknown = api.post("/api/v1/connections", {"platform": "bland", "name": "x"}, format="json")
    assert unknown.status_code == 400
    assert "elevenlabs" in unknown.json()["errors"]["platform"][0]


def test_secrets_in_the_console(eleven: Connection, cast: Cast, console: Any) -> None:
    browser = console(cast.officer)
    page = f"/admin/connectors/connection/{eleven.id}/"
    for button, data in (
        ("set-secret", {"value": "wsec_by_the_console"}),
        ("set-credential", {"name": "api_key", "value": "xi-by-console"}),
        ("set-recording-key", {"key_id": "CR1", "private_key_pem": pem()}),
        ("set-settings", {"quiet_hours": "6", "api_host": "", "options": ""}),
    ):
        assert browser.get(f"{page}{button}/").status_code == 200, button
        assert browser.post(f"{page}{button}/", data).status_code == 302, button
    assert values(eleven)[-1] == b"wsec_by_the_console"
    shown = browser.get(f"{page}change/").content.decode()
    assert "api_key" in shown
    assert "CR1" in shown
    assert "xi-by-console" not in shown
    assert "wsec_by_the_console" not in shown
